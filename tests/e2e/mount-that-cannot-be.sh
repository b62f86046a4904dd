#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs mount` that cannot work: the real reason in one line, exit code 1, nothing left mounted.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires setpriv unshare
net_up 1500
mkdir "$M" "$W/full" "$W/theirs"
chmod 755 "$W"

refuses() { # PATTERN COMMAND...
        expect 1 "^aoefs: .*($1)" "${@:2}"
        same "$(wc -l <"$W/err")" 1 "lines of: $(cat "$W/err")"
        is_mounted "$M" && fail "it is mounted"
        true
}

refuses 'nosuch0' aoefs mount -i nosuch0 "$M"
touch "$W/full/file"
refuses 'full.*empty' aoefs mount -i ai "$W/full"
refuses 'file.*(not a|empty) ?' aoefs mount -i ai "$W/full/file"
refuses 'nothing.*No such file' aoefs mount -i ai "$W/nothing"

# In use: a daemon is mounted there already.
daemon_start b
expect 1 "^aoefs: .*mnt\.b" aoefs mount -i ai "$(mnt b)"
daemon_stop b

# No /dev/fuse: in a mount namespace of its own with an empty /dev.
# shellcheck disable=SC2016
refuses '/dev/fuse' in_i unshare -m bash -c '
        mount --make-rprivate /
        cd "$2" # is in /dev/shm
        mount -t tmpfs none /dev
        mknod /dev/null c 1 3
        mkdir -p "$2"
        mount --no-canonicalize --bind . "$2"
        exec "$0" mount -i ai "$1"' "$AOEFS" "$M" "$W"

# An ordinary user.
mkdir -m 700 "$W/theirs/run" "$W/theirs/mnt"
chown -R 65534:65534 "$W/theirs"
code_of in_i setpriv --reuid=65534 --regid=65534 --clear-groups "$AOEFS" list -i ai
[ "$code" != 126 ] || skip "the binary cannot be run by an ordinary user"
same "$code" 1 "exit code of an ordinary user's list: $(cat "$W/err")"
grep -Eqi '^aoefs: .*(permission|permitted|root|CAP_NET_RAW)' "$W/err" || fail "$(cat "$W/err")"
refuses '[Pp]ermission|permitted|root|CAP_NET_RAW' \
        in_i setpriv --reuid=65534 --regid=65534 --clear-groups \
        env XDG_RUNTIME_DIR="$W/theirs/run" "$AOEFS" mount -i ai "$W/theirs/mnt"
