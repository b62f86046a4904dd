#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 12. 0 sectors a frame are 2; more than the MTU carries are what it carries; more than really
# arrive, in either direction, are found out before they are used, and in the midst of I/O, too.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
life() { # PAYLOAD QUIRK OPTION...
        quirk_begin -q "${@:2}"
        wait_for "frames of $1 bytes" 5 payload_is "$1"
        quirk_io
        at_most "$(payload)" "$1" "bytes a frame"
        quirk_end "$2"
}
life 1024 sectors-zero
life 8704 sectors-large
life 4096 drop-large -n 8  # 17, 8
life 2048 mute-large -n 4  # 17, 8, 4

quirk_begin -n 17
wait_for "large frames" 5 payload_is 8704
quirk_io
tell v1 quirk drop-large
tell v1 sectors 8
quirk_io
wait_for "smaller frames" 5 payload_is 4096
quirk_io
quirk_end drop-large
