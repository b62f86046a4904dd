#!/bin/bash
# SPDX-License-Identifier: MIT
# Random bytes at each phase of the protocol, options that are too long, unknown or cut off, and
# clients that leave in the middle of anything: they are hung up on or told so, the options behind
# are served, and another client never notices.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires
net_up 9000
image "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
nbd_start a
worker=$(worker_of a)
seed=${NBD_SEED:-$RANDOM}
echo "seed $seed (NBD_SEED)"
nbd_python "$(nbd_socket a)" "$(nbd_uri a e7.1)" "$W/a.img" "$seed" "$(by_night 12 300)" <<'END'
import random
import struct
import sys
from nbd_client import (ACK, FIXED_NEWSTYLE, GO, LIST, MIB, OPTION_MAGIC, READ, SET_META, STRUCTURED,
                        WRITE, Raw, connected, fail, file_bytes, same)

path, uri, image, seed, rounds = sys.argv[1:]
dice = random.Random(int(seed))
UNSUPPORTED, INVALID, UNKNOWN, TOO_BIG = 0x80000001, 0x80000003, 0x80000006, 0x80000009
other = connected(uri)


def serving():
    c = Raw(path)
    same(c.go(b"e7.1"), ACK, "GO")
    return c


def hung_up(c, what):
    if not c.is_closed():
        fail(f"not hung up on after {what}")


def garbage(c, what):
    """Never the right magic: then the stream makes no sense, and must end."""
    try:
        c.send(b"\xee" + dice.randbytes(dice.randrange(64, 20000)))
    except ConnectionError:
        pass  # it knew before the last byte
    hung_up(c, what)


def in_the_options():
    c = Raw(path)
    for code in 99, 5, 0xffffffff:
        c.option(code, dice.randbytes(dice.randrange(9000)))
        same(c.option_reply()[0] in (UNSUPPORTED, TOO_BIG), True, f"answer to option {code}")
    for code in LIST, GO, SET_META, STRUCTURED:
        c.option(code, dice.randbytes(9000))
        same(c.option_reply()[0], TOO_BIG, f"answer to a long option {code}")
        c.option(code, b"\xff\xff\xff\xff" + dice.randbytes(dice.randrange(60)))
        same(c.option_reply()[0], INVALID, f"answer to a bad option {code}")
    for name in b"e7.1\0", b"e7.9", b"e7." + b"1" * 4000, dice.randbytes(30):
        kind = c.go(name)
        same(kind, UNKNOWN, f"answer to the name {name[:40]}")
    same(c.go(b"e7.1"), ACK, "GO after all that")
    c.request(READ, 5, 512, 4096)
    same(c.simple_reply(), (0, 5), "a read after all that")
    same(c.take(4096), file_bytes(image, 512, 4096), "its data")
    c.close()


def leaves():
    Raw(path, flags=None).close()
    c = Raw(path)
    c.send(struct.pack(">QII", OPTION_MAGIC, GO, 100) + b"\0")
    c.close()
    c = serving()
    for i in range(8):
        c.request(READ, i, i * MIB // 2, MIB)
    c.close()
    c = serving()
    c.request(WRITE, 1, 0, 4 * MIB)
    c.send(file_bytes(image, 0, dice.randrange(1, 4 * MIB)))
    c.close()
    c = serving()
    c.send(dice.randbytes(3))
    c.close()


for i in range(int(rounds)):
    flags = dice.choice([0x80, 4, 0xffffffff])
    hung_up(Raw(path, flags), f"client flags {flags}")
    garbage(Raw(path, None), "random flags")
    garbage(Raw(path, FIXED_NEWSTYLE), "random options")
    garbage(serving(), "random requests")
    in_the_options()
    leaves()
    at = dice.randrange(7 * MIB)
    same(bytes(other.pread(MIB, at)), file_bytes(image, at, MIB), "what the other client reads")
other.shutdown()
END
same "$(worker_of a)" "$worker" "the worker"
nbdinfo "$(nbd_uri a)" >/dev/null
nbd_stop a
