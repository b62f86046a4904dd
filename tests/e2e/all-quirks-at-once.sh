#!/bin/bash
# SPDX-License-Identifier: MIT
# Random bytes with the right tag are no answer; nor is a bogus frame of any kind, all kinds in one
# run, from a target that does at the same time whatever an honest one may do.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q garbage -e 8
quirk_io
quirk_end garbage

bogus="short foreign reflected foreign-tag kernel-tag wrong-mac wrong-tag wrong-command version-two
garbage silent late"
tolerated="sectors-large ccmd long version-zero count-ff no-echo status-zero double reorder beacons"
options=()
for quirk in $bogus $tolerated; do options+=(-q "$quirk"); done
quirk_begin -b 1024 "${options[@]}"
quirk_io
quirk_io
# shellcheck disable=SC2086 # lists of words
quirk_end buffers $bogus $tolerated
