#!/bin/bash
# SPDX-License-Identifier: MIT
# Each command with each of its flags does what the protocol says; each error is the right one, and
# the connection lives on. libnbd checks nothing itself here.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires
net_up 9000
image "$W/a.img" 40
cp "$W/a.img" "$W/want"
vblade_start v1 7 1 "$W/a.img"
daemon_start a -o nbd="$(nbd_socket a)"
flushes() { stat_sum '^aoefs_requests_flush\{'; }

# nbd_commands STRUCTURED
nbd_commands() {
        nbd_python "$(nbd_uri a e7.1)" "$W/want" "$1" <<'END'
import errno
import os
import sys
import nbd
from nbd_client import MIB, connected, fail, refuses, same

structured = sys.argv[3] == "True"
h = connected(sys.argv[1], structured)
same(h.get_structured_replies_negotiated(), structured, "structured replies")
size = h.get_size()
want = bytearray(open(sys.argv[2], "rb").read())
FUA, DF, NO_HOLE = nbd.CMD_FLAG_FUA, nbd.CMD_FLAG_DF, nbd.CMD_FLAG_NO_HOLE
FAST_ZERO, REQ_ONE = nbd.CMD_FLAG_FAST_ZERO, nbd.CMD_FLAG_REQ_ONE
UNKNOWN = 1 << 9


def read(count, offset, flags=0):
    same(bytes(h.pread(count, offset, flags)), bytes(want[offset:offset + count]),
         f"read of {count} at {offset}")


def write(count, offset, flags=0):
    data = os.urandom(count)
    h.pwrite(data, offset, flags)
    want[offset:offset + count] = data
    read(min(count + 2, size - offset + 1, MIB), max(offset - 1, 0))


def zero(count, offset, flags=0):
    h.zero(count, offset, flags)
    want[offset:offset + count] = bytes(count)
    read(min(count + 2, size - offset + 1, MIB), max(offset - 1, 0))


def refused(error, call, *args):
    refuses(error, call, *args)
    read(512, 4096)


for count, offset in (1, 0), (1, 511), (513, 1023), (4096, 0), (1000, size - 1000), (MIB, 12345):
    read(count, offset)
    read(count, offset, FUA)
    write(count, offset)
    write(count, offset, FUA)
    zero(count, offset)
    zero(count, offset, NO_HOLE | FUA)
    h.cache(count, offset)
    h.trim(count, offset)  # a vblade cannot: advice that is not taken
    h.trim(count, offset, FUA)
    read(count, offset)
zero(33 * MIB, 4097)  # no data: no limit of 32 MiB
h.flush()

for call in h.pread, h.cache, h.trim:
    refused(errno.EINVAL, call, 512, size)
    refused(errno.EINVAL, call, 512, size - 511)
    refused(errno.EINVAL, call, 512, (1 << 64) - 512)
    refused(errno.EINVAL, call, 0, 0)
    refused(errno.EINVAL, call, 512, 0, UNKNOWN)
for call in (h.zero,):
    refused(errno.ENOSPC, call, 512, size)
    refused(errno.ENOSPC, call, 512, size - 511)
    refused(errno.ENOSPC, call, 512, (1 << 64) - 512)
    refused(errno.EINVAL, call, 0, 0)
    refused(errno.EINVAL, call, 512, 0, UNKNOWN)
refused(errno.ENOSPC, h.pwrite, b"x" * 512, size - 511)
refused(errno.ENOSPC, h.pwrite, b"x" * MIB, size)
refused(errno.EINVAL, h.pwrite, b"", 0)
refused(errno.EINVAL, h.pwrite, b"x" * 512, 0, UNKNOWN)
refused(errno.EINVAL, h.pwrite, b"x" * 512, 0, DF)
refused(errno.EINVAL, h.flush, UNKNOWN)
refused(errno.EINVAL, h.pread, 33 * MIB, 0)
refused(errno.EINVAL, h.pwrite, bytes(33 * MIB), 0)
refused(errno.ENOTSUP, h.zero, 4096, 0, FAST_ZERO)

extents = []
if structured:
    for flags in 0, REQ_ONE, FUA:
        h.block_status(size, 0, lambda *a: extents.append(a[:3]), flags)
    same(extents, [("base:allocation", 0, [size, 0])] * 3, "extents")
    refused(errno.EINVAL, h.block_status, 512, size, lambda *a: 0)
    refused(errno.EINVAL, h.block_status, 0, 0, lambda *a: 0)
    refused(errno.EINVAL, h.block_status, 512, 0, lambda *a: 0, UNKNOWN)
    read(MIB, 777, DF)
    refused(errno.EOVERFLOW, h.pread, MIB + 1, 0, DF)
else:
    refused(errno.EINVAL, h.block_status, 512, 0, lambda *a: 0)
    refused(errno.EINVAL, h.pread, 512, 0, DF)

for count in 32 * MIB, 32 * MIB - 1:
    write(count, 3 * MIB + 1)
    read(count, 3 * MIB + 1)
h.shutdown()
open(sys.argv[2], "wb").write(want)
END
}

