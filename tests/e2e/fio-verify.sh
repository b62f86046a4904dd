#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# Random writes at depth 16 with checksums, read back and verified, by libaio and io_uring, O_DIRECT,
# at MTU 1500 and 9000.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
for mtu in 1500 9000; do
        net_up $mtu
        blank "$W/a.img" 32
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        for engine in libaio io_uring; do
                fio_verify "$D" --ioengine=$engine --size=32M
        done
        daemon_stop a
        kill_wait v1
done
