#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# What odd but honest targets do is no reason for an error: every byte arrives.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires cc
net_up 9000
image "$W/data" 4
while read -r -a options; do
        blank "$W/a.img" 4
        hostile_start v1 "$W/a.img" "${options[@]}"
        daemon_start a
        [ -e "$D" ] || fail "${options[*]}: no device"
        dd if="$W/data" of="$D" bs=300k conv=notrunc,fsync oflag=direct status=none
        dd if="$D" bs=1M iflag=direct status=none | cmp - "$W/data" ||
                fail "${options[*]}: wrong bytes"
        daemon_stop a
        kill_wait v1
        same_bytes "$W/a.img" "$W/data"
done <<'END'
-q version-zero
-q count-echo
-q no-echo
-q long
-q double
-q any-address
-q sectors-zero
-q sectors-large
-b 0
-b 1
-b 2 -n 1
-b 1024 -q double -q long -q count-echo -q no-echo
END
