#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 3. Beacons amid the I/O: each may mean another disk, so the target is compared, but not more
# than once a second, however many there are, and nothing is lost over it.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
from=$SECONDS
quirk_begin -q beacons -e 4
quirk_io
quirk_io
same "$(cat "$M/.aoefs/e7.1/state")" up "state"
same "$(stat_sum '^aoefs_errors')" 0 "errors"
quirk_end beacons
at_least "$(said v1 "applied beacons")" 500 "beacons"
at_least "$(count_of 'the target was restarted' "$W/a.log")" 1 "times that a restart was noticed"
at_most "$(said v1 identified)" $((2 * (SECONDS - from) + 10)) "times that it was compared"
