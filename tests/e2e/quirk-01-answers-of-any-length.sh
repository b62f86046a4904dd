#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 1. Answers without padding, padded, or with junk behind their data are good; one that ends
# before its data is none. An error may end right after the header.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
for quirk in exact padded long; do
        quirk_begin -q $quirk
        quirk_io
        same "$(dropped 'short|length')" 0 "$quirk: answers that were too short"
        quirk_end $quirk
done

quirk_begin -q short
quirk_io
at_least "$(dropped 'short|length')" 1 "answers that were too short"
quirk_end short

quirk_begin -q exact -q short-error -q error-high -r 2048:2049
expect 1 'Input/output error' dd if="$D" of=/dev/null bs=512 skip=2048 count=1 status=none
quirk_end exact short-error
