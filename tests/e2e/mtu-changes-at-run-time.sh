#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# The MTU grows and shrinks under load: the payload follows, no error, no wrong byte.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
net_up 1500
image "$W/a.img" 32
vblade_start v1 7 1 "$W/a.img" # its buffers are as the interface's MTU was at its start
daemon_start a
payload() { grep -qw "$1" "$M/.aoefs/e7.1/paths"; }
payload 1024 || fail "paths: $(cat "$M/.aoefs/e7.1/paths")"
background load fio --name=l --filename="$D" --rw=randrw --bs=128k --iodepth=4 --ioengine=libaio \
        --direct=1 --size=32M --verify=crc32c --verify_state_save=0 --verify_fatal=1 --time_based --runtime=12
for round in 1 2; do
        # The larger side first: a frame that the other side cannot send or take never exists. vblade
        # ends when its own interface refuses a frame.
        ip -n "$NST" link set at mtu 9000
        ip -n "$NSI" link set ai mtu 9000
        wait_for "payload 8704, round $round" 20 payload 8704
        ip -n "$NSI" link set ai mtu 1500
        wait_for "payload 1024, round $round" 20 payload 1024
done
is_gone "${PIDS[load]}" && fail "the load ended early: $(cat "$W/load.log")"
finish load 60
same "$code" 0 "fio: $(cat "$W/load.log")"
same_bytes "$D" "$W/a.img"
daemon_stop a
