#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 19. A target that restarts forgets what it was sent and its config string, and may have another
# MAC: the I/O goes on, and the log tells. Another disk at the same address is not touched: ESTALE.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
in_log() { grep -q "$1" "$W/a.log"; }
write_and_restart() {
        head -c $QUIRK_BYTES /dev/urandom >"$W/want"
        kill -STOP "${PIDS[v1]}" # until the write has begun
        background writer dd if="$W/want" of="$D" bs=64k conv=notrunc,fsync
        wait_for "writes" 5 open_at_least e7.1 1
        kill -CONT "${PIDS[v1]}"
        tell v1 restart
        finish writer 20
        same "$code" 0 "exit code of the writer"
        quirk_io
}

mac=$(mac_of "$NST" at)
paths_up() { awk '$NF == "up" { printf "%s ", $2 }' "$M/.aoefs/e7.1/paths"; }
is_at_home() { [ "$(paths_up)" = "$mac " ]; }
has_moved() { [[ $(paths_up) == "${mac%:*}:"??" " && $(paths_up) != "$mac " ]]; }
quirk_begin -c mine -t 100
wait_for "the config string" 5 in_log 'the config string is now "mine"'
write_and_restart
wait_for "the log line" 5 in_log 'the target was restarted'
wait_for "the log line" 5 in_log 'the config string is empty now'
wait_for "one path, to the first MAC" 5 is_at_home
tell v1 quirk new-mac
write_and_restart
wait_for "one path, to the new MAC" 5 has_moved
quirk_end new-mac

quirk_begin
exec 9<"$D"
quirk_io
kill_wait v1
hostile_start v1 "$W/a.img" -S other 9<&-
wait_for "the state to tell" 5 grep -q 'another disk' "$M/.aoefs/e7.1/state"
expect 1 'Stale file handle' dd of=/dev/null bs=4k count=1 <&9
exec 9<&-
expect 1 'Stale file handle' dd if=/dev/zero of="$D" bs=4k count=1 conv=notrunc
quirk_end
same "$(said v1 served)" 0 "commands that the other disk got"
