#!/bin/bash
# SPDX-License-Identifier: MIT
# What is written through NBD, the next read through the mount shows, and the reverse, by buffered
# and by direct I/O, whatever was read before.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires
net_up 9000
image "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
daemon_start a -o nbd="$(nbd_socket a)"
nbd_python "$(nbd_uri a e7.1)" "$D" "$(by_night 150 3000)" <<'END'
import mmap
import os
import random
import sys
from nbd_client import MIB, connected, same

uri, disk, rounds = sys.argv[1:]
dice = random.Random(4711)
clients = [connected(uri), connected(uri, structured=False)]
cached = os.open(disk, os.O_RDWR)
direct = os.open(disk, os.O_RDWR | os.O_DIRECT)
size = clients[0].get_size()
want = bytearray(os.pread(cached, size, 0))  # and now all of it may be cached
block = mmap.mmap(-1, MIB)  # aligned


def by_nbd(i):
    count, offset = dice.randrange(1, 70000), dice.randrange(size - 70000)
    data = dice.randbytes(count)
    clients[i % 2].pwrite(data, offset)
    return data, offset


def by_mount(i):
    count, offset = dice.randrange(1, 70000), dice.randrange(size - 70000)
    data = dice.randbytes(count)
    same(os.pwrite(cached, data, offset), count, "bytes written")
    return data, offset


def by_direct(i):
    count, offset = 512 * dice.randrange(1, 100), 512 * dice.randrange(7000)
    block[:count] = dice.randbytes(count)
    same(os.pwritev(direct, [memoryview(block)[:count]], offset), count, "bytes written")
    return block[:count], offset


for i in range(int(rounds)):
    for write in by_nbd, by_mount, by_nbd, by_direct:
        data, at = write(i)
        want[at:at + len(data)] = data
        first = max(0, at - 5000)
        part = bytes(want[first:at + len(data) + 5000])
        what = f"round {i}: {len(data)} bytes at {at} {write.__name__}, read"
        same(os.pread(cached, len(part), first), part, what + " by mount")
        for h in clients:
            same(bytes(h.pread(len(part), first)), part, what + " by NBD")
same(os.preadv(direct, [block], 0), MIB, "bytes read")
same(block[:], bytes(want[:MIB]), "read by direct I/O")
END
daemon_stop a