before=$(flushes)
nbd_commands True
# FUA of 6 writes and 6 zeroes (of 6 trims, too, were there any), and one flush.
at_least $(($(flushes) - before)) 13 "flushes for FUA and FLUSH"
nbd_commands False
same_bytes "$D" "$W/want"

# Whoever serves for reading only refuses all that changes, and nothing else.
nbd_start b --ro
nbd_python "$(nbd_uri b)" <<'END'
import errno
import sys
from nbd_client import connected, refuses

h = connected(sys.argv[1])
refuses(errno.EPERM, h.pwrite, b"x" * 4096, 0)
refuses(errno.EPERM, h.trim, 4096, 0)
refuses(errno.EPERM, h.zero, 4096, 0)
h.pread(4096, 0)
h.cache(4096, 0)
h.flush()
END
nbd_stop b

# One daemon at a time writes to a device.
nbd_foreground b
exec 9>>"$D" # the other one has it open for writing
nbd_python "$(nbd_uri b)" <<'END'
import errno
import sys
from nbd_client import connected, refuses

h = connected(sys.argv[1])
for call in (h.pwrite, b"x" * 4096, 0), (h.trim, 4096, 0), (h.zero, 4096, 0):
    refuses(errno.EPERM, *call)
    h.pread(4096, 0)
END
grep -q "may not write: .*$M" "$W/b.log" || fail "no line that names who writes: $(cat "$W/b.log")"
exec 9>&-
nbd_stop b

# A context that was set stays so while contexts are listed.
nbd_python "$(nbd_socket a)" <<'END'
import struct
import sys
from nbd_client import ACK, BLOCK_STATUS, LIST_META, SET_META, STRUCTURED, Raw, same

STATUS_CHUNK = 5
query = struct.pack(">I4sII15s", 4, b"e7.1", 1, 15, b"base:allocation")
c = Raw(sys.argv[1])
c.option(STRUCTURED)
same(c.option_reply()[0], ACK, "structured replies")
for option in SET_META, LIST_META:
    c.option(option, query)
    same(c.option_reply()[1][4:], b"base:allocation", "the context")
    same(c.option_reply()[0], ACK, "end of the contexts")
same(c.go(b"e7.1"), ACK, "GO")
c.request(BLOCK_STATUS, 1, 512, 4096)
_, _, kind, _, count = struct.unpack(">IHHQI", c.take(20))
same(kind, STATUS_CHUNK, "type of the chunk")
same(c.take(count)[4:], struct.pack(">II", 4096, 0), "the extent")
END

# Commands that nobody knows.
nbd_python "$(nbd_socket a)" <<'END'
import errno
import sys
from nbd_client import ACK, READ, Raw, same

c = Raw(sys.argv[1])
same(c.go(b"e7.1"), ACK, "GO")
for kind in 7, 8, 42, 0xffff:
    c.request(kind, kind, 0, 512)
    same(c.simple_reply(), (errno.EINVAL, kind), f"command {kind}")
c.request(READ, 1, 0, 512)
same(c.simple_reply(), (0, 1), "a read after them")
END
daemon_stop a
same_bytes "$W/a.img" "$W/want"
