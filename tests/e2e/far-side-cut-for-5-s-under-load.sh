#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# The wire is cut behind the first switch for 5 s under load, so that no interface knows: the load
# waits, goes on, and sees no error and no wrong byte.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
for mtu in 1500 9000; do
        wire_up $mtu
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        wire_set both loss=10
        load_start "$D"
        load_moves "the load to be at work" 30
        for _ in $(seq "$(by_night 1 10)"); do
                wire_set both loss=1000
                wait_for "requests to be stuck" 10 open_at_least e7.1 1
                lasts 5
                wire_set both loss=10
                load_moves "the load to go on" 60
        done
        load_stop
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
        wire_stop
done
