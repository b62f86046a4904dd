#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 2. The version nibble of an answer may be 0, as in vblade's beacons; 2 is another protocol.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q version-zero
quirk_io
same "$(dropped version)" 0 "answers of version 0 that were dropped"
quirk_end version-zero

quirk_begin -q version-two
quirk_io
at_least "$(dropped version)" 1 "answers of version 2 that were dropped"
quirk_end version-two
