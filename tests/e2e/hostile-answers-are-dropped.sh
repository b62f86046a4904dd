#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# Every 16th command gets a false answer instead of being carried out (hostile -l): none of them is
# taken for true. Each kind that passes the kernel's filter is counted under its reason.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires cc
net_up 9000
image "$W/data" 4

# QUIRK REASON: the drop counter, `-` where the filter in the kernel drops it or nothing comes.
while read -r quirk reason; do
        blank "$W/a.img" 4
        hostile_start v1 "$W/a.img" -q "$quirk"
        daemon_start a
        dd if="$W/data" of="$D" bs=300k conv=notrunc,fsync oflag=direct status=none
        dd if="$D" bs=1M iflag=direct status=none | cmp - "$W/data" || fail "$quirk: wrong bytes"
        if [ "$reason" != - ]; then
                at_least "$(stat_sum "^aoefs_frames_dropped\{reason=\"($reason)\"")" 1 \
                        "$quirk: drops ($reason)"
        fi
        daemon_stop a
        kill_wait v1
        at_least "$(sed -n "s/^applied $quirk //p" "$W/v1.log")" 20 "times that $quirk was done"
        same_bytes "$W/a.img" "$W/data"
done <<'END'
short short|length
foreign address
reflected -
wrong-mac mac
wrong-tag tag|late|address|length
wrong-command command
version-two version
garbage -
silent -
END

# All of them at once.
blank "$W/a.img" 4
hostile_start v1 "$W/a.img" -q short -q foreign -q reflected -q wrong-mac -q wrong-tag \
        -q wrong-command -q version-two -q garbage -q silent -q double -q long
daemon_start a
dd if="$W/data" of="$D" bs=70001 conv=notrunc,fsync status=none
same_bytes "$D" "$W/data"
daemon_stop a
same_bytes "$W/a.img" "$W/data"
