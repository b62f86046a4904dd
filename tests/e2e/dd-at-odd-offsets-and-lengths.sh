#!/bin/bash
# SPDX-License-Identifier: MIT
# Reads and writes at any offset and length give and leave the image's bytes, at MTU 1500 and 9000,
# through the page cache's absence (plain) and with O_DIRECT.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade

size=$((8 << 20))
# OFFSET LENGTH: around sectors, frames (1024, 8704), pages, requests (1 MiB), and the end.
places="0:1 0:511 1:1 1:512 511:2 512:512 513:1023 1023:1026 1000:100000 4095:4098 8703:8706
17407:1 131071:131074 65537:300001 1048575:2 1048575:1048578 777777:2000003 2097151:1048577
$((size - 1)):1 $((size - 513)):513 $((size - 1048577)):1048577"

check_read() { # OFFSET LENGTH FLAGS
        dd if="$D" bs="$2" count=1 skip="$1" iflag="fullblock,skip_bytes$3" status=none >"$W/got"
        tail -c +$(($1 + 1)) "$W/a.img" | head -c "$2" >"$W/want" || true
        same_bytes "$W/got" "$W/want"
}

check_write() { # OFFSET LENGTH FLAGS
        head -c "$2" /dev/urandom >"$W/new"
        dd if="$W/new" of="$D" bs="$2" count=1 seek="$1" oflag="seek_bytes$3" conv=notrunc \
                iflag=fullblock status=none
        dd if="$W/new" of="$W/model" bs="$2" count=1 seek="$1" oflag=seek_bytes conv=notrunc \
                iflag=fullblock status=none
}

for mtu in 1500 9000; do
        net_up $mtu
        image "$W/a.img" $((size >> 20))
        cp "$W/a.img" "$W/model"
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        for place in $places; do
                for flags in "" ",direct"; do
                        check_read "${place%:*}" "${place#*:}" "$flags"
                        check_write "${place%:*}" "${place#*:}" "$flags"
                        check_read "${place%:*}" "${place#*:}" "$flags"
                done
        done
        same_bytes "$D" "$W/model"
        daemon_stop a
        kill_wait v1
        same_bytes "$W/a.img" "$W/model"
done
