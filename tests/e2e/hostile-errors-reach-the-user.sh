#!/bin/bash
# SPDX-License-Identifier: MIT
# Errors come at once and only where they are: reserved is EBUSY, an ATA error or an E flag with
# code 0 is EIO for what touches it, and the rest of the disk works.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires cc
net_up 1500
image "$W/a.img" 4
cp "$W/a.img" "$W/want"
for quirk in abort error-zero; do
        hostile_start v1 "$W/a.img" -q $quirk -r 2048:2064 # 8 KiB at 1 MiB
        daemon_start a
        from=${EPOCHREALTIME/./}
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=257 count=1 iflag=direct
        expect 1 'Input/output error' dd if=/dev/zero of="$D" bs=512 seek=2063 count=1 conv=notrunc
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=1M count=2 iflag=direct
        at_most $((${EPOCHREALTIME/./} - from)) 2000000 "microseconds of three errors"
        same_bytes "$D" "$W/want" 0 $((1 << 20))
        same_bytes "$D" "$W/want" $(((1 << 20) + 8192)) $(((3 << 20) - 8192))
        daemon_stop a
        kill_wait v1
        same_bytes "$W/a.img" "$W/want"
done

hostile_start v1 "$W/a.img" -q reserved
daemon_start a
from=${EPOCHREALTIME/./}
expect 1 'Device or resource busy' dd if="$D" of=/dev/null bs=4k count=1 iflag=direct
expect 1 'Device or resource busy' dd if=/dev/zero of="$D" bs=4k count=1 conv=notrunc
at_most $((${EPOCHREALTIME/./} - from)) 1000000 "microseconds of two refusals"
code_of aoefs umount "$M" # its flush may be refused, too
is_mounted "$M" && aoefs umount --force "$M"
wait_for "the daemon to end" 5 not test -s "$W/a.pid"
same_bytes "$W/a.img" "$W/want"
