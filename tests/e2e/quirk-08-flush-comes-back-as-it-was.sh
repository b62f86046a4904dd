#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 8. ggaoed does not do a FLUSH CACHE, and leaves the command byte where the status belongs, with
# the bits of an error: fsync succeeds, and flush_class says what that is worth.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q echo-flush
quirk_io
same "$(flush_class)" accepted "flush_class"
same "$(stat_sum '^aoefs_errors')" 0 "errors"
quirk_end echo-flush
same "$(said v1 "applied echo-flush")" 1 "FLUSH CACHE for one fsync: no other form is tried"
