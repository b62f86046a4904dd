#!/bin/bash
# SPDX-License-Identifier: MIT
# A glob takes interfaces that come while the daemon runs; one that goes takes nothing with it.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/a.img" 4
image "$W/b.img" 4
vblade_start v1 7 1 "$W/a.img"
daemon_start a -i 'ai*'
same_bytes "$D" "$W/a.img"
link_up ai2 at2 9000
TIF=at2 vblade_start v2 8 1 "$W/b.img"
wait_for "the device on the new interface" 10 test -e "$M/e8.1"
same_bytes "$M/e8.1" "$W/b.img"
grep -q ai2 "$M/.aoefs/e8.1/paths" || fail "paths: $(cat "$M/.aoefs/e8.1/paths")"
# An interface that goes, and comes back under the same name.
kill_wait v2
ip -n "$NSI" link del ai2
same_bytes "$D" "$W/a.img"
link_up ai2 at2 1500
TIF=at2 vblade_start v2 8 1 "$W/b.img"
wait_for "the device on the interface that came back" 20 read_one "$M/e8.1"
same_bytes "$M/e8.1" "$W/b.img"
daemon_stop a
