#!/bin/bash
# SPDX-License-Identifier: MIT
# A hundred connections at once all read and write; an idle one that has done so costs at most 1 MiB
# of resident memory; beyond the limit of 128 the next is hung up on, and has its place when another
# leaves.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires
net_up 9000
image "$W/a.img" 100
vblade_start v1 7 1 "$W/a.img"
nbd_start a
nbd_python "$(nbd_uri a e7.1)" "$(nbd_socket a)" "$W/a.img" "$(worker_of a)" >"$W/resident" <<'END'
import os
import sys
import threading
import nbd
from nbd_client import ACK, MIB, Raw, connected, fail, file_bytes, same

uri, path, image, worker = sys.argv[1:]
COUNT, LIMIT = 100, 128


def resident_kib():
    with open(f"/proc/{worker}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def work(i):
    """Each in its own MiB of the disk."""
    h = handles[i]
    same(bytes(h.pread(MIB, i * MIB)), file_bytes(image, i * MIB, MIB), f"read of {i}")
    data = os.urandom(MIB)
    h.pwrite(data, i * MIB, nbd.CMD_FLAG_FUA)
    same(bytes(h.pread(MIB, i * MIB)), data, f"what {i} wrote")
    same(file_bytes(image, i * MIB, MIB), data, f"what {i} wrote, on the disk")
    done.append(i)


def all_work(idle):
    done.clear()
    threads = [threading.Thread(target=work, args=(i,)) for i in idle]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(sorted(done), list(idle), "those that did their work")


done = []
handles = [connected(uri)]
all_work(range(1))
before = resident_kib()
handles += [connected(uri) for _ in range(COUNT - 1)]
all_work(range(COUNT))
print((resident_kib() - before) // (COUNT - 1))

raw = [Raw(path) for _ in range(LIMIT - COUNT)]
for c in raw:
    same(c.go(b"e7.1"), ACK, "GO")
try:
    Raw(path)
    fail(f"connection {LIMIT + 1} is served")
except (EOFError, ConnectionError):
    pass
raw[0].option(1, bytes(12))  # no request: hung up on
same(raw[0].is_closed(), True, "end of one")
same(Raw(path).go(b"e7.1"), ACK, "GO in its place")
all_work(range(COUNT))
END
echo "resident per idle connection: $(cat "$W/resident") KiB"
is_sanitized || at_most "$(cat "$W/resident")" 1024 "KiB resident per idle connection"
nbd_stop a
