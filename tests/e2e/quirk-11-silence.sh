#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 11. A mask list or an access list makes a target silent, to all or to all but Query Config; some
# have no other answer to an error. Nothing waits longer than its timeout, `state` says why, and
# other disks do not notice.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
image "$W/b.img" 1
hostile_start v2 "$W/b.img" -m 2

# From the beginning: there is no such disk.
image "$W/a.img" 2
for options in "-x $(mac_of "$NSI" ai)" "-q config-only"; do
        # shellcheck disable=SC2086 # options is a list of words
        hostile_start v1 "$W/a.img" $options
        daemon_start a
        expect 1 'No such file' cat "$D"
        same_bytes "$M/e7.2" "$W/b.img"
        daemon_stop a
        kill_wait v1
        at_least "$(said v1 'applied .*')" 1 "$options: silences"
done

# While it is in use, and then no more.
rm -f "$W/a.log"
image "$W/a.img" 2
cp "$W/a.img" "$W/want"
hostile_start v1 "$W/a.img" -r 2048:2049 -q abort
daemon_foreground a -o timeout=2
same_bytes "$D" "$W/want" 0 4096
tell v1 quirk config-only
background reader dd if="$D" of=/dev/null bs=4k count=1
wait_for "the state to tell" 5 grep -q '^stale: answers queries but no' \
        "$M/.aoefs/e7.1/state"
same_bytes "$M/e7.2" "$W/b.img"
finish reader 20
same "$code" 1 "exit code of a reader"
grep -q 'Input/output error' "$W/reader.log" || fail "$(cat "$W/reader.log")"
tell v1 honest config-only
wait_for "the disk to be back" 5 grep -qx up "$M/.aoefs/e7.1/state"
same_bytes "$D" "$W/want" 0 4096

# No answer instead of an error: what touches that place times out, alone.
tell v1 quirk silent-errors
background reader dd if="$D" of=/dev/null bs=512 skip=2048 count=1
finish reader 20
same "$code" 1 "exit code of a reader of the bad place"
same_bytes "$M/e7.2" "$W/b.img"
wait_for "the disk to be up" 5 grep -qx up "$M/.aoefs/e7.1/state"
same_bytes "$D" "$W/want" 0 $((1 << 20))
daemon_stop a
kill_wait v1
at_least "$(said v1 "applied config-only")" 1 "commands without an answer"
at_least "$(said v1 "applied silent-errors")" 1 "errors without an answer"
same_bytes "$W/a.img" "$W/want"
