#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs umount` of a mount in use: exit code 1, and the loop device, the open file or the folder's
# user named; the mount goes on working.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade losetup
net_up 1500
image "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
daemon_start a

loop=$(losetup -f --show "$D")
expect 1 "busy: $loop uses" aoefs umount "$M"
cmp "$loop" "$W/a.img"
losetup -d "$loop"
wait_for "the loop device to go" 10 is_detached "$loop"

background holder tail -f "$D"
wait_for "the holder to have it open" 10 has_open "${PIDS[holder]}" "$D"
expect 1 "busy: process ${PIDS[holder]} \(tail\) has e7\.1 open" aoefs umount "$M"
kill_wait holder

pushd "$M" >/dev/null
expect 1 "busy: process $$ \(bash\) has its working folder" aoefs umount "$M"
popd >/dev/null
same_bytes "$D" "$W/a.img"
daemon_stop a
