#!/bin/bash
# SPDX-License-Identifier: MIT
# An error that the disk reports is one line of the log with what the disk said: LBA, status and error
# register. Many of them do not flood it.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q abort -r 2048:2064
expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=257 count=1
wait_for "the log line" 5 grep -Eq '^aoefs: e7\.1: .*\bLBA 2056\b.*\bstatus 0x41\b.*\berror 0x40\b' "$W/a.log"
for _ in {1..100}; do
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=257 count=1
done
quirk_end abort
at_most "$(count_of '\bLBA\b' "$W/a.log")" 10 "log lines for 101 errors"
