#!/bin/bash
# SPDX-License-Identifier: MIT
# A thousand devices behind one MAC: all are listed, each reads and writes its own sectors and nobody
# else's, the statistics still tell the daemon's sums, and keeper and worker take at most 64 MiB of
# resident memory.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires python3
net_up 9000
crowd_start crowd -n 1000 -m 1
daemon_start a
for shelf in {7..16}; do printf "e$shelf.%d\n" {0..99}; done | sort >"$W/names"
are_listed() { (cd "$M" && printf '%s\n' *) | sort | cmp -s - "$W/names"; }
wait_for "all of them to be listed" 10 are_listed

python3 - "$M" "$W/names" <<'END'
import os
import sys

mount, names = sys.argv[1], open(sys.argv[2]).read().split()
SECTOR, STAMPED, DISK = 512, 8, 2048  # sectors that tests/crowd has stamped at both ends; of a disk


def stamp(name, lba):
    return f"{name} sector {lba}\n".encode().ljust(SECTOR, b"\0")


def mine(name):
    return f"written by {name}\n".encode().ljust(100 * SECTOR, b".")


def expect(f, name, lba, want):
    if os.pread(f, len(want), lba * SECTOR) != want:
        sys.exit(f"fail: {name}: other bytes at sector {lba}")


files = {name: os.open(f"{mount}/{name}", os.O_RDWR) for name in names}
for name, f in files.items():
    if os.fstat(f).st_size != DISK * SECTOR:
        sys.exit(f"fail: {name}: {os.fstat(f).st_size} bytes")
    for first in 0, DISK - STAMPED:
        expect(f, name, first, b"".join(stamp(name, first + i) for i in range(STAMPED)))
for name, f in files.items():
    os.pwrite(f, mine(name), 1000 * SECTOR)
for name, f in files.items():
    expect(f, name, 1000, mine(name))
    expect(f, name, 0, stamp(name, 0))
END

at_least "$(stat_sum '^aoefs_daemon_frames_sent ')" 10000 "frames sent in the statistics"
at_least "$(stat_sum '^aoefs_link_frames_received{')" 10000 "frames received in the statistics"
keeper=$(rss_of "$(keeper_of a)")
worker=$(rss_of "$(worker_of a)")
echo "resident: keeper $keeper KiB, worker $worker KiB"
is_sanitized || at_most $((keeper + worker)) 65536 "KiB of keeper and worker"
daemon_stop a
