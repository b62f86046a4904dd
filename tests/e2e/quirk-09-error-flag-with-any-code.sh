#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 9. The E flag is an error whatever the code says, 0 or one that nobody has defined, and
# whatever the ATA status beside it says: EIO at once for what touches it, and for nothing else.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
for quirk in error-zero error-high; do
        quirk_begin -q $quirk -r 2048:2064
        quirk_errors
        quirk_end $quirk
done
