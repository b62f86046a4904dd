#!/bin/bash
# SPDX-License-Identifier: MIT
# A process that reads from a target that does not answer any more can be killed.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
blank "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
daemon_start a
kill -STOP "${PIDS[v1]}"
for signal in KILL TERM; do
        background reader dd if="$D" of=/dev/null bs=64k iflag=direct status=none
        wait_for "the request to be open" 10 open_at_least e7.1 1
        kill -s $signal "${PIDS[reader]}"
        finish reader 15
        [ "$code" -gt 128 ] || fail "the reader ended with $code, not by its signal"
done
kill -CONT "${PIDS[v1]}"
wait_for "the device to answer" 20 dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
daemon_stop a
