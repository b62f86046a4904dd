#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 14. 1024 buffers are claimed, 8 are there, and the target is slow: what does not fit is lost.
# The window comes down to what there is, and all bytes arrive.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
quirk_begin -b 1024 -Q 8 -t 100
quirk_io
quirk_io
at_most "$(stat_sum '^aoefs_window')" 16 "window"
lost=$(stat_sum '^aoefs_frames_lost') sent=$(stat_sum '^aoefs_frames_sent')
at_least "$lost" 1 "frames lost"
at_most "$lost" $((sent / 5)) "frames lost of $sent"
quirk_end overflow
