#!/bin/bash
# SPDX-License-Identifier: MIT
# Keeper and worker with one idle device: at most 32 MiB resident together.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade
is_sanitized && skip "sanitizers need memory of their own"
net_up 9000
image "$W/a.img" 8
vblade_start v1 7 1 "$W/a.img"
daemon_start a
same_bytes "$D" "$W/a.img"
keeper=$(rss_of "$(keeper_of a)")
worker=$(rss_of "$(worker_of a)")
echo "resident: keeper $keeper KiB, worker $worker KiB"
at_most $((keeper + worker)) 32768 "KiB of keeper and worker"
daemon_stop a
