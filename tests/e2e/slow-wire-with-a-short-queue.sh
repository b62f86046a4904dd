#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# A wire of 200 Mbit/s with a queue of 16 KiB, 1 ms long, that loses ten frames in a row now and then:
# what does not fit is lost, the load goes on without an error or a wrong byte.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
for mtu in 1500 9000; do
        wire_up $mtu
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img" -b 64
        daemon_start a
        wire_set both rate=200:16 delay=1000 burst=2:10
        load_start "$D" -n "$(by_night 500 5000)"
        load_finish 90
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
        wire_stop
done
