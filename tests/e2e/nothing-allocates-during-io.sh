#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# While data flows, the data thread neither asks for memory nor gives any back: reads, writes and
# flushes of all sizes, through the mount and by NBD.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade fio
fio --enghelp=nbd 2>/dev/null | grep -q uri || skip "this fio has no engine nbd"
is_sanitized && skip "a sanitizer has an allocator of its own"

# Counted by tests/preload/allocations.c.
allocations() {
        od -An -v -w16 -t u8 "$W/allocations" | awk -v t="$thread" '$1 == t { n = $2 } END { print n + 0 }'
}
# Frames that left: to ask the daemon itself would be a request that libfuse serves.
frames() { awk -v i="$IF:" '$1 == i { print $11 }' "/proc/$worker/net/dev"; }
has_sent() { [ "$(frames)" -ge "$1" ]; } # N

# takes_nothing FIO_OPTION...: once all is open and under way, 30,000 frames go out and nothing is
# counted.
takes_nothing() {
        local before

        rm -f "$W/fio.log"
        background fio fio --name=flow --thread --rw=randrw --norandommap --size=32M --io_size=1T \
                --iodepth=32 --fsync=8 "$@"
        wait_for "data to flow" 30 has_sent $(($(frames) + 2000))
        before=$(allocations)
        wait_for "data to flow on" 60 has_sent $(($(frames) + 30000))
        same "$(allocations)" "$before" "allocations of the data thread ($*)"
        is_gone "${PIDS[fio]}" && fail "fio ended early"
        kill_wait fio INT
        grep -q 'err= 0' "$W/fio.log" || fail "fio met an error"
}

net_up 9000
blank "$W/a.img" 32
vblade_start v1 7 1 "$W/a.img"
truncate -s 64K "$W/allocations"
WRAP="env LD_PRELOAD=$build/tests/preload/allocations.so ALLOCATIONS=$W/allocations"
daemon_start a -o nbd="$(nbd_socket a)"
worker=$(worker_of a)
thread=$(grep -lx aoefs-data "/proc/$worker/task/"*/comm | cut -d / -f 5)
takes_nothing --filename="$D" --ioengine=libaio --bs=4k
takes_nothing --filename="$D" --ioengine=libaio --bssplit=512/25:777/25:64k/25:1M/25 --bs_unaligned=1
takes_nothing --ioengine=nbd --uri="$(nbd_uri a e7.1)" --bs=4k
takes_nothing --ioengine=nbd --uri="$(nbd_uri a e7.1)" --bssplit=512/25:64k/25:1M/50
before=$(allocations)
read_one "$D" # opening is libfuse's
at_least "$(allocations)" $((before + 1)) "allocations, when there are some"
daemon_stop a
