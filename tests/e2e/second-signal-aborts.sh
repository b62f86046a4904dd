#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGTERM waits for a dead target's write; the second one ends the daemon at once.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
for to in keeper worker; do
        net_up 1500
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_foreground a -o on_loss=wait
        kill -STOP "${PIDS[v1]}"
        background writer dd if=/dev/zero of="$D" bs=64k count=1 oflag=direct conv=notrunc status=none
        wait_for "the request to be open" 10 open_at_least e7.1 1
        pid=$("${to}_of" a)
        worker=$(worker_of a)
        kill -TERM "$pid"
        kill -TERM "$pid" 2>/dev/null || true # two of one kind that wait are one, so until it ends:
        wait_for "the abort" 10 ends_by_term "${PIDS[a]}" "$pid"
        finish a 5
        [ "$code" != 0 ] || fail "an aborted daemon ended with 0"
        wait_for "the worker to end" 5 is_gone "$worker"
        is_mounted "$M" && fail "still mounted"
        finish writer 5
        [ "$code" != 0 ] || fail "the writer saw no error"
        kill_wait v1 KILL
done
