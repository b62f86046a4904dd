#!/bin/bash
# SPDX-License-Identifier: MIT
# When `aoefs umount` returns, the daemon is gone, and the image has what was written without fsync.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/data" 16
blank "$W/a.img" 16
vblade_start v1 7 1 "$W/a.img"
for _ in 1 2 3; do
        daemon_start a
        worker=$(worker_of a)
        keeper=$(keeper_of a)
        dd if="$W/data" of="$D" bs=64k conv=notrunc status=none
        expect 0 '' aoefs umount "$M"
        same "$(cat "$W/out" "$W/err")" "" "what a umount without trouble says"
        is_gone "$worker" || fail "the worker lives"
        is_gone "$keeper" || fail "the keeper lives"
        is_mounted "$M" && fail "still mounted"
        same_bytes "$W/a.img" "$W/data"
        dd if=/dev/zero of="$W/a.img" bs=1M count=16 conv=notrunc status=none
done
expect 1 'mnt\.a' aoefs umount "$M"
