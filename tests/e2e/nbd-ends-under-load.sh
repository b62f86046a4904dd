#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs umount`, SIGTERM and Ctrl-C while clients write and read, and others are stuck in what they
# read and write: what was acknowledged is on the disk, the clients are hung up on instead of left to
# wait, daemon and socket are gone, the exit code is 0. The same for a mount with a socket.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires
net_up 9000
image "$W/data" 256

# Writes MiB by MiB on one connection and reads on another until hung up on; prints how many MiB of
# the disk are written.
clients_start() {
        rm -f "$W/client.log"
        nbd_python "$(nbd_uri a e7.1)" "$(nbd_socket a)" "$W/data" >"$W/client.log" 2>&1 <<'END' &
import sys
import threading
import nbd
from nbd_client import ACK, MIB, READ, WRITE, Raw, connected, same

uri, path, source = sys.argv[1:]


def read(h):
    try:
        while True:
            for i in range(256):
                h.pread(MIB, i * MIB)
    except nbd.Error:
        print("reader ended", flush=True)


def write(h):
    with open(source, "rb") as data:
        for i in range(256):
            try:
                h.pwrite(data.read(MIB), i * MIB)
            except nbd.Error:
                break
            print(f"written {i + 1}", flush=True)


stuck = [Raw(path), Raw(path)]
for c in stuck:
    same(c.go(b"e7.1"), ACK, "GO")
for i in range(64):
    stuck[0].request(READ, i, i * MIB, MIB)
stuck[1].request(WRITE, 1, 255 * MIB, MIB)
stuck[1].send(bytes(MIB // 2))
threads = [threading.Thread(target=work, args=(connected(uri),)) for work in (read, write)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for c in stuck:
    same(c.is_closed(), True, "end of one that was stuck")
END
        PIDS[client]=$!
}

by_umount() { aoefs umount "$(nbd_socket a)"; }
by_umount_of_the_mount() { aoefs umount "$M"; }
by_term() { kill -TERM "$(worker_of a)"; }
by_interrupt() { kill -INT "$keeper"; }

for end in by_umount by_umount_of_the_mount by_term by_interrupt; do
        blank "$W/a.img" 256
        vblade_start v1 7 1 "$W/a.img"
        if [ $end = by_umount_of_the_mount ]; then
                daemon_foreground a -o nbd="$(nbd_socket a)"
        else
                nbd_foreground a
        fi
        keeper=$(keeper_of a)
        clients_start
        wait_for "the writer to be at work" 20 grep -q 'written 8' "$W/client.log"
        $end
        finish a 30
        same "$code" 0 "exit code of the daemon, $end: $(cat "$W/a.log")"
        [ ! -e "$(nbd_socket a)" ] || fail "$end: the socket is still there"
        finish client 20
        same "$code" 0 "the clients: $(cat "$W/client.log")"
        written=$(sed -n 's/^written //p' "$W/client.log" | tail -n 1)
        echo "$end: $written MiB"
        at_most "$written" 255 "MiB written: nothing was tested"
        grep -q 'reader ended' "$W/client.log" || fail "$end: the reader was not hung up on"
        same_bytes "$W/a.img" "$W/data" 0 $((written << 20))
        kill_wait v1
done
