#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 10. vblade says error 2 where ggaoed aborts. Either, to a large frame, may mean that it is too
# large: the target is asked again and the command goes once more in small ones, and if that goes
# well, small it is. If not, it is an error, after that one retry.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
# The target takes in 4 sectors of a write; the data that it misses are a bad argument.
for also in cut-large oversize-abort; do
        quirk_begin -q cut-large -q $also -n 4
        wait_for "large frames" 5 payload_is 8704
        quirk_io
        same "$(payload)" 1024 "$also: bytes a frame"
        quirk_end cut-large $also
        at_least "$(said v1 asked)" 1 "$also: queries by name"
        same "$(count_of 'refuses writes' "$W/a.log")" 0 "$also: log lines about a read-only disk"
done

# One command of 8 sectors, and the same once more with 2.
refused_twice() { # QUIRK OFFSET
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip="$2" count=1 \
                iflag=skip_bytes status=none
        wait_for "frames to be large as before" 5 payload_is 8704
        again=$(stat_sum '^aoefs_frames_(lost|probed)')
        quirk_end "$1"
        at_least "$(said v1 "applied $1")" 2 "times that $1 was done"
        at_most "$(said v1 "applied $1")" $((2 + again)) "times that $1 was done"
}

quirk_begin -q argument -r 2048:2064
wait_for "large frames" 5 payload_is 8704
refused_twice argument $((1 << 20))

quirk_begin -q size-large -q end-argument
wait_for "large frames" 5 payload_is 8704
refused_twice end-argument $QUIRK_BYTES
