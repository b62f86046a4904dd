#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs wait`: 1 within its time-out when nobody answers, 0 as soon as the device is identified.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500

from=${EPOCHREALTIME/./}
expect 1 'e7\.1: nobody answered' aoefs wait -i $IF e7.1 --timeout 1
took=$((${EPOCHREALTIME/./} - from))
at_least $took 900000 "microseconds of a time-out of 1 s"
at_most $took 5000000 "microseconds of a time-out of 1 s"

# Begun before the target is there: its beacon ends the wait long before the time-out.
background waiter "${IN_I[@]}" "$AOEFS" wait -i $IF e7.1 --timeout 40
wait_for "the waiter to listen" 10 listens "${PIDS[waiter]}"
blank "$W/a.img" 8
from=${EPOCHREALTIME/./}
vblade_start v1 7 1 "$W/a.img"
finish waiter 20
same "$code" 0 "exit code of wait"
at_most $((${EPOCHREALTIME/./} - from)) 5000000 "microseconds from the beacon to the end"
same "$(cat "$W/waiter.log")" "" "what a successful wait says"
expect 0 '' aoefs wait -i $IF e7.1
expect 1 'e7\.2: nobody answered' aoefs wait -i $IF e7.2 --timeout 0
