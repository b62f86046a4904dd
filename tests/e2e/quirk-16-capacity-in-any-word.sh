#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 16. The capacity may stand in words 60-61 alone, then LBA48 commands are unknown, or in words
# 100-103 alone, and may change: a disk that grew has its new size when it announces itself; on one
# that shrank what lies beyond fails, then the size is known, and the rest is as it was.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
for quirk in size-28 size-48; do
        quirk_begin -q $quirk
        size_is $QUIRK_BYTES || fail "$quirk: its size is $(stat -c %s "$D")"
        quirk_io
        quirk_end $quirk
done

quirk_begin
tell v1 size $((2 * QUIRK_BYTES / 512))
tell v1 beacon
wait_for "the size of the grown disk" 5 size_is $((2 * QUIRK_BYTES))
dd if="$W/want" of="$D" bs=1M oflag=seek_bytes seek=$QUIRK_BYTES conv=notrunc,fsync status=none
cmp -i $QUIRK_BYTES:0 "$D" "$W/want" || fail "wrong bytes on what was added"
quirk_io

tell v1 size $((QUIRK_BYTES / 512))
place=$((QUIRK_BYTES + 4096))
expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=$place count=1 iflag=skip_bytes
wait_for "the size of the shrunk disk" 5 size_is $QUIRK_BYTES
expect 0 '' dd if="$D" of="$W/got" bs=4k skip=$place count=1 iflag=skip_bytes
same "$(stat -c %s "$W/got")" 0 "bytes read beyond the new end"
expect 1 'No space left' dd if=/dev/zero of="$D" bs=4k seek=$place count=1 oflag=seek_bytes conv=notrunc
quirk_io
quirk_end
