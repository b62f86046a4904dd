#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# Two links to one disk (two vblades that serve the same file at the same address are its two ports).
# One dies under load, without a word or by its interface: the other one carries all. It comes back:
# both carry. Then the other one. No error, no wrong byte.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
path_is() { grep -qE "^$1 .* $2\$" "$M/.aoefs/e7.1/paths"; }                         # LINK STATE
sent_over() { stat_sum "^aoefs_frames_sent\{device=\"e7.1\",link=\"$1\""; }          # LINK
sends_over() { [ "$(sent_over "$1")" -gt "$2" ]; }                                   # LINK COUNT
carries() { wait_for "frames over $1" 60 sends_over "$1" $(($(sent_over "$1") + 100)); } # LINK
for mtu in 1500 9000; do
        for w in a b; do
                WIRE=$w wire_up $mtu
                WIRE=$w wire_set both loss=1
        done
        blank "$W/a.img" 4
        TIF="at" vblade_start v1 7 1 "$W/a.img"
        TIF="bt" vblade_start v2 7 1 "$W/a.img"
        daemon_start a -i bi
        for w in ai bi; do wait_for "the path over $w" 20 path_is $w up; done
        load_start "$D"
        for pair in a:b b:a; do
                dies=${pair%:*} lives=${pair#*:}
                carries "${dies}i"
                WIRE=$dies wire_set both loss=1000
                wait_for "the path over ${dies}i to be dead" 60 path_is "${dies}i" dead
                carries "${lives}i"
                load_moves "the load to go on" 60
                WIRE=$dies wire_set both loss=1
                wait_for "the path over ${dies}i to be back" 60 path_is "${dies}i" up
                carries "${dies}i"

                ip -n "$NSI" link set "${dies}i" down
                wait_for "the path over ${dies}i to be dead" 60 path_is "${dies}i" dead
                carries "${lives}i"
                load_moves "the load to go on" 60
                ip -n "$NSI" link set "${dies}i" up
                wait_for "the path over ${dies}i to be back" 60 path_is "${dies}i" up
        done
        carries ai
        carries bi
        load_stop
        daemon_stop a
        kill_wait v1
        kill_wait v2
        load_check "$W/a.img"
        for w in a b; do WIRE=$w wire_stop; done
done
