#!/bin/bash
# SPDX-License-Identifier: MIT
# The socket: given by systemd, or made; one that a killed daemon left is replaced, one at which
# somebody listens and a file that is none are left alone, with a line that says so.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade nbdinfo python3 systemd-socket-activate
net_up 9000
image "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
socket=$(nbd_socket a)
serves() { same "$(nbdinfo --size "$(nbd_uri a)")" $((4 << 20)) "bytes of the export"; }

background activated "${IN_I[@]}" systemd-socket-activate -l "$socket" "$AOEFS" nbd -f -i "$IF" \
        -P "$W/a.pid"
wait_for "the socket" 10 test -S "$socket"
serves
wait_for "the pid file" 10 test -s "$W/a.pid"
serves
kill -TERM "$(worker_of a)"
finish activated 20
same "$code" 0 "exit code of the one that was activated: $(cat "$W/activated.log")"
[ -S "$socket" ] || fail "a socket of systemd's was removed"

nbd_start a # in the place of that file, at which nobody listens any more
serves
expect 1 "$socket: .*in use" aoefs nbd -i "$IF" --socket="$socket"
serves
keeper=$(keeper_of a)
kill -KILL "$keeper" "$(worker_of a)"
wait_for "the daemon to be gone" 10 is_gone "$keeper"
[ -S "$socket" ] || fail "a killed daemon took its socket with it: nothing is tested"
nbd_start a
serves
nbd_stop a

python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("listens", flush=True)
s.accept()
' "$socket" >"$W/stranger.log" 2>&1 &
PIDS[stranger]=$!
wait_for "a stranger to listen" 10 grep -q listens "$W/stranger.log"
expect 1 "$socket: .*in use.*give another path" aoefs nbd -i "$IF" --socket="$socket"
[ -S "$socket" ] || fail "the socket of a stranger is gone"
kill_wait stranger
rm "$socket"

echo precious >"$socket"
expect 1 "$socket: " aoefs nbd -i "$IF" --socket="$socket"
same "$(cat "$socket")" precious "a file in the way"
rm "$socket"
expect 2 'no socket' aoefs nbd -i "$IF"
