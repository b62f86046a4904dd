#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 17. Our own frames reflected, answers to other initiators and to the kernel's do not even reach
# the daemon; answers from another MAC, for another slot of ours or to another command do, and are
# counted. None is taken for true.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
# Of one reading: between two, a query may be answered.
unanswered() {
        awk '$1 == "aoefs_daemon_frames_sent" { n += $2 }
                $1 == "aoefs_daemon_frames_received" { n -= $2 }
                END { print n }' "$M/.aoefs/stats"
}

while read -r quirk reason; do
        quirk_begin -q "$quirk"
        quirk_io
        missing=$(unanswered)
        drops=$(dropped "${reason:-.*}")
        quirk_end "$quirk"
        count=$(said v1 "applied $quirk")
        if [ -n "$reason" ]; then
                at_least "$drops" $((count / 2)) "$quirk: drops ($reason)"
        else # each took the place of one true answer
                at_least "$missing" "$count" "$quirk: frames without an answer"
        fi
done <<'END'
reflected
foreign-tag
kernel-tag
wrong-mac mac
wrong-tag tag|late|address|length
wrong-command command
END
