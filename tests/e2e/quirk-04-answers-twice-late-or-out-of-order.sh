#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 4. Every answer twice; answers that come first when the frame was sent again; answers eight at
# a time backwards, which a path takes for losses only until it knows.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
quirk_begin -q double
quirk_io
at_least "$(dropped late)" 1000 "second answers that were dropped"
quirk_end double

quirk_begin -q late
quirk_io
at_least "$(stat_sum '^aoefs_answers_late')" 20 "late answers"
quirk_end late

quirk_begin -q reorder
quirk_io
at_most "$(stat_sum '^aoefs_frames_lost')" 400 "frames that were taken for lost"
quirk_end reorder
at_least "$(said v1 "applied reorder")" 1000 "answers that were overtaken"
