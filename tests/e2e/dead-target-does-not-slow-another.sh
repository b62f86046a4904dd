#!/bin/bash
# SPDX-License-Identifier: MIT
# alone: yes
# Readers that wait for a stopped target take nothing from a second disk: the work that a reader of
# it does in two seconds is compared before and after. Other work on the machine takes its share of
# one sample, so the better of two counts, and half of the work is enough: a delay by the dead
# neighbour (its time-outs are hundreds of milliseconds) would leave next to nothing.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio jq
net_up 9000
blank "$W/a.img" 64
blank "$W/b.img" 64
vblade_start v1 7 1 "$W/a.img"
vblade_start v2 7 2 "$W/b.img"
daemon_start a

work() { # MiB that a random reader of the second disk gets done
        fio --name=w --filename="$M/e7.2" --rw=randread --bs=64k --iodepth=8 --ioengine=libaio \
                --direct=1 --size=64M --time_based --runtime=2 --output-format=json \
                --output="$W/fio.json" >/dev/null 2>"$W/fio.err" || fail "fio: $(cat "$W/fio.err")"
        jq '.jobs[0].read.io_bytes / 1048576 | floor' "$W/fio.json"
}

before=$(work)
kill -STOP "${PIDS[v1]}"
for i in {1..8}; do
        background "stuck$i" dd if="$D" of=/dev/null bs=1M iflag=direct status=none
done
wait_for "the requests to be open" 10 open_at_least e7.1 8
after=$(work)
again=$(work)
[ "$again" -gt "$after" ] && after=$again
echo "work: before $before MiB, with a dead neighbour $after MiB"
at_least $((after * 100 / (before + 1))) 50 "percent of the work with a dead neighbour"
for i in {1..8}; do is_gone "${PIDS[stuck$i]}" && fail "reader $i ended, it should wait"; done
kill -CONT "${PIDS[v1]}"
for i in {1..8}; do
        finish "stuck$i" 30
        same "$code" 0 "reader $i after the target went on"
done
daemon_stop a
