#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs mount` returns when every device that answers can be read; again and again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
for _ in 1 2 3 4 5; do
        from=${EPOCHREALTIME/./}
        daemon_start a
        took=$((${EPOCHREALTIME/./} - from))
        head -c 4096 "$D" | cmp -n 4096 - "$W/a.img"
        at_most $took 3000000 "microseconds of a mount"
        same "$(stat -c '%s %b %B %F %a' "$D")" "4194304 8192 512 regular file 600" "stat of a disk"
        is_mounted "$M" || fail "no mount"
        daemon_stop a
        is_mounted "$M" && fail "still mounted"
done
same "$(cat "$W/a.log")" "" "what a mount without trouble says"
# Nobody answers: usable all the same, and within a second and a half.
kill_wait v1
from=${EPOCHREALTIME/./}
daemon_start a
at_most $((${EPOCHREALTIME/./} - from)) 1500000 "microseconds of a mount without devices"
same "$(ls "$M")" "" "names in a mount without devices"
daemon_stop a
