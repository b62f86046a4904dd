#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# mkfs, mount, fill, compare, unmount, fsck on a loop device over a disk of the mount, with direct
# I/O and without; in the end the target's image is what was read through the mount.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade mkfs.ext4 losetup
net_up 9000
mkdir "$W/fs"
image "$W/big" 40
for direct in on off; do
        blank "$W/a.img" 128
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        loop=$(losetup --direct-io=$direct -f --show "$D")
        same "$(losetup -nO DIO "$loop" | tr -d ' ')" "$([ $direct = on ] && echo 1 || echo 0)" \
                "direct I/O of the loop device"
        mkfs.ext4 -q "$loop"
        mount "$loop" "$W/fs"
        cp "$W/big" "$W/fs/big"
        mkdir "$W/fs/many"
        for i in {1..300}; do echo "file number $i" >"$W/fs/many/$i"; done
        rm "$W"/fs/many/*7
        sync -f "$W/fs"
        cp -r "$W/fs/many" "$W/many.$direct"
        umount "$W/fs"
        e2fsck -fn "$loop" >"$W/fsck.log" 2>&1 || fail "e2fsck: $(cat "$W/fsck.log")"
        mount -o ro "$loop" "$W/fs"
        same_bytes "$W/fs/big" "$W/big"
        diff -r "$W/fs/many" "$W/many.$direct"
        umount "$W/fs"
        losetup -d "$loop"
        wait_for "the loop device to go" 10 is_detached "$loop"
        sum=$(sha256sum <"$D")
        daemon_stop a
        kill_wait v1
        same "$(sha256sum <"$W/a.img")" "$sum" "sha256 of the image"
        e2fsck -fn "$W/a.img" >"$W/fsck.log" 2>&1 || fail "e2fsck: $(cat "$W/fsck.log")"
done
