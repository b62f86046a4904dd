#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# With cache=read what was read is kept, but what is written through the mount shows at once, however
# it is written and whoever reads at that moment; an opening begins with nothing, and shows what
# another host wrote. Beside nbd= it is refused.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade /usr/bin/python3
/usr/bin/python3 -c 'import ctypes; ctypes.CDLL("libaio.so.1")' 2>/dev/null || skip "needs libaio.so.1"
image "$W/a.img" 4
net_up 9000
vblade_start v1 7 1 "$W/a.img"
mkdir "$M"
expect 2 'cache=read with nbd=: ' aoefs mount -i "$IF" -o cache=read,nbd="$(nbd_socket a)" "$M"
daemon_start a -o cache=read
ahead=/sys/class/bdi/$(mountpoint -d "$M")/read_ahead_kb
have=$(cat "$ahead")
if echo "$have" 2>/dev/null >"$ahead"; then # else a container's, which nobody can set
        same "$have" 1024 "KiB of read-ahead"
fi
/usr/bin/python3 - "$D" "$W/a.img" "$M/.aoefs/stats" "$(by_night 400 20000)" <<'END'
import ctypes
import mmap
import os
import random
import re
import signal
import sys

disk, image, stats, rounds = sys.argv[1:]
AREA = 1 << 16  # what is written and read again and again
dice = random.Random(4711)


def same(have, want, what):
    if have != want:
        raise SystemExit(f"fail: {what}")


def read_bytes():
    """How much came from the target."""
    with open(stats) as text:
        return int(re.search(r"^aoefs_bytes_read\{.*\} (\d+)$", text.read(), re.M)[1])


# ---- kept, until the next opening ----

reader = os.open(disk, os.O_RDONLY)
old = os.pread(reader, AREA, 0)
before = read_bytes()
with open(image, "r+b") as other_host:
    other_host.write(bytes(AREA))
same(os.pread(reader, AREA, 0), old, "what was read was not kept")
same(read_bytes(), before, "what was kept was asked for again")
again = os.open(disk, os.O_RDONLY)
same(os.pread(again, AREA, 0), bytes(AREA), "a second opening did not begin with nothing")
same(os.pread(reader, AREA, 0), bytes(AREA), "the first one kept what the second one did not")

# ---- written here ----

aio = ctypes.CDLL("libaio.so.1")
queue = ctypes.c_void_p()
same(aio.io_queue_init(1, ctypes.byref(queue)), 0, "no queue for asynchronous writes")
block = mmap.mmap(-1, AREA)  # aligned
address = ctypes.addressof(ctypes.c_char.from_buffer(block))


class Order(ctypes.Structure):  # struct iocb
    _fields_ = [("data", ctypes.c_uint64), ("key", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("opcode", ctypes.c_uint16), ("priority", ctypes.c_int16),
                ("fd", ctypes.c_uint32), ("buffer", ctypes.c_uint64), ("bytes", ctypes.c_uint64),
                ("offset", ctypes.c_int64), ("rest", ctypes.c_uint64 * 2)]


class Event(ctypes.Structure):  # struct io_event
    _fields_ = [("data", ctypes.c_uint64), ("order", ctypes.c_uint64),
                ("result", ctypes.c_int64), ("more", ctypes.c_int64)]


def write(fd, count, offset):
    return os.pwritev(fd, [memoryview(block)[:count]], offset)


def write_asynchronously(fd, count, offset):
    order = Order(opcode=1, fd=fd, buffer=address, bytes=count, offset=offset)
    event = Event()
    same(aio.io_submit(queue, 1, ctypes.byref(ctypes.pointer(order))), 1, "not submitted")
    same(aio.io_getevents(queue, 1, 1, ctypes.byref(event), None), 1, "no event")
    return event.result


def hammer():
    """A process that reads all the time, so that there is always something to be out of date."""
    child = os.fork()
    if child:
        return child
    while True:
        os.pread(reader, AREA, 0)


children = [hammer() for i in range(2)]
buffered = os.open(disk, os.O_RDWR)
direct = os.open(disk, os.O_RDWR | os.O_DIRECT)
want = bytearray(AREA)
stale = {}
for i in range(int(rounds)):
    for fd, unit in (buffered, 1), (direct, 512):
        for how in write, write_asynchronously:
            count = unit * dice.randrange(1, 20000 // unit)
            offset = unit * dice.randrange((AREA - count) // unit)
            want[offset:offset + count] = block[:count] = dice.randbytes(count)
            name = ("buffered " if fd == buffered else "direct ") + how.__name__
            same(how(fd, count, offset), count, f"round {i}: {name} was cut off")
            if os.pread(reader, AREA, 0) != want:
                stale[name] = stale.get(name, 0) + 1
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
same(stale, {}, f"not seen at once, in {rounds} rounds: {stale}")
END
same_bytes "$D" "$W/a.img"
daemon_stop a
