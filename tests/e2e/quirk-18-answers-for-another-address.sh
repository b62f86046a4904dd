#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 18. Answers with the right tag and another shelf.slot are not used: not a bogus one, and not
# those of a target that answers for all addresses with its own (MyStorage).
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q foreign
quirk_io
at_least "$(dropped address)" 1 "answers of another address"
quirk_end foreign

image "$W/b.img" 1
hostile_start v2 "$W/b.img" -m 2 -t 1000 # slower than the false ones
quirk_begin -q any-address
quirk_io
same_bytes "$M/e7.2" "$W/b.img" # both have one MAC, and so both answer
at_least "$(dropped address)" 1 "answers of another address"
quirk_end any-address
