#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 90
# .aoefs/ctl: wrong orders are refused, flush flushes, and after another disk has taken the address
# I/O fails with ESTALE until revalidate is written.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires cc
order() { echo "$1" >"$M/.aoefs/ctl"; }
net_up 1500
image "$W/a.img" 4
image "$W/b.img" 8
hostile_start v1 "$W/a.img"
daemon_start a
for wrong in 'nonsense' 'flush' 'flush e7' 'discover e7.1' 'revalidate e7.1 e7.2'; do
        expect 1 'Invalid argument' order "$wrong"
done
expect 1 'No such device' order 'flush e9.9'
expect 1 'Device or resource busy' order 'forget e7.1'
order discover
order 'flush e7.1'
at_least "$(stat_sum '^aoefs_requests_flush\{device="e7.1"')" 1 "flushes"
same_bytes "$D" "$W/a.img"

# Another disk: another size at least, since the hostile target's serial is its address.
kill_wait v1
vblade_start v2 7 1 "$W/b.img"
wait_for "the state to tell" 10 grep -q '^down: another disk answers' "$M/.aoefs/e7.1/state"
expect 1 'Stale file handle' read_one "$D"
order 'revalidate e7.1'
wait_for "the new disk to be up" 5 grep -q '^up' "$M/.aoefs/e7.1/state"
same_bytes "$D" "$W/b.img"
daemon_stop a
