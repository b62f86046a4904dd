#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# The kernel's AoE driver and aoefs use one disk through one interface: neither gets the other's
# answers, and both read the same bytes.
# shellcheck source=SCRIPTDIR/../../e2e/lib.sh
source "$(dirname "$0")/../../e2e/lib.sh"
requires vblade modprobe
[ "${GUEST:-}" = yes ] || skip "takes the first network namespace: only in a guest"
K=/dev/etherd/e7.1 # the kernel's disk
write=(dd bs=64k conv=notrunc oflag=direct status=none)
read=(dd bs=64k iflag=direct status=none "if=$K" "of=$W/kernel")

received() { stat_sum '^aoefs_link_frames_received'; }
# The driver's log of its own, which reading empties.
driver_log() { dd if=/dev/etherd/err bs=4k iflag=nonblock status=none 2>/dev/null || true; }

# The driver works in the first network namespace only, so the initiator's side moves there.
net_up 1500
ip -n "$NSI" link set $IF netns 1
ip link set $IF up
in_i() { "$@"; }
image "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
daemon_start a
modprobe aoe aoe_iflist=$IF
wait_for "the kernel to find the disk" 30 test -b $K

# The kernel alone: of its 4096 answers none comes to aoefs, which hears beacons and the like.
before=$(received)
"${read[@]}"
same_bytes "$W/kernel" "$W/a.img"
at_most $(($(received) - before)) 100 "frames that came to aoefs"

# aoefs alone. By its first answer the kernel has those to all that it had asked twice.
read_one "$D"
driver_log >"$W/before.log"
image "$W/new" 4
"${write[@]}" if="$W/new" of="$D"
same_bytes "$D" "$W/new"
driver_log >"$W/driver.log"
same "$(count_of 'unexpected rsp' "$W/driver.log")" 0 "answers to aoefs that came to the kernel"

# Both at once. The kernel only reads: over veth a frame that it sends twice shares its pages with
# the first, and the second may arrive when there are other data in them.
image "$W/new" 4
background w1 "${write[@]}" if="$W/new" of="$D"
background r1 "${read[@]}"
for name in w1 r1; do finish $name 60; same "$code" 0 "exit code of $name"; done
background r1 cmp "$D" "$W/new"
background r2 "${read[@]}"
for name in r1 r2; do finish $name 60; same "$code" 0 "exit code of $name"; done
same_bytes "$W/kernel" "$W/new"
dmesg >"$W/dmesg.log"
same "$(count_of 'I/O error|unexpected rsp' "$W/dmesg.log")" 0 "complaints in the kernel's log"
same "$(stat_sum '^aoefs_errors')" 0 "errors of aoefs"
daemon_stop a
same_bytes "$W/a.img" "$W/new"
