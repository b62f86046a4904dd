#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# The target gets no CPU for 2 s (SIGSTOP) under load, three times, then answers all it was sent
# meanwhile: no error, no wrong byte.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
for mtu in 1500 9000; do
        net_up $mtu
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        load_start "$D"
        for _ in $(seq "$(by_night 3 30)"); do
                load_moves "the load to be served" 60
                kill -STOP "${PIDS[v1]}"
                wait_for "requests to be stuck" 10 open_at_least e7.1 1
                lasts 2
                kill -CONT "${PIDS[v1]}"
        done
        load_moves "the load to be served" 60
        load_stop
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
done
