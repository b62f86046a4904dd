#!/bin/bash
# SPDX-License-Identifier: MIT
# nbdcopy and qemu-img, with many connections and requests at once, bring every byte both ways; what
# qemu-io writes, discards and zeroes is what it reads, and what the disk has.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade nbdcopy qemu-img qemu-io
net_up 9000
image "$W/a.img" 48
image "$W/data" 48
vblade_start v1 7 1 "$W/a.img"
nbd_start a
uri=$(nbd_uri a e7.1)
qemu=nbd:unix:$(nbd_socket a):exportname=e7.1

nbdcopy "$uri" "$W/copy"
same_bytes "$W/copy" "$W/a.img"
nbdcopy --flush --connections=4 --requests=64 --request-size=$((1 << 20)) "$W/data" "$uri"
same_bytes "$W/a.img" "$W/data"
rm "$W/copy"
nbdcopy --connections=4 --requests=16 --request-size=$((32 << 20)) "$uri" "$W/copy"
same_bytes "$W/copy" "$W/data"

image "$W/data" 48
qemu-img convert -n -f raw -O raw -m 16 -W "$W/data" "$qemu"
same_bytes "$W/a.img" "$W/data"
qemu-img compare -f raw -F raw "$qemu" "$W/data"
qemu-img convert -f raw -O qcow2 "$qemu" "$W/copy.qcow2"
qemu-img compare -f raw -F qcow2 "$qemu" "$W/copy.qcow2"
expect 1 '' qemu-img compare -f raw -F raw "$qemu" "$W/copy" # of the bytes before

# qemu-io ends with 0 whatever it finds; what it says counts.
qemu_io() { # COMMAND...
        local words=() word

        for word; do words+=(-c "$word"); done
        qemu-io -t none -f raw "${words[@]}" "$qemu" >"$W/qemu-io" 2>&1 || fail "$(cat "$W/qemu-io")"
        not grep -Eq 'failed|error|invalid' "$W/qemu-io" || fail "$* says: $(cat "$W/qemu-io")"
}
qemu_io 'write -P 0xa1 0 1M' 'write -P 0xb2 -f 1M 7k' 'aio_write -P 0xc3 2M 3M' 'aio_flush' \
        'write -P 0xd4 6M 4M' 'write -z 7M 1M' 'write -z -u 8M 512k' 'discard 20M 2M' 'flush' \
        'read -P 0xa1 0 1M' 'read -P 0xb2 1M 7k' 'aio_read -P 0xc3 2M 3M' 'aio_flush' \
        'read -P 0xd4 6M 1M' 'read -P 0 7M 1536k' 'read -P 0xd4 8704k 1536k'
for part in a1:0:1048576 b2:1048576:7168 c3:2097152:3145728 d4:6291456:1048576 00:7340032:1572864; do
        IFS=: read -r byte offset bytes <<<"$part"
        head -c "$bytes" /dev/zero | tr '\0' "\\$(printf %o "0x$byte")" >"$W/part"
        cmp -n "$bytes" -i "0:$offset" "$W/part" "$W/a.img" || fail "on the disk: no 0x$byte at $offset"
done
same_bytes "$W/a.img" "$W/data" $((10 << 20)) $((38 << 20)) # nothing else, and a vblade cannot discard
nbd_stop a
