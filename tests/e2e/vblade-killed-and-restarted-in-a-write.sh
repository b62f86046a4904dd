#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# The target dies (kill -9) and comes back in the middle of a write, several times: the writer sees
# no error, and no byte is wrong.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
mib=96
for mtu in 1500 9000; do
        net_up $mtu
        image "$W/data" $mib
        blank "$W/a.img" $mib
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        background writer dd if="$W/data" of="$D" bs=1M oflag=direct conv=notrunc,fsync status=none
        for third in 1 2 3; do
                wait_for "the writer to come to $third/4" 60 position_of "${PIDS[writer]}" 1 \
                        $((mib * third / 4 << 20))
                kill_wait v1 KILL
                vblade_start v1 7 1 "$W/a.img"
        done
        finish writer 90
        same "$code" 0 "the writer: $(cat "$W/writer.log")"
        same_bytes "$D" "$W/data"
        daemon_stop a
        same_bytes "$W/a.img" "$W/data"
        kill_wait v1
done
