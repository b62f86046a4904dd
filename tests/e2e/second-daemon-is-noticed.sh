#!/bin/bash
# SPDX-License-Identifier: MIT
# A second daemon on the same link is told of the first; it may read; writing to one device needs
# --shared in both.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/a.img" 8
image "$W/data" 8
vblade_start v1 7 1 "$W/a.img"
daemon_start a
exec 9>>"$D" # the first one has it open for writing
daemon_start b
grep -Eq "$IF is also used by another daemon \(.*$M" "$W/b.log" ||
        fail "no warning that names the first daemon: $(cat "$W/b.log")"
same_bytes "$(mnt b)/e7.1" "$W/a.img"
expect 1 'Device or resource busy' dd if="$W/data" of="$(mnt b)/e7.1" bs=1M conv=notrunc
exec 9>&-
dd if="$W/data" of="$D" bs=1M conv=notrunc,fsync status=none
same_bytes "$(mnt b)/e7.1" "$W/data"
daemon_stop b
daemon_stop a

daemon_start a --shared
daemon_start b --shared
exec 9>>"$D"
dd if="$W/a.img" of="$(mnt b)/e7.1" bs=1M conv=notrunc status=none
exec 9>&-
daemon_stop b
daemon_stop a
