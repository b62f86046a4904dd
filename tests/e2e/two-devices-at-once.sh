#!/bin/bash
# SPDX-License-Identifier: MIT
# Two disks of two targets, written and read at the same time, do not mix.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 9000
image "$W/one" 48
image "$W/two" 48
blank "$W/a.img" 48
blank "$W/b.img" 48
vblade_start v1 7 1 "$W/a.img"
vblade_start v2 7 2 "$W/b.img"
daemon_start a
same "$(cd "$M" && echo *)" "e7.1 e7.2" "names"
background w1 dd if="$W/one" of="$M/e7.1" bs=1M oflag=direct conv=notrunc,fsync status=none
background w2 dd if="$W/two" of="$M/e7.2" bs=100k conv=notrunc,fsync status=none
finish w1 60
same "$code" 0 "first writer"
finish w2 60
same "$code" 0 "second writer"
background r1 cmp "$M/e7.1" "$W/one"
background r2 cmp "$M/e7.2" "$W/two"
finish r1 60
same "$code" 0 "first reader"
finish r2 60
same "$code" 0 "second reader"
same_bytes "$W/a.img" "$W/one"
same_bytes "$W/b.img" "$W/two"
daemon_stop a
