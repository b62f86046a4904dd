#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 7. Success is status 0 with anything in the error register: no error. A flush that is answered
# so was accepted, but nobody says that it is durable.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q status-zero
quirk_io
same "$(flush_class)" accepted "flush_class"
same "$(stat_sum '^aoefs_errors')" 0 "errors"
quirk_end status-zero
same "$(count_of 'FLUSH CACHE' "$W/a.log")" 0 "log lines about the flush"
