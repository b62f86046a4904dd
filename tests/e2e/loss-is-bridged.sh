#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# One frame in a thousand, in a hundred, in twenty lost each way: fio verifies blocks that are written
# again and again, the load of rewrites sees no error and no wrong byte, and frames were sent again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
for mtu in 1500 9000; do
        for loss in 1 10 50; do
                wire_up $mtu
                blank "$W/a.img" 8
                vblade_start v1 7 1 "$W/a.img"
                daemon_start a
                wire_set both loss=$loss
                fio_verify "$D" --ioengine=libaio --size=4M --loops="$(by_night 4 40)" --randrepeat=0
                load_start "$D" -n "$(by_night 1000 10000)"
                load_finish 120
                at_least "$(stat_sum '^aoefs_frames_resent\{device="e7.1"')" 1 "frames sent again"
                daemon_stop a
                kill_wait v1
                load_check "$W/a.img"
                wire_stop
        done
done
