#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# Clients that ask for much and take nothing, that stop in the middle of what they write, or are
# stopped by a signal: another client and the mount beside them get all their work done, and the
# clients lose nothing when they go on.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires nbdcopy
net_up 9000
image "$W/a.img" 96
image "$W/b.img" 32
vblade_start v1 7 1 "$W/a.img"
vblade_start v2 7 2 "$W/b.img"
daemon_start a -o nbd="$(nbd_socket a)" -o memory=128

# Reads and writes of others, each with its end.
others_work() { # WHILE
        timeout 40 nbdcopy "$(nbd_uri a e7.1)" "$W/copy" || fail "$1: a client reads nothing"
        same_bytes "$W/copy" "$W/a.img"
        rm "$W/copy"
        timeout 40 cmp "$D" "$W/a.img" || fail "$1: the mount reads nothing"
        image "$W/data" 32
        timeout 40 nbdcopy --flush "$W/data" "$(nbd_uri a e7.2)" || fail "$1: a client writes nothing"
        same_bytes "$W/b.img" "$W/data"
        image "$W/data" 32
        timeout 40 dd if="$W/data" of="$M/e7.2" bs=1M conv=notrunc,fsync status=none ||
                fail "$1: the mount writes nothing"
        same_bytes "$W/b.img" "$W/data"
}

mkfifo "$W/go"
nbd_python "$(nbd_socket a)" "$W/a.img" "$W/go" >"$W/greedy.log" 2>&1 <<'END' &
import sys
from nbd_client import ACK, MIB, READ, WRITE, Raw, file_bytes, same

path, image, go = sys.argv[1:]
readers = [(Raw(path), count) for count in [64] + [6] * 30]
writers = [Raw(path) for _ in range(30)]
for c, count in readers:
    same(c.go(b"e7.1"), ACK, "GO")
    for i in range(count):
        c.request(READ, i, i * MIB, MIB)
for i, c in enumerate(writers):
    same(c.go(b"e7.1"), ACK, "GO")
    c.request(WRITE, 1, i * 2 * MIB, 2 * MIB)
    c.send(file_bytes(image, i * 2 * MIB, MIB + 1000))
print("stopped", flush=True)
open(go).close()
for c, count in readers:
    left = set(range(count))
    while left:
        error, cookie = c.simple_reply()
        same(error, 0, "error of a late reader")
        same(c.take(MIB), file_bytes(image, cookie * MIB, MIB), "late data")
        left.remove(cookie)
for i, c in enumerate(writers):
    c.send(file_bytes(image, i * 2 * MIB + MIB + 1000, MIB - 1000))
    same(c.simple_reply(), (0, 1), "a late writer")
END
PIDS[greedy]=$!
wait_for "the greedy clients to stop" 30 grep -q stopped "$W/greedy.log"
others_work "beside clients that take nothing"
: >"$W/go"
finish greedy 60
same "$code" 0 "the greedy clients: $(cat "$W/greedy.log")"
same_bytes "$D" "$W/a.img"

# nbdcopy to where it waits for nobody, stopped with its requests out.
background stopped nbdcopy --connections=4 --requests=64 "$(nbd_uri a e7.1)" null:
wait_for "nbdcopy to be at work" 20 open_at_least e7.1 8
kill -STOP "${PIDS[stopped]}"
others_work "beside a stopped nbdcopy"
kill -CONT "${PIDS[stopped]}"
finish stopped 60
same "$code" 0 "the nbdcopy that was stopped: $(cat "$W/stopped.log")"
daemon_stop a
