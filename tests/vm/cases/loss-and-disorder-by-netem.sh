#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# Each way the network loses 1 % of the frames, holds 10 % up so that later ones overtake them, and
# doubles 5 %. fio writes every block several times in a row: the last one stays, and nobody sees an
# error.
# shellcheck source=SCRIPTDIR/../../e2e/lib.sh
source "$(dirname "$0")/../../e2e/lib.sh"
requires vblade fio tc
net_up 1500
blank "$W/a.img" 1
vblade_start v1 7 1 "$W/a.img"
daemon_start a
bad=(loss 1% delay 6ms reorder 90%) # reorder: the share that does not wait
in_t tc qdisc add dev at root netem "${bad[@]}" duplicate 5%
in_i tc qdisc add dev $IF root netem "${bad[@]}"
# A request's twin stays close to it (wire_sim.c has this contract): it is made behind the delay.
in_t ip link add twins type ifb
in_t ip link set twins up
in_t tc qdisc add dev twins root netem duplicate 5%
in_t tc qdisc add dev at clsact
in_t tc filter add dev at ingress matchall action mirred egress redirect dev twins

fio_verify "$D" --ioengine=libaio --size=1M --io_size=6M --bsrange=4k-4k --iodepth=4 \
        --rw=randwrite:3 --rw_sequencer=identical --norandommap --serialize_overlap=1
at_least "$(stat_sum '^aoefs_frames_resent\{device="e7.1"')" 1 "frames sent again"
at_least "$(stat_sum '^aoefs_frames_dropped\{reason="late"')" 1 "answers that came twice"
same "$(stat_sum '^aoefs_errors\{device="e7.1"')" 0 "errors"
sum=$(sha256sum <"$D")
daemon_stop a
same "$(sha256sum <"$W/a.img")" "$sum" "sha256 of the image"
