#!/bin/bash
# SPDX-License-Identifier: MIT
# A target that lies about its size: what is there can be used, the rest gives an error, nothing
# hangs or crashes, and an honest disk beside it does not notice.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade cc
net_up 1500
image "$W/b.img" 2
vblade_start v2 7 2 "$W/b.img"
for quirk in size-large size-huge size-zero; do
        image "$W/a.img" 2
        cp "$W/a.img" "$W/want"
        hostile_start v1 "$W/a.img" -q $quirk
        daemon_start a
        case $quirk in
        size-large) want=$((4 << 20)) ;;
        size-huge) want=$((((1 << 48) - 1) * 512)) ;;
        size-zero) want= ;;
        esac
        same "$(timeout -k 1 10 stat -c %s "$D" 2>/dev/null || [ $? -lt 124 ] || echo hangs)" "$want" "$quirk: size"
        if [ -n "$want" ]; then
                same_bytes "$D" "$W/want" 0 $((2 << 20))
                code_of dd if="$D" of=/dev/null bs=4k skip=$((2 << 20)) count=1 iflag=direct,skip_bytes
                at_least $code 1 "$quirk: exit code of a read past the true end"
                code_of dd if=/dev/zero of="$D" bs=4k seek=$((2 << 20)) count=1 oflag=seek_bytes \
                        conv=notrunc
                at_least $code 1 "$quirk: exit code of a write past the true end"
        fi
        same_bytes "$M/e7.2" "$W/b.img"
        daemon_stop a
        kill_wait v1
        at_least "$(said v1 "applied $quirk")" 1 "times that $quirk was done"
        same_bytes "$W/a.img" "$W/want"
done
aoefs list -i $IF >"$W/table"
same "$(wc -l <"$W/table")" 2 "lines of the table"
