#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# The kernel's NBD client on aoefs: attached as a block device with its partitions, an ext4 on it,
# fio verifies, the target is killed and started again meanwhile, and so is the daemon: the block
# device waits, and a new daemon takes it over. Detached, it is gone, and everything is on the disk.
# shellcheck source=SCRIPTDIR/../../e2e/lib.sh
source "$(dirname "$0")/../../e2e/lib.sh"
requires vblade mkfs.ext4 fio modprobe sfdisk
[ "${GUEST:-}" = yes ] || skip "makes block devices of this host: only in a guest"

attach() { "$AOEFS" nbd --attach -i $IF -P "$W/nbd.pid" "$@"; } # words of the command
is_backed() { grep -q "^aoefs:$1:" "/sys/block/$2/backend"; }         # eX.Y nbdN
has_no_process() { is_gone "$(worker_of nbd)"; }

# Only the first network namespace has the kernel's NBD client, so the initiator's side moves there.
net_up 1500
ip -n "$NSI" link set $IF netns 1
ip link set $IF up
in_i() { "$@"; }
modprobe nbd max_part=4
blank "$W/a.img" 24
vblade_start v1 7 1 "$W/a.img"

# Without the device there is an error, and no daemon stays.
expect 1 'e9.9: cannot be attached: no such device' attach e9.9
expect 1 'nothing attached' aoefs nbd --detach /dev/nbd0

same "$(attach e7.1)" /dev/nbd0 "the name of the block device"
wait_for "the backend" 10 is_backed e7.1 nbd0
same "$(cat /sys/block/nbd0/size)" $((24 << 11)) "sectors"
aoefs nbd --status >"$W/status"
grep -qE '^/dev/nbd0 e7.1 ' "$W/status" || fail "status: $(cat "$W/status")"
same "$(aoefs nbd --status --json | jq -r '.attached[0].name')" e7.1 "name in JSON"

echo ',20M' | sfdisk -q /dev/nbd0
wait_for "the partition" 10 test -b /dev/nbd0p1
mkfs.ext4 -q /dev/nbd0p1
mkdir "$W/fs"
mount /dev/nbd0p1 "$W/fs"
expect 1 'busy' aoefs nbd --detach /dev/nbd0
background load fio --name=load --directory="$W/fs" --size=8M --io_size=16M --rw=randwrite --bs=4k \
        --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1
wait_for "the load to be at work" 30 test -s "$W/fs/load.0.0"
kill_wait v1 KILL
lasts 1
vblade_start v1 7 1 "$W/a.img"
finish load 120
same "$code" 0 "fio: $(tail -n 5 "$W/load.log")"

# The daemon dies. The file system waits for the next one.
kill -KILL "$(keeper_of nbd)" "$(worker_of nbd)"
wait_for "the worker to be gone" 10 has_no_process
background writer dd if=/dev/urandom of="$W/fs/new" bs=64k count=16 oflag=direct conv=fsync status=none
same "$(attach /dev/nbd0 e7.1)" /dev/nbd0 "the same block device"
finish writer 60
same "$code" 0 "dd: $(cat "$W/writer.log")"
sum=$(sha256sum <"$W/fs/new")
umount "$W/fs"
e2fsck -fn /dev/nbd0p1 >"$W/fsck.log" 2>&1 || fail "e2fsck: $(cat "$W/fsck.log")"
mount -o ro /dev/nbd0p1 "$W/fs"
same "$(sha256sum <"$W/fs/new")" "$sum" "sha256 of the new file"
umount "$W/fs"

# The disk grows.
kill_wait v1
truncate -s 28M "$W/a.img"
vblade_start v1 7 1 "$W/a.img"
wait_for "the new size" 30 grep -qx $((28 << 11)) /sys/block/nbd0/size

aoefs nbd --detach /dev/nbd0
wait_for "the daemon to end" 20 has_no_process
same "$(cat /sys/block/nbd0/size)" 0 "sectors after it"
losetup -P -r /dev/loop0 "$W/a.img"
wait_for "the partition of the image" 10 test -b /dev/loop0p1
mount -o ro,noload /dev/loop0p1 "$W/fs"
same "$(sha256sum <"$W/fs/new")" "$sum" "sha256 of the new file in the image"
umount "$W/fs"
losetup -d /dev/loop0
