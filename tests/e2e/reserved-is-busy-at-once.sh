#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk that another host has reserved says so to each command: EBUSY, at once. It is an answer: the
# command is not sent again until something times out.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
quirk_begin -q reserved
for _ in {1..20}; do
        expect 1 'Device or resource busy' dd if="$D" of=/dev/null bs=1k count=1
        expect 1 'Device or resource busy' dd if=/dev/zero of="$D" bs=1k count=1 conv=notrunc
done
at_most "$(stat_sum '^aoefs_daemon_frames_resent')" 10 "frames sent again for 40 refusals"
code_of aoefs umount "$M" # its flush may be refused, too
[ $code = 0 ] || aoefs umount --force "$M"
finish a 10
kill_wait v1
at_least "$(said v1 'applied reserved')" 40 "refusals"
same_bytes "$W/a.img" "$W/want"
