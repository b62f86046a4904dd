#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# mkfs, mount, fill, write over it, unmount, fsck, compare on a loop device over a disk of the mount,
# with direct I/O and without; in the end the target's image is what was read through the mount.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade mkfs.ext4 losetup
net_up 9000
for direct in on off; do
        blank "$W/a.img" 128
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        ext4_work "$D" $direct 40
        sum=$(sha256sum <"$D")
        daemon_stop a
        kill_wait v1
        same "$(sha256sum <"$W/a.img")" "$sum" "sha256 of the image"
        e2fsck -fn "$W/a.img" >"$W/fsck.log" 2>&1 || fail "e2fsck: $(cat "$W/fsck.log")"
done
