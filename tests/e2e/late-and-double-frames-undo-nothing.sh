#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# Frames that arrive twice, out of order and 8 ms late: no write lands on top of a newer one. The
# last line loses frames as well, so that copies are on their way while the range is written again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
for mtu in 1500 9000; do
        while read -r -a faults; do
                wire_up $mtu
                blank "$W/a.img" 8
                vblade_start v1 7 1 "$W/a.img"
                daemon_start a
                wire_set both "${faults[@]}"
                fio_verify "$D" --ioengine=libaio --size=2M --loops="$(by_night 2 20)" --randrepeat=0
                load_start "$D" -n "$(by_night 1000 10000)"
                load_finish 120
                daemon_stop a
                kill_wait v1
                load_check "$W/a.img"
                wire_stop
        done <<'END'
duplicate=100
reorder=100
duplicate=100 reorder=100 loss=10
duplicate=100 reorder=100 loss=10 stray=10
END
done
