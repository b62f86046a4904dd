#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 5. The sector count of an answer says nothing: unchanged, 0xff or 0 is all the same. With an
# error it is what is left, and as many bytes come along as were asked for: an error all the same.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
for quirk in count-echo count-ff; do
        quirk_begin -q $quirk
        quirk_io
        quirk_end $quirk
done

quirk_begin -q abort -q count-rest -r 2048:2064
quirk_errors
quirk_end abort count-rest
