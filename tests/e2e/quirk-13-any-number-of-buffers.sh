#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 13. 0 buffers and 1 are one frame at a time; never more are in flight than there are buffers.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
for buffers in 0 1 2 3 1024; do
        quirk_begin -b $buffers
        quirk_io
        window=$(stat_sum '^aoefs_window')
        at_least "$window" 1 "$buffers buffers: window"
        at_most "$window" $((buffers ? buffers : 1)) "$buffers buffers: window"
        quirk_end buffers
done
at_least "$window" 4 "window of a target with 1024 buffers"
