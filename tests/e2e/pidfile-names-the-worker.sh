#!/bin/bash
# SPDX-License-Identifier: MIT
# -P FILE: there when mount returns, names the worker, goes with it; one that cannot be written is
# an error.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires ip
net_up 1500
daemon_start a
worker=$(worker_of a)
same "$(readlink "/proc/$worker/exe")" "$(readlink -f "$AOEFS")" "program of the pid in the file"
same "$(readlink "/proc/$(keeper_of a)/exe")" "$(readlink -f "$AOEFS")" "program of its parent"
same "$(awk '/^CapEff:/ { print $2 }' "/proc/$worker/status")" 0000000000000000 \
        "capabilities of the worker"
same "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$worker/status")" 1 "no_new_privs of the worker"
daemon_stop a
[ ! -e "$W/a.pid" ] || fail "the pid file is still there"
mkdir "$(mnt b)"
expect 1 '^aoefs: .*no/folder' aoefs mount -i $IF -P "$W/no/folder/pid" "$(mnt b)"
is_mounted "$(mnt b)" && fail "mounted without its pid file"
true
