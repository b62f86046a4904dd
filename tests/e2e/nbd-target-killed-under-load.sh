#!/bin/bash
# SPDX-License-Identifier: MIT
# The target dies (kill -9) and comes back in the middle of what nbdcopy writes and reads, several
# times: the client sees no error, and no byte is wrong.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade nbdcopy
net_up 9000
mib=$(by_night 512 1024)
image "$W/data" "$mib"
blank "$W/a.img" "$mib"
vblade_start v1 7 1 "$W/a.img"
daemon_start a -o nbd="$(nbd_socket a)"

# MiB that were read, or written.
moved() { echo $(($(stat_sum "^aoefs_bytes_$1\\{") >> 20)); }
has_moved() { [ "$(moved "$1")" -ge "$2" ]; }

# killed_under KIND: the client is at work all the time.
killed_under() {
        local eighth from

        from=$(moved "$1")
        for eighth in 1 2 3; do # most is left when the last kill comes
                wait_for "the client to come to $eighth/8" 60 has_moved "$1" $((from + mib * eighth / 8))
                kill_wait v1 KILL
                is_gone "${PIDS[client]}" && fail "the client ended early: $(cat "$W/client.log")"
                vblade_start v1 7 1 "$W/a.img"
        done
        finish client 90
        same "$code" 0 "the client: $(cat "$W/client.log")"
}

background client nbdcopy --flush --connections=4 "$W/data" "$(nbd_uri a e7.1)"
killed_under written
same_bytes "$W/a.img" "$W/data"
background client nbdcopy --connections=4 "$(nbd_uri a e7.1)" "$W/copy"
killed_under read
same_bytes "$W/copy" "$W/data"
daemon_stop a
