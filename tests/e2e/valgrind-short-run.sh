#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# mount, write, read, fsync, umount under valgrind, keeper and worker: no error, no leak.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade valgrind
is_sanitized && skip "a build with sanitizers does not run under valgrind"
net_up 9000
image "$W/data" 4
blank "$W/a.img" 4
vblade_start v1 7 1 "$W/a.img"
WRAP="valgrind --quiet --trace-children=yes --error-exitcode=99 --leak-check=full
        --errors-for-leak-kinds=definite,indirect --log-file=$W/valgrind.%p"
daemon_foreground a
dd if="$W/data" of="$D" bs=1M conv=notrunc,fsync status=none
dd if="$W/data" of="$D" bs=777 skip=1 seek=1 count=50 conv=notrunc status=none
same_bytes "$D" "$W/data"
ls -l "$M" "$M/.aoefs/e7.1" >/dev/null
cat "$M/.aoefs/stats" "$M/.aoefs/e7.1/"* >/dev/null
expect 1 'No such file' cat "$M/e9.9"
daemon_stop a
logs=("$W"/valgrind.*)
at_least ${#logs[@]} 2 "logs of valgrind, keeper and worker"
same_bytes "$W/a.img" "$W/data"
