#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# Frames of more than 5000 bytes begin to vanish under load, one way and both: the load goes on with
# smaller ones, without an error or a wrong byte. When they pass again, and the link was down for a
# moment (by night: after the minute after which the engine tries by itself), the payload is back.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
payload() { awk '/ up$/ { print $3 }' "$M/.aoefs/e7.1/paths"; }
payload_is() { [ "$(payload)" = "$1" ]; }
payload_is_below() { [ "$(payload)" -gt 1024 ] && [ "$(payload)" -lt "$1" ]; } # and settled
for way in out back both; do
        wire_up 9000
        blank "$W/a.img" 4
        vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        wait_for "the whole payload" 20 payload_is 8704
        load_start "$D"
        load_moves "the load to be at work" 30
        wire_set "$way" hole=5000
        wait_for "a payload that passes ($way)" 60 payload_is_below 5000
        load_moves "the load to go on ($way)" 60
        wire_set "$way" clean
        if [ "$(by_night day night)" = day ]; then
                ip -n "$NSI" link set ai down
                ip -n "$NSI" link set ai up
        fi
        wait_for "the whole payload again ($way)" 90 payload_is 8704
        load_moves "the load to go on ($way)" 60
        load_stop
        daemon_stop a
        kill_wait v1
        load_check "$W/a.img"
        # With both, writes may fall into theirs before a read finds the other one.
        if [ $way = both ]; then MAY_MISS=back.hole wire_stop; else wire_stop; fi
done
