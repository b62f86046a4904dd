#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs umount --force` fails what waits for a target that does not answer, then unmounts; without
# --force the mount stays.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
blank "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
daemon_start a
kill -STOP "${PIDS[v1]}"
background writer dd if=/dev/urandom of="$D" bs=1M oflag=direct conv=notrunc status=none
wait_for "the request to be open" 10 open_at_least e7.1 1
expect 1 'busy: process' aoefs umount "$M"
is_mounted "$M" || fail "unmounted without --force"
from=$SECONDS
code_of aoefs umount --force "$M"
echo "umount --force: $code after $((SECONDS - from)) s: $(cat "$W/err")"
at_most $((SECONDS - from)) 20 "seconds of umount --force"
finish writer 5
[ "$code" != 0 ] || fail "the writer saw no error"
is_mounted "$M" && fail "still mounted"
wait_for "the daemon to end" 5 not test -s "$W/a.pid"
kill -CONT "${PIDS[v1]}"
