#!/bin/bash
# SPDX-License-Identifier: MIT
# An error of AoE itself is one line of the log with its code, and not with what stands where an ATA
# status would be: that is left over from the request, or says that all went well.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
while read -r number options; do
        # shellcheck disable=SC2086 # a list of words
        quirk_begin $options -r 2048:2064
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=257 count=1
        wait_for "the log line of $options" 5 \
                grep -Eq "^aoefs: e7\.1: .*\bLBA 2056\b.*\berror $number\b" "$W/a.log"
        quirk_end
        same "$(count_of '\bstatus\b' "$W/a.log")" 0 "$options: lines that name a status"
done <<'END'
2 -q argument
71 -q error-high
71 -q error-high -q short-error -q exact
END
