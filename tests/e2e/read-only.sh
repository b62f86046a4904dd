#!/bin/bash
# SPDX-License-Identifier: MIT
# -o ro refuses with EROFS; a target that refuses writes (vblade -r) gives EIO and one log line.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/a.img" 4
cp "$W/a.img" "$W/want"
vblade_start v1 7 1 "$W/a.img"
daemon_start a -o ro
expect 1 'Read-only file system' dd if=/dev/zero of="$D" bs=512 count=1 conv=notrunc
expect 1 'Read-only file system' truncate -s 0 "$D"
same_bytes "$D" "$W/want"
daemon_stop a
kill_wait v1

vblade_start v1 7 1 "$W/a.img" -r
daemon_foreground a
for _ in 1 2 3; do
        expect 1 'Input/output error' dd if=/dev/zero of="$D" bs=64k count=2 conv=notrunc oflag=direct
done
same_bytes "$D" "$W/want"
wait_for "the log line" 5 grep -q 'refuses writes' "$W/a.log"
daemon_stop a
same "$(count_of 'refuses writes' "$W/a.log")" 1 "log lines about three refused writes"
same_bytes "$W/a.img" "$W/want"
