#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# VLAN 42 on a wire that has untagged traffic, too. On either interface aoefs has what is served on
# the same one of the other side, and nothing else. Answers with a tag that is not configured on the
# interface are no answers.
# shellcheck source=SCRIPTDIR/../../e2e/lib.sh
source "$(dirname "$0")/../../e2e/lib.sh"
requires vblade tc

vlan_up() { # namespace, interface
        ip -n "$1" link add link "$2" name "$2.42" type vlan id 42
        ip -n "$1" link set "$2.42" up
        wait_for "$2.42 to be up" 10 is_up "$1" "$2.42"
}

listed() { aoefs list -i "$1" --noheadings -o ADDRESS,INTERFACES,PAYLOAD | xargs; } # INTERFACE
paths() {
        sed -nE 's/^aoefs_frames_sent\{device="(.*)",link="(.*)",mac.*/\1 \2/p' "$M/.aoefs/stats"
}

# On INTERFACE aoefs has DEVICE and nothing else; what it writes is in the device's image.
use() { # INTERFACE DEVICE
        IF=$1 daemon_start a
        ls "$M/e7.1" "$M/e8.1" >/dev/null 2>&1 || true # has it ask for both by name
        same "$(paths)" "$2 $1" "paths"
        image "$W/new" 1
        dd if="$W/new" of="$M/$2" bs=64k oflag=direct conv=notrunc,fsync status=none
        same_bytes "$M/$2" "$W/new"
        daemon_stop a
        same_bytes "$W/$2" "$W/new"
}

blank "$W/e7.1" 1
blank "$W/e8.1" 1
for mtu in 1500 9000; do
        payload=$((mtu == 1500 ? 1024 : 8704))
        net_up $mtu
        vlan_up "$NSI" ai
        vlan_up "$NST" at
        TIF=at.42 vblade_start v7 7 1 "$W/e7.1"
        vblade_start v8 8 1 "$W/e8.1"
        same "$(listed ai.42)" "e7.1 ai.42 $payload" "the list of the VLAN"
        same "$(listed ai)" "e8.1 ai $payload" "the list of its parent"
        use ai.42 e7.1
        use ai e8.1
        kill_wait v7
        kill_wait v8
done

# The target's side tags its answers with a VLAN that the initiator's side does not have.
net_up 1500
vblade_start v8 8 1 "$W/e8.1"
in_t tc qdisc add dev at clsact
in_t tc filter add dev at egress matchall action vlan push id 43
same "$(listed ai)" "" "the list of answers with a tag"
tagged=$(in_t tc -s filter show dev at egress | sed -nE 's/.*Sent .* ([0-9]+) pkt.*/\1/p')
at_least "$tagged" 1 "answers that were sent with a tag"
in_t tc filter del dev at egress
same "$(listed ai)" "e8.1 ai 1024" "the list without the tag"
