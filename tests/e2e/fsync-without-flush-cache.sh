#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# A disk that does not know FLUSH CACHE, or never answers it: fsync succeeds, flush_class says none,
# and one loud log line says so.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 1500
for quirk in abort-flush no-flush; do
        quirk_begin -q $quirk
        for _ in 1 2 3; do quirk_io; done
        same "$(flush_class)" none "$quirk: flush_class"
        wait_for "the log line" 5 grep -q 'FLUSH CACHE' "$W/a.log"
        quirk_end $quirk
        same "$(count_of 'FLUSH CACHE' "$W/a.log")" 1 "$quirk: log lines"
done
