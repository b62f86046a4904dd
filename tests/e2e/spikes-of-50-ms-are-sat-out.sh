#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# Every half second, and the other way more often, nothing passes for 50 ms, then everything at once:
# no error, no wrong byte, and the writes that were sent again meanwhile undo nothing.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
for mtu in 1500 9000; do
        wire_up $mtu
        blank "$W/a.img" 8
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        wire_set out spike=50:500
        wire_set back spike=50:430 # at times of its own, or nothing would be on its way back
        fio_verify "$D" --ioengine=libaio --size=4M --loops="$(by_night 4 40)" --randrepeat=0
        load_start "$D" -n "$(by_night 3000 30000)"
        load_finish 120
        at_least "$(stat_sum '^aoefs_frames_resent\{device="e7.1"')" 1 "frames sent again"
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
        wire_stop
done
