#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# A device that begins to answer appears in a mount that runs, one whose target died for good goes.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
net_up 1500
image "$W/a.img" 4
image "$W/b.img" 4
daemon_foreground a -o timeout=5
same "$(ls "$M")" "" "names without devices"
expect 1 'No such file' cat "$D"

vblade_start v1 7 1 "$W/a.img"
wait_for "e7.1 to be listed" 10 test -n "$(ls "$M")"
same_bytes "$D" "$W/a.img"

# Known by name alone, without a beacon: vblade's is lost here.
in_t nft add table netdev mute
in_t nft add chain netdev mute out '{ type filter hook egress device at priority 0; policy drop; }'
vblade_start v2 7 2 "$W/b.img"
wait_for "the beacon to be gone" 5 listens "${PIDS[v2]}"
in_t nft delete table netdev mute
same_bytes "$M/e7.2" "$W/b.img"
same "$(cd "$M" && echo *)" "e7.1 e7.2" "names"

kill_wait v1 KILL
wait_for "e7.1 to go" 90 not_listed e7.1
same "$(cd "$M" && echo *)" e7.2 "names without e7.1"
expect 1 'No such file' cat "$D"
same_bytes "$M/e7.2" "$W/b.img"

# Back again.
vblade_start v1 7 1 "$W/a.img"
wait_for "e7.1 to come back" 10 same_bytes "$D" "$W/a.img"
daemon_stop a
