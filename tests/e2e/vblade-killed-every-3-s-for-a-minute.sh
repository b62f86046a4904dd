#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# The target is killed (kill -9) and restarted every 3 s for a minute under load: no error, no wrong
# byte, and requests are served after each restart.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
for mtu in 1500 9000; do
        net_up $mtu
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        load_start "$D"
        for _ in $(seq "$(by_night 10 100)"); do
                load_moves "the load to be served" 60
                lasts 3
                kill_wait v1 KILL
                vblade_start v1 7 1 "$W/a.img"
        done
        load_moves "the load to be served" 60
        load_stop
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
done
