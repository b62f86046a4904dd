#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# One header field of each twentieth frame is wrong, both ways, and each twentieth answer is cut off
# somewhere: all of them are dropped, counted by reason, and asked for again. No wrong byte, no error.
# (A request that is cut off is answered with a true error by vblade: no initiator can tell.)
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
dropped() { stat_sum "^aoefs_frames_dropped\{reason=\"($1)\""; }
for mtu in 1500 9000; do
        wire_up $mtu
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        wire_set both corrupt=50
        wire_set back truncate=50
        load_start "$D" -n "$(by_night 600 6000)"
        load_finish 90
        # A frame whose R flag is wrong does not even pass the kernel's filter.
        for reason in version address command mac 'late|tag' 'short|length'; do
                at_least "$(dropped "$reason")" 1 "drops ($reason)"
        done
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
        wire_stop
done
