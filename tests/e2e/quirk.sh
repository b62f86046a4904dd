# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the cases quirk-NN have in common, sourced as their first line. NN is a row of the tolerance
# table (aoe.md 4.10): what targets and neighbours do, and an initiator must live with. Each case is
# one or a few lives of a target of tests/target that has the quirk and of a daemon:
#
#       quirk_begin -q QUIRK    quirk_io    what the row is about    quirk_end QUIRK
#
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

QUIRK_BYTES=$((2 << 20))
# OFFSET:LENGTH: parts of sectors, and around sectors, frames, requests and the end.
QUIRK_PLACES="0:1 511:2 1000:100000 8703:8706 131071:131074 777777:700003 $((QUIRK_BYTES - 513)):513"

# quirk_begin OPTION...: a target with these options, and a daemon whose log is $W/a.log; $QUIRK_MOUNT
# are options of the daemon.
quirk_begin() {
        image "$W/a.img" $((QUIRK_BYTES >> 20))
        cp "$W/a.img" "$W/want"
        rm -f "$W/a.log"
        hostile_start v1 "$W/a.img" "$@"
        # shellcheck disable=SC2086 # QUIRK_MOUNT is a list of words
        daemon_foreground a -v ${QUIRK_MOUNT:-}
        wait_for "e7.1 with $*" 5 test -e "$D"
}

# Writes at odd places, each read back at once; then all is flushed and read. $W/want has what must be
# on the disk.
quirk_io() {
        local place file

        for place in $QUIRK_PLACES; do
                head -c "${place#*:}" /dev/urandom >"$W/new"
                for file in "$D" "$W/want"; do
                        dd if="$W/new" of="$file" bs="${place#*:}" seek="${place%:*}" count=1 \
                                oflag=seek_bytes iflag=fullblock conv=notrunc status=none
                done
                dd if="$D" of="$W/got" bs="${place#*:}" skip="${place%:*}" count=1 \
                        iflag=skip_bytes,fullblock status=none
                same_bytes "$W/got" "$W/new"
        done
        sync "$D"
        same_bytes "$D" "$W/want" 0 $QUIRK_BYTES
}

# Of a target with -r 2048:2064, which are 8 KiB at 1 MiB: what touches them fails, nothing else does.
quirk_errors() {
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=4k skip=257 count=1
        expect 1 'Input/output error' dd if=/dev/zero of="$D" bs=512 seek=2063 count=1 conv=notrunc
        expect 1 'Input/output error' dd if="$D" of=/dev/null bs=1M count=2
        same_bytes "$D" "$W/want" 0 $((1 << 20))
        same_bytes "$D" "$W/want" $(((1 << 20) + 8192)) $((QUIRK_BYTES - (1 << 20) - 8192))
        same "$(cat "$M/.aoefs/e7.1/state")" up "state"
}

# quirk_end QUIRK...: unmounts; the target has done all of these, and its disk is as it must be.
quirk_end() {
        local quirk

        daemon_stop a
        kill_wait v1
        for quirk in "$@"; do
                at_least "$(said v1 "applied $quirk")" 1 "times that $quirk was done"
        done
        same_bytes "$W/a.img" "$W/want" 0 $QUIRK_BYTES
}

# dropped REASON: frames that were dropped for that reason, a regular expression.
dropped() { stat_sum "^aoefs_frames_dropped\{reason=\"($1)\""; }
payload() { stat_sum '^aoefs_payload_bytes\{device="e7.1"'; }
payload_is() { [ "$(payload)" = "$1" ]; }
flush_class() { ident e7.1 | sed -n 's/^flush_class: //p'; }
size_is() { [ "$(stat -c %s "$D")" = "$1" ]; } # BYTES
