#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# A file system on a loop device is whole, and its files have their sha256, after one frame in a
# thousand, in a hundred, in twenty was lost each way.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade mkfs.ext4 losetup
for mtu in 1500 9000; do
        for loss in 1 10 50; do
                wire_up $mtu
                blank "$W/a.img" "$(by_night 32 128)"
                vblade_start v1 7 1 "$W/a.img"
                daemon_start a
                wire_set both loss=$loss
                ext4_work "$D" on "$(by_night 6 64)"
                sum=$(sha256sum <"$D")
                daemon_stop a
                kill_wait v1
                same "$(sha256sum <"$W/a.img")" "$sum" "sha256 of the image"
                wire_stop
        done
done
