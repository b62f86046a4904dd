#!/bin/bash
# SPDX-License-Identifier: MIT
# umount(8) and fusermount3 end the daemon, too, and what was written is on the target.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/data" 8
blank "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
for how in umount "umount -l" "fusermount3 -u"; do
        daemon_start a
        worker=$(worker_of a)
        keeper=$(keeper_of a)
        dd if="$W/data" of="$D" bs=64k conv=notrunc status=none
        $how "$M"
        wait_for "the worker to end" 10 is_gone "$worker"
        wait_for "the keeper to end" 10 is_gone "$keeper"
        same_bytes "$W/a.img" "$W/data"
        dd if=/dev/zero of="$W/a.img" bs=1M count=8 conv=notrunc status=none
done
