#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 60
# The daemon stands still for twice the timeout while requests are open (SIGSTOP, as a paused virtual
# machine does): when it goes on nothing has timed out, and the device was never down.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
net_up 1500
blank "$W/a.img" 32
vblade_start v1 7 1 "$W/a.img"
daemon_foreground a -o timeout=3
background load fio --name=load --filename="$D" --rw=randrw --bs=64k --iodepth=16 --direct=1 \
        --ioengine=libaio --size=32M --time_based --runtime=12 --output="$W/fio.out"
wait_for "the load" 10 open_at_least e7.1 1
kill -STOP "$(worker_of a)"
# The case is about time that passes: nothing else can be waited for.
sleep 6
kill -CONT "$(worker_of a)"
finish load 30
same "$code" 0 "exit code of fio"
grep -q '^up$' "$M/.aoefs/e7.1/state" || fail "state: $(cat "$M/.aoefs/e7.1/state")"
same "$(count_of 'e7.1: (stale|down)' "$W/a.log")" 0 "lines that call it stale or down"
daemon_stop a
