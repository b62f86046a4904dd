#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# A disk that does not know FLUSH CACHE, or never answers it: fsync succeeds, flush_class says none,
# one loud log line says so. One that answers oddly is believed to have heard.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires cc
net_up 1500
class() { grep -o 'flush_class{device="e7.1",class="[a-z]*"' "$M/.aoefs/stats" | cut -d'"' -f4; }
while read -r quirk want; do
        blank "$W/a.img" 1
        hostile_start v1 "$W/a.img" -q "$quirk"
        daemon_foreground a
        for _ in 1 2 3; do
                dd if=/dev/urandom of="$D" bs=64k count=2 conv=notrunc,fsync status=none
        done
        same "$(class)" "$want" "$quirk: flush_class"
        [ "$want" = accepted ] || wait_for "the log line" 5 grep -q 'FLUSH CACHE' "$W/a.log"
        daemon_stop a
        same "$(count_of 'FLUSH CACHE' "$W/a.log")" "$([ "$want" = none ] && echo 1 || echo 0)" \
                "$quirk: log lines"
        rm "$W/a.log"
        kill_wait v1
        at_least "$(sed -n "s/^applied $quirk //p" "$W/v1.log")" 1 "times that $quirk was done"
done <<'END'
abort-flush none
no-flush none
echo-flush accepted
END
