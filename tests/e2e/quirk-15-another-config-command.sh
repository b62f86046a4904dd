#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 15. A config answer that names another command than was asked with is believed.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
quirk_begin -q ccmd -c 'a string'
quirk_io
same "$(dropped 'short|length|command')" 0 "answers that were dropped"
quirk_end ccmd
grep -q 'the config string is now "a string"' "$W/a.log" || fail "no config string in the log"
