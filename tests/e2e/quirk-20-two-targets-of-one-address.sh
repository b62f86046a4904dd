#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 20. A second target with the address of the first and another disk gets no I/O, neither when it
# comes nor when the first is silent; the log names its MAC.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
rogue=02:00:00:00:66:01
image "$W/b.img" 2
cp "$W/b.img" "$W/want.b"
QUIRK_MOUNT="-o timeout=2" quirk_begin
quirk_io
hostile_start v2 "$W/b.img" -M $rogue -S rogue
wait_for "the log line" 5 grep -q "another disk claims this address: $rogue" "$W/a.log"
quirk_io
same "$(awk -v m=$rogue '$2 == m { print $NF }' "$M/.aoefs/e7.1/paths")" duplicate "path of $rogue"
kill -STOP "${PIDS[v1]}"
expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k count=1
kill -CONT "${PIDS[v1]}"
wait_for "the first target to be back" 5 grep -qx up "$M/.aoefs/e7.1/state"
quirk_io
quirk_end
kill_wait v2
same "$(said v2 served)" 0 "commands that the second target got"
same_bytes "$W/b.img" "$W/want.b"
