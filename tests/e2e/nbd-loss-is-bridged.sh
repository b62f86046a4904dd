#!/bin/bash
# SPDX-License-Identifier: MIT
# One frame in a hundred lost each way: fio's NBD engine verifies what it wrote again and again, and
# frames were sent again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
fio --enghelp=nbd 2>/dev/null | grep -q uri || skip "this fio has no engine nbd"
for mtu in 1500 9000; do
        wire_up $mtu
        blank "$W/a.img" 16
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a -o nbd="$(nbd_socket a)"
        wire_set both loss=10
        fio_verify nbd --ioengine=nbd --uri="$(nbd_uri a e7.1)" --size=12M --direct=0 \
                --loops="$(by_night 3 30)" --randrepeat=0
        fio_verify nbd --ioengine=nbd --uri="$(nbd_uri a e7.1)" --size=12M --direct=0 --numjobs=4 \
                --offset_increment=3M --io_size=3M --randrepeat=0
        at_least "$(stat_sum '^aoefs_frames_resent\{device="e7.1"')" 1 "frames sent again"
        at_least "$(stat_sum '^aoefs_requests_write\{')" 100 "writes"
        daemon_stop a
        kill_wait v1
        wire_stop
done
