#!/bin/bash
# SPDX-License-Identifier: MIT
# nbdfuse makes a file of an export; nbdkit in front of it filters, and does TLS with pre-shared keys
# for those that have the key and nobody else.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade nbdinfo nbdcopy nbdkit nbdfuse
net_up 9000
image "$W/a.img" 16
image "$W/data" 16
vblade_start v1 7 1 "$W/a.img"
nbd_start a

mkdir "$W/fuse"
background nbdfuse nbdfuse "$W/fuse/disk" "$(nbd_uri a e7.1)"
wait_for "the file of nbdfuse" 20 test -e "$W/fuse/disk"
same_bytes "$W/fuse/disk" "$W/a.img"
dd if="$W/data" of="$W/fuse/disk" bs=1M conv=notrunc,fsync status=none
same_bytes "$W/a.img" "$W/data"
fusermount3 -u "$W/fuse"
finish nbdfuse 20
same "$code" 0 "exit code of nbdfuse: $(cat "$W/nbdfuse.log")"

# nbdkit_start OPTION...: at $W/kit.
nbdkit_start() {
        background nbdkit nbdkit -f -P "$W/kit.pid" -U "$W/kit" "$@"
        wait_for "nbdkit: $(tail -n 2 "$W/nbdkit.log")" 20 test -s "$W/kit.pid"
}
nbdkit_stop() {
        kill_wait nbdkit
        rm -f "$W/kit" "$W/kit.pid"
}
upstream=(nbd socket="$(nbd_socket a)" export=e7.1)

nbdkit_start --filter=offset --filter=cow "${upstream[@]}" offset=1M range=4M
uri="nbd+unix:///?socket=$W/kit"
same "$(nbdinfo --size "$uri")" $((4 << 20)) "bytes of the part"
nbdcopy "$uri" "$W/copy"
cmp -i "0:$((1 << 20))" -n $((4 << 20)) "$W/copy" "$W/data" || fail "the part has other bytes"
head -c 4M /dev/urandom >"$W/part"
nbdcopy "$W/part" "$uri"
nbdcopy "$uri" "$W/copy"
same_bytes "$W/copy" "$W/part"
same_bytes "$W/a.img" "$W/data" # copied on write: nothing came through
nbdkit_stop

for file in keys wrong; do
        echo "alice:$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$W/$file"
done
nbdkit_start --tls=require --tls-psk="$W/keys" --filter=cache "${upstream[@]}" shared=true
uri="nbds+unix://alice@/?socket=$W/kit&tls-psk-file"
nbdinfo --is tls "$uri=$W/keys" || fail "no TLS"
image "$W/data" 16
nbdcopy --flush "$W/data" "$uri=$W/keys"
nbdcopy "$uri=$W/keys" "$W/copy"
same_bytes "$W/copy" "$W/data"
same_bytes "$W/a.img" "$W/data"
expect 1 '' nbdinfo "$uri=$W/wrong"
expect 1 '' nbdinfo "nbd+unix:///?socket=$W/kit"
nbdkit_stop
nbd_stop a
