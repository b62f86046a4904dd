#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# One frame in a hundred lost each way: fio verifies without an error, and frames were sent again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio nft
for mtu in 1500 9000; do
        net_up $mtu
        blank "$W/a.img" 32
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        lose 1
        fio_verify "$D" --ioengine=libaio --size=32M
        at_least "$(stat_sum '^aoefs_frames_resent\{device="e7.1"')" 1 "frames sent again"
        lose 0
        sum=$(sha256sum <"$D")
        daemon_stop a
        same "$(sha256sum <"$W/a.img")" "$sum" "sha256 of the image"
        kill_wait v1
done
