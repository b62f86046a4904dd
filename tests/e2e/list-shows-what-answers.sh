#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs list`: table, columns, JSON with the keys of the manual, nothing where nobody answers, exit
# code 4 for a device that is not there.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade jq
net_up 9000

same "$(aoefs list -i $IF)" "" "a list without devices"
same "$(aoefs list -i $IF --json | jq -c .)" '{"devices":[]}' "JSON without devices"

blank "$W/a.img" 64
blank "$W/b.img" 3
vblade_start v1 7 1 "$W/a.img"
vblade_start v2 65534 254 "$W/b.img" -b 1

aoefs list -i $IF >"$W/table"
same "$(wc -l <"$W/table")" 3 "lines of the table"
grep -Eq '^ADDRESS +SIZE +MODEL +SERIAL +MACS +INTERFACES +PAYLOAD +STATE' "$W/table"
grep -Eq '^e7\.1 +64M.* Coraid EtherDrive vblade .* ai +8704 +up$' "$W/table" ||
        fail "the line of e7.1: $(sed -n 2p "$W/table")"
same "$(aoefs list -i $IF --noheadings --bytes -o ADDRESS,SIZE e7.1 | tr -s ' ')" \
        "e7.1 67108864" "chosen columns"
same "$(aoefs list -i $IF --noheadings -o ADDRESS | tr -d ' ')" $'e7.1\ne65534.254' "order"

# Keys, types and values, as the manual fixes them.
aoefs list -i $IF --json >"$W/json"
mac=$(mac_of "$NST" at)
jq -e --arg mac "$mac" '.devices | length == 2 and (.[0] |
        .name == "e7.1" and .shelf == 7 and .slot == 1 and .size == 67108864 and
        .sector_size == 512 and .model == "Coraid EtherDrive vblade" and
        (.serial | startswith("7.1:")) and .firmware == "V25" and .state == "up" and
        .payload == 8704 and .buffers == 16 and .config == "" and
        (.paths | length == 1) and (.paths[0] |
                .link == "ai" and .mac == $mac and .payload == 8704 and
                (.rtt_us | type == "number") and .rtt_us > 0))' "$W/json" >/dev/null ||
        fail "JSON: $(cat "$W/json")"

expect 4 'e9\.9: no such device' aoefs list -i $IF e9.9
expect 2 'no such column' aoefs list -i $IF -o NONSENSE
same "$(aoefs list -i $IF --noheadings -o ADDRESS e65534.254 | tr -d ' ')" e65534.254 "one device"
