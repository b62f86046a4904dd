#!/bin/bash
# SPDX-License-Identifier: MIT
# fsync and fdatasync put a FLUSH CACHE on the wire and succeed; what it was worth is in `ident`.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade tcpdump
net_up 1500
blank "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
daemon_start a
for how in fsync fdatasync; do
        # The first FLUSH CACHE (EXT) request that arrives ends the capture.
        background dump "${IN_T[@]}" tcpdump -i at -c 1 -xx --immediate-mode \
                'ether proto 0x88a2 and ether[14] & 8 = 0 and ether[19] = 0 and (ether[27] = 0xe7 or ether[27] = 0xea)'
        wait_for "tcpdump to listen" 10 grep -q 'listening on' "$W/dump.log"
        dd if=/dev/urandom of="$D" bs=64k count=4 conv=notrunc,$how status=none
        finish dump 10
        same "$code" 0 "tcpdump: $(cat "$W/dump.log")"
        rm "$W/dump.log"
done
sync "$D"
grep -qE '^aoefs_flush_class\{device="e7\.1",class="(durable|accepted)"\} 1$' "$M/.aoefs/stats" ||
        fail "flush_class: $(grep flush "$M/.aoefs/stats")"
daemon_stop a
