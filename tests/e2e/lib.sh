# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What an end-to-end case stands on; sourced as its first line. A case is a bash file whose name is
# a claim. It runs in network namespaces of its own (initiator's and target's side of a veth pair,
# interfaces `ai` and `at`; between them, when it asks for the bad wire, a middle one), with a folder
# of its own, $W. Everything that it starts carries its process id in its name, so that cases run
# beside each other, and that what a killed one left is found and removed (sweep).
#
# A case fails by the first command that fails (set -e), by fail, by its time limit, or by what it
# leaves behind: a process with $W in its command line, a mount, a loop device, a sanitizer's or
# valgrind's report. It must stop its daemons itself (daemon_stop): that is part of what is tested.
# Nothing here sleeps as synchronisation: wait_for polls a condition until a deadline.
#
# Read from the case's text by the runner:   # limit: SECONDS (60)      # alone: yes
# With AOEFS_NIGHTLY=1 cases may do more (by_night), and have ten times their limit.
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${AOEFS_BUILD:-$root/build}
AOEFS=${AOEFS:-$build/aoefs}
CASE=$(basename "$0" .sh)
NS_PREFIX=aoe2e
W_PREFIX=/dev/shm/aoefs-e2e
NSI=$NS_PREFIX-$$-i
NST=$NS_PREFIX-$$-t
NSM=$NS_PREFIX-$$-m
W=$W_PREFIX.$$.$CASE
IF=ai            # the initiator's interface
M=$W/mnt.a       # mount point of the daemon "a", the default one
# shellcheck disable=SC2034 # used by the cases
D=$M/e7.1        # the usual disk
declare -A PIDS  # what was started in the background, by name
declare -A LINES # how many lines a wire was told, by its letter

# ---- what the text of a case says ----

mark() { sed -nE "s/^# $2: *//p;T;q" "$1"; } # FILE WORD
limit_of() { # FILE
        local limit

        limit=$(mark "$1" limit)
        by_night "${limit:-60}" $((${limit:-60} * 10))
}

# ---- results ----

fail() { echo "fail: $*"; exit 1; }
skip() { echo "skip: $*"; exit 77; }

# requires PROGRAM...: skip with the reason where one is missing.
requires() {
        local program

        [ "$(id -u)" = 0 ] || skip "needs root"
        [ -x "$AOEFS" ] || fail "no aoefs at $AOEFS (build it, or set AOEFS)"
        [ -e /dev/fuse ] || skip "no /dev/fuse"
        for program in "$@"; do
                command -v "$program" >/dev/null || skip "needs $program"
        done
}

# within SECONDS COMMAND...: polls COMMAND until it succeeds; false after SECONDS.
within() {
        local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))

        shift
        until "$@" >/dev/null 2>&1; do
                [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
                sleep 0.02
        done
}

# wait_for WHAT SECONDS COMMAND...: polls COMMAND until it succeeds; fails after SECONDS.
wait_for() {
        local what=$1

        shift
        within "$@" || fail "waited in vain for: $what"
}

# lasts SECONDS: how long an outage is. Never to wait for something.
lasts() { sleep "$1"; }

# by_night DAY NIGHT: how much of it.
by_night() { if [ "${AOEFS_NIGHTLY:-}" = 1 ]; then echo "$2"; else echo "$1"; fi; }

not() { ! "$@"; }
same() { [ "$1" = "$2" ] || fail "${3:-not the same}: have '$1', want '$2'"; }
at_least() { [ "$1" -ge "$2" ] || fail "$3: have $1, want at least $2"; }
at_most() { [ "$1" -le "$2" ] || fail "$3: have $1, want at most $2"; }
is_gone() { not kill -0 "$1" 2>/dev/null || [ "$(proc_state "$1")" = Z ]; }
proc_state() { awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null || true; }

# code_of COMMAND...: its exit code in $code, what it said in $W/out and $W/err.
code_of() {
        code=0
        "$@" >"$W/out" 2>"$W/err" || code=$?
}

# expect CODE PATTERN COMMAND...: exit code, and a regular expression in stderr, '' for any.
expect() {
        local want=$1 pattern=$2

        shift 2
        code_of "$@"
        [ "$code" = "$want" ] || fail "exit code $code, want $want: $*: $(cat "$W/err")"
        [ -z "$pattern" ] || grep -Eq -- "$pattern" "$W/err" ||
                fail "no /$pattern/ in: $(cat "$W/err") ($*)"
}

# same_bytes A B [OFFSET BYTES]: two files, or a part of both.
same_bytes() {
        if [ $# = 4 ]; then
                cmp -s -i "$3" -n "$4" "$1" "$2" || fail "$1 and $2 differ in $4 bytes at $3"
        else
                cmp "$1" "$2" || fail "$1 and $2 differ"
        fi
}

# ---- network ----

# Only the network namespace is entered: a mount that is made there is seen here. The words are for
# background, where the process that is started must be the program itself and not a shell.
IN_I=(nsenter --net="/run/netns/$NSI" --)
IN_T=(nsenter --net="/run/netns/$NST" --)
in_i() { nsenter --net="/run/netns/$NSI" -- "$@"; } # another initiator: NSI=... before the call
in_t() { "${IN_T[@]}" "$@"; }
is_up() { ip -n "$1" -o link show "$2" | grep -q 'state UP'; }
mac_of() { ip -n "$1" -o link show "$2" | sed -nE 's/.*link.ether ([0-9a-f:]+).*/\1/p'; }

# namespace_up NS...: those that are not there yet.
namespace_up() {
        local ns

        for ns; do
                [ -e "/run/netns/$ns" ] && continue
                ip netns add "$ns"
                nsenter --net="/run/netns/$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
                        net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
        done
}

# veth_up NS IF NS IF MTU: a cable between two namespaces; a new one, when there is one already.
veth_up() {
        namespace_up "$1" "$3"
        ip -n "$1" link del "$2" 2>/dev/null || true
        ip link add "$2" netns "$1" mtu "$5" type veth peer name "$4" netns "$3" mtu "$5"
        ip -n "$3" link set "$4" up
        ip -n "$1" link set "$2" up
        wait_for "$2 to be up" 5 is_up "$1" "$2"
        wait_for "$4 to be up" 5 is_up "$3" "$4"
}

# link_up INITIATOR_IF TARGET_IF MTU: one more cable between the two sides.
link_up() { veth_up "$NSI" "$1" "$NST" "$2" "$3"; }

# net_up MTU: the namespaces and the cable ai - at; again with another MTU: a new one.
net_up() { link_up "$IF" at "$1"; }

# wire_up MTU: in net_up's place, ai - am1 [middle namespace] am2 - at with the bad wire (tests/wire)
# between am1 and am2, which does nothing bad until wire_set. WIRE=b before it, and before the others
# below: one more, bi - bm1 [] bm2 - bt.
wire_up() {
        local w=${WIRE:-a} relay=$build/tests/wire/relay seed=${WIRE_SEED:-1}

        [ "$w" = a ] || seed=$((seed + 1000)) # other dice
        [ -x "$relay" ] || fail "no $relay: configure with -DTESTS=ON"
        veth_up "$NSI" "${w}i" "$NSM" "${w}m1" "$1"
        veth_up "$NST" "${w}t" "$NSM" "${w}m2" "$1"
        echo "wire $w: MTU $1, seed $seed"
        rm -f "$W/wire.$w" "$W/wire.$w.log" # an earlier wire's "ready" is not this one's
        mkfifo "$W/wire.$w"
        # Open for writing as well: the end of one that wrote is not the end of the pipe.
        nsenter --net="/run/netns/$NSM" -- "$relay" -s "$seed" "${w}m1" "${w}m2" <>"$W/wire.$w" \
                >"$W/wire.$w.log" 2>&1 &
        PIDS[wire.$w]=$!
        LINES[$w]=0
        wait_for "the wire" 10 grep -q ready "$W/wire.$w.log"
}

# wire_set LANE WORD...: from now on, as in "both loss=10" or "back hole=5000" (relay -l).
wire_set() {
        local w=${WIRE:-a} n

        n=$((LINES[$w] + 1))
        LINES[$w]=$n
        echo "wire $w: $*"
        echo "$*" 1<>"$W/wire.$w"
        wait_for "the wire to take: $*" 10 grep -qE "^(ok|refused) $n\b" "$W/wire.$w.log"
        grep -q "^ok $n$" "$W/wire.$w.log" || fail "wire_set $*: $(tail -n 1 "$W/wire.$w.log")"
}

# wire_stop: the wire goes, and each fault that it was asked for must have happened, but the one of
# MAY_MISS=LANE.FAULT before it, which may have.
wire_stop() {
        local w=${WIRE:-a} fault count

        kill_wait "wire.$w"
        grep -q '^applied' "$W/wire.$w.log" || fail "no fault was asked of the wire, or it died"
        while read -r _ fault count; do
                echo "wire $w: $fault happened $count times"
                [ "$fault" = "${MAY_MISS:-}" ] ||
                        at_least "$count" 1 "times that the wire applied $fault"
        done < <(grep '^applied' "$W/wire.$w.log")
}

# ---- images and targets ----

image() { head -c "$(($2 << 20))" /dev/urandom >"$1"; } # FILE MIB: random bytes
blank() { truncate -s "$2M" "$1"; }                      # FILE MIB: a hole

# Does PID have a packet socket that is bound to an interface? Then no frame misses it.
listens() {
        local link inode

        for link in "/proc/$1/fd/"*; do
                inode=$(readlink "$link") || continue
                case $inode in
                socket:*)
                        inode=${inode//[!0-9]/}
                        awk -v i="$inode" '$9 == i && $5 > 0 { f = 1 } END { exit !f }' \
                                "/proc/$1/net/packet" && return 0
                        ;;
                esac
        done
        return 1
}

# vblade_start NAME SHELF SLOT IMAGE [OPTION...]: a real vblade on $TIF (at).
vblade_start() {
        local name=$1 shelf=$2 slot=$3 file=$4

        shift 4
        "${IN_T[@]}" vblade "$@" "$shelf" "$slot" "${TIF:-at}" "$file" </dev/null >>"$W/$name.log" 2>&1 &
        PIDS[$name]=$!
        wait_for "vblade $name to listen" 10 listens "${PIDS[$name]}"
}

# hostile_start NAME IMAGE [OPTION...]: the target that misbehaves (tests/target). Its stdin is a pipe
# that it keeps open itself, for tell.
hostile_start() {
        local name=$1 file=$2 program=$build/tests/target/hostile

        shift 2
        if [ ! -x "$program" ]; then
                program=$W/hostile
                [ -x "$program" ] || cc -O2 -D_GNU_SOURCE -o "$program" "$root"/tests/target/*.c
        fi
        : >"$W/$name.log"
        [ -p "$W/$name.orders" ] || mkfifo "$W/$name.orders"
        "${IN_T[@]}" "$program" -i "${TIF:-at}" "$@" "$file" <>"$W/$name.orders" \
                >>"$W/$name.log" 2>&1 &
        PIDS[$name]=$!
        wait_for "the hostile target" 10 grep -q ready "$W/$name.log"
}

# tell NAME ORDER...: an order to a hostile target (tests/target/control.c); done when it returns.
tell() {
        local name=$1 done_before

        shift
        done_before=$(count_of "^did $*\$" "$W/$name.log")
        echo "$*" >"$W/$name.orders"
        wait_for "$name to obey: $*" 5 has_lines $((done_before + 1)) "^did $*\$" "$W/$name.log"
}

# said NAME WORDS: the number behind these words that a hostile target said of itself at its end.
said() { sed -n "s/^$2 //p" "$W/$1.log"; }

# crowd_start NAME [OPTION...]: the target with very many devices (tests/crowd), e7.0 to e16.99.
crowd_start() {
        local name=$1 program=$build/tests/crowd/crowd

        shift
        [ -x "$program" ] || fail "no $program: configure with -DTESTS=ON"
        : >"$W/$name.log"
        background "$name" "${IN_T[@]}" "$program" -i "${TIF:-at}" "$@"
        wait_for "the crowd" 10 grep -q ready "$W/$name.log"
}

# kill_wait NAME [SIGNAL]: a background process, and until it is gone.
kill_wait() {
        local pid=${PIDS[$1]}

        unset "PIDS[$1]"
        kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
}

# background NAME COMMAND...: output in $W/NAME.log, exit code by finish.
background() {
        local name=$1

        shift
        "$@" </dev/null >>"$W/$name.log" 2>&1 &
        PIDS[$name]=$!
}

# finish NAME SECONDS: waits until it has ended; its exit code in $code.
finish() {
        wait_for "$1 to end" "$2" is_gone "${PIDS[$1]}"
        code=0
        wait "${PIDS[$1]}" || code=$?
        unset "PIDS[$1]"
}

# ---- aoefs ----

aoefs() { in_i "$AOEFS" "$@"; }

# The mount point of a daemon's tag: a, b, ...
mnt() { echo "$W/mnt.$1"; }
worker_of() { cat "$W/$1.pid"; }
keeper_of() { awk '/^PPid:/ { print $2 }' "/proc/$(worker_of "$1")/status"; }

# daemon_start TAG [OPTION...]: `aoefs mount` in the background; usable when it returns. $WRAP is
# put in front (valgrind).
daemon_start() {
        local tag=$1

        shift
        mkdir -p "$W/mnt.$tag"
        # shellcheck disable=SC2086 # WRAP is a list of words
        in_i ${WRAP:-} "$AOEFS" mount -i "$IF" -P "$W/$tag.pid" "$@" "$W/mnt.$tag" \
                </dev/null >>"$W/$tag.log" 2>&1
}

# daemon_foreground TAG [OPTION...]: `aoefs mount -f`, its log lines in $W/TAG.log.
daemon_foreground() {
        local tag=$1

        shift
        mkdir -p "$W/mnt.$tag"
        rm -f "$W/$tag.pid"
        # shellcheck disable=SC2086
        background "$tag" "${IN_I[@]}" ${WRAP:-} "$AOEFS" mount -f -i "$IF" -P "$W/$tag.pid" "$@" \
                "$W/mnt.$tag"
        wait_for "the pid file of $tag" 30 test -s "$W/$tag.pid"
}

# daemon_stop TAG: `aoefs umount`, which must succeed.
daemon_stop() {
        aoefs umount "$W/mnt.$1" >>"$W/$1.log" 2>&1 || fail "umount of $1: $(tail -n 1 "$W/$1.log")"
        if [ -n "${PIDS[$1]:-}" ]; then # a foreground one: its exit code counts
                finish "$1" 10
                same "$code" 0 "exit code of the foreground daemon"
        fi
}

# Resident memory of a process in KiB.
rss_of() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }

is_mounted() { grep -q " $1 " /proc/self/mountinfo; }

# The sum of the counters of .aoefs/stats whose line matches the regular expression.
stat_sum() {
        grep -E -- "$1" "$M/.aoefs/stats" | awk '!/^#/ { s += $NF } END { printf "%d\n", s }'
}

# A field of .aoefs/eX.Y/ident or state: the whole file for the caller's grep.
ident() { cat "$M/.aoefs/$1/ident"; }

# ---- NBD ----

# nbd_requires PROGRAM...: as requires, and what the scripts of nbd_python need. The path is that of
# the Python which Debian's modules are for: another one may come first.
nbd_requires() {
        requires vblade /usr/bin/python3 "$@"
        /usr/bin/python3 -c 'import nbd' 2>/dev/null || skip "needs python3-libnbd"
}

nbd_socket() { echo "$W/nbd.$1"; } # TAG
# nbd_uri TAG [EXPORT]: by default the default export.
nbd_uri() { echo "nbd+unix:///${2:-}?socket=$(nbd_socket "$1")"; }

# nbd_start TAG [OPTION|eX.Y...]: `aoefs nbd` in the background; usable when it returns.
nbd_start() {
        local tag=$1

        shift
        # shellcheck disable=SC2086 # WRAP is a list of words
        in_i ${WRAP:-} "$AOEFS" nbd -i "$IF" -P "$W/$tag.pid" --socket="$(nbd_socket "$tag")" "$@" \
                </dev/null >>"$W/$tag.log" 2>&1
}

# nbd_foreground TAG [OPTION|eX.Y...]: `aoefs nbd -f`, its log lines in $W/TAG.log.
nbd_foreground() {
        local tag=$1

        shift
        rm -f "$W/$tag.pid"
        # shellcheck disable=SC2086
        background "$tag" "${IN_I[@]}" ${WRAP:-} "$AOEFS" nbd -f -i "$IF" -P "$W/$tag.pid" \
                --socket="$(nbd_socket "$tag")" "$@"
        wait_for "the pid file of $tag" 30 test -s "$W/$tag.pid"
}

# nbd_stop TAG: `aoefs umount` of its socket, which must succeed.
nbd_stop() {
        aoefs umount "$(nbd_socket "$1")" >>"$W/$1.log" 2>&1 ||
                fail "umount of NBD $1: $(tail -n 1 "$W/$1.log")"
        if [ -n "${PIDS[$1]:-}" ]; then # a foreground one: its exit code counts
                finish "$1" 10
                same "$code" 0 "exit code of the foreground server"
        fi
        [ ! -e "$(nbd_socket "$1")" ] || fail "the socket of $1 is still there"
}

# nbd_python ARGUMENT...: the script on stdin, which may import nbd (libnbd) and nbd_client (ours).
nbd_python() { PYTHONPATH=$here timeout 100 /usr/bin/python3 -B - "$@"; }
nbd_serves() { nbdinfo --size "$1" >/dev/null; } # URI

# ---- conditions for wait_for, and work ----

# Has PID's descriptor FD come to BYTES?
position_of() { [ "$(awk '/^pos:/ { print $2 }' "/proc/$1/fdinfo/$2")" -ge "$3" ]; }
has_open() { find "/proc/$1/fd" -lname "$2" | grep -q .; } # PID FILE
open_at_least() { [ "$(stat_sum "^aoefs_requests_open\{device=\"$1\"")" -ge "$2" ]; } # eX.Y N
not_listed() { not test -n "$(cd "$M" && ls -d "$1" 2>/dev/null)"; }
is_detached() { [ ! -e "/sys/block/${1##*/}/loop/backing_file" ]; } # LOOP
count_of() { grep -cE -- "$1" "$2" || true; } # PATTERN FILE: lines
has_lines() { [ "$(count_of "$2" "$3")" -ge "$1" ]; } # N PATTERN FILE
read_one() { dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none; }
# Sends PID a SIGTERM and says whether the daemon has ended.
ends_by_term() { kill -TERM "$2" 2>/dev/null || true; is_gone "$1"; } # DAEMON PID
is_sanitized() { grep -qa __asan_init "$AOEFS"; }

# fio_verify FILE [OPTION...]: random writes at depth 16 with checksums, then all is verified.
fio_verify() {
        local file=$1

        shift
        fio --name=verify --filename="$file" --rw=randwrite --bsrange=4k-64k --bs_unaligned=0 \
                --iodepth=16 --direct=1 --verify=crc32c --verify_state_save=0 --verify_fatal=1 --do_verify=1 \
                --output="$W/fio.out" "$@" >"$W/fio.log" 2>&1 ||
                fail "fio: $(cat "$W/fio.log" "$W/fio.out")"
        grep -q 'err= 0' "$W/fio.out" || fail "fio: $(cat "$W/fio.out")"
}

# load_start FILE [OPTION...]: threads that write over what they have just written, and know what a
# read must show (tests/wire/rewrite.c): until load_stop, or -n writes of each of them.
load_start() {
        rm -f "$W/load.log"
        background load "$build/tests/wire/rewrite" -w "$W/want" "${@:2}" "$1"
}

# load_moves WHAT SECONDS: requests of the load are served, from now on.
load_moves() {
        local before

        before=$(stat_sum '^aoefs_requests_write\{')
        wait_for "$1" "$2" writes_exceed "$before"
}
writes_exceed() { [ "$(stat_sum '^aoefs_requests_write\{')" -gt "$1" ]; }

# load_finish SECONDS: it did all its writes; no error, no wrong byte.
load_finish() {
        finish load "$1"
        cat "$W/load.log"
        same "$code" 0 "exit code of the load"
}

# load_stop: it must be at work still.
load_stop() {
        is_gone "${PIDS[load]}" && fail "the load ended early: $(cat "$W/load.log")"
        kill -TERM "${PIDS[load]}"
        load_finish 60
}

# load_check IMAGE: after load_finish and daemon_stop: the target has what the load wrote last.
load_check() { same_bytes "$1" "$W/want" 0 "$(stat -c %s "$W/want")"; }

# ext4_work DISK DIRECT MIB: a file system on a loop device over DISK (direct I/O: on or off), many
# files and one of MIB written, and written over; it is whole, and so are they.
ext4_work() {
        local loop i

        mkdir -p "$W/fs"
        rm -rf "$W/tree"
        mkdir -p "$W/tree/many"
        image "$W/tree/big" "$3"
        for i in {1..300}; do echo "file number $i" >"$W/tree/many/$i"; done
        loop=$(losetup --direct-io="$2" -f --show "$1")
        same "$(losetup -nO DIO "$loop" | tr -d ' ')" "$([ "$2" = on ] && echo 1 || echo 0)" \
                "direct I/O of the loop device"
        mkfs.ext4 -q "$loop"
        mount "$loop" "$W/fs"
        cp -r "$W/tree/." "$W/fs"
        sync -f "$W/fs"
        image "$W/tree/big" "$3"
        dd if="$W/tree/big" of="$W/fs/big" bs=64k conv=notrunc,fsync status=none
        rm "$W"/tree/many/*7 "$W"/fs/many/*7
        umount "$W/fs"
        e2fsck -fn "$loop" >"$W/fsck.log" 2>&1 || fail "e2fsck: $(cat "$W/fsck.log")"
        mount -o ro "$loop" "$W/fs"
        (cd "$W/tree" && find . -type f -exec sha256sum {} +) >"$W/sums"
        (cd "$W/fs" && sha256sum --quiet -c "$W/sums") || fail "sha256 of the files"
        same "$(find "$W/fs/many" -type f | wc -l)" "$(find "$W/tree/many" -type f | wc -l)" "files"
        umount "$W/fs"
        losetup -d "$loop"
        wait_for "the loop device to go" 10 is_detached "$loop"
}

# ---- cleaning up ----

# What carries W: processes (daemons and their users), mounts, loop devices.
users_of() {
        local commands=(/proc/[0-9]*/cmdline) # listed before grep starts, which would find itself

        grep -lsF -- "$1/" "${commands[@]}" | grep -oE '[0-9]+' | grep -vx "$$" || true
}
mounts_of() { awk -v w="$1/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r; }
loops_of() { losetup -nlO NAME,BACK-FILE | awk -v w="$1/" 'index($2, w) { print $1 }'; }

# The network namespaces of the case with that process id.
namespaces_of() { (cd /run/netns 2>/dev/null && ls -d "$NS_PREFIX-$1"-* 2>/dev/null) || true; }

# remove W PID: everything of one case, whatever state it is in.
remove() {
        local w=$1 item ns loops

        for ns in $(namespaces_of "$2"); do
                for item in $(ip netns pids "$ns" 2>/dev/null); do
                        kill -9 "$item" 2>/dev/null || true
                done
        done
        for item in $(users_of "$w"); do kill -9 "$item" 2>/dev/null || true; done
        loops=$(loops_of "$w") # before the mount goes: then it no longer knows its file's name
        for item in $(mounts_of "$w"); do umount -l "$item" 2>/dev/null || true; done
        for item in $loops; do losetup -d "$item" 2>/dev/null || true; done
        for ns in $(namespaces_of "$2"); do ip netns del "$ns" 2>/dev/null || true; done
        rm -rf --one-file-system "$w"
}

# What cases that were killed have left: theirs whose process id lives no more.
sweep() {
        local item pid w

        for item in "$W_PREFIX".*.* /run/netns/"$NS_PREFIX"-*; do
                if [ ! -e "$item" ]; then continue; fi
                pid=$(sed -E 's/.*(e2e\.|e2e-)([0-9]+)[.-].*/\2/' <<<"$item")
                if [ -d "/proc/$pid" ]; then continue; fi
                for w in "$W_PREFIX.$pid".*; do remove "$w" "$pid"; done
        done
}

# Reports of ASan, UBSan and valgrind, and crashes that a log tells of.
reports_of() {
        find "$1" -maxdepth 1 -name 'asan.*' -size +0
        grep -l '^==' "$1"/valgrind.* 2>/dev/null || true # lines with -- are about itself
        grep -lE 'ERROR: (Address|Leak)Sanitizer|runtime error:|CHECK failed|core dumped' "$1"/*.log \
                2>/dev/null || true
}

leftovers() {
        local found=0 item

        for item in $(users_of "$W"); do
                echo "fail: left behind: process $item: $(tr '\0' ' ' <"/proc/$item/cmdline")"
                found=1
        done
        for item in $(mounts_of "$W"); do echo "fail: left behind: mount $item"; found=1; done
        for item in $(loops_of "$W"); do echo "fail: left behind: loop device $item"; found=1; done
        return $found
}

# The counters of the default daemon, when it still answers within two seconds.
last_stats() {
        local pid deadline=$((SECONDS + 2))

        is_mounted "$M" || return
        cat "$M/.aoefs/stats" >"$W/stats" 2>/dev/null &
        pid=$!
        until is_gone $pid || [ $SECONDS -gt $deadline ]; do sleep 0.02; done
        echo "--- stats"
        grep -v -e '^#' -e ' 0$' "$W/stats" | tail -n 100
}

at_exit() {
        local rc=$? name report

        trap - EXIT ERR
        set +e
        for name in "${!PIDS[@]}"; do
                if [ $rc = 0 ] && [[ $name = wire.* ]]; then
                        echo "fail: $name was not stopped, so nobody knows what it did"
                        rc=1
                fi
                kill -s CONT "${PIDS[$name]}"
                kill -s KILL "${PIDS[$name]}"
                # After a failure it may hang in a mount whose daemon lives: remove ends that.
                [ $rc != 0 ] || wait "${PIDS[$name]}"
        done 2>/dev/null
        if [ $rc = 0 ] && ! leftovers; then rc=1; fi
        for report in $(reports_of "$W"); do
                echo "fail: report $report:"
                head -n 40 "$report"
                [ $rc = 77 ] || rc=1
        done
        if [ $rc != 0 ] && [ $rc != 77 ]; then
                for report in "$W"/*.log; do
                        [ -s "$report" ] && echo "--- $(basename "$report")" && tail -n 12 "$report"
                done
                last_stats
        fi
        remove "$W" $$
        [ $rc != 0 ] || [ -z "$(namespaces_of $$)" ] || { echo "fail: left behind: $NSI"; rc=1; }
        exit $rc
}

# The work folder, and what ends a case in any way.
begin() {
        trap at_exit EXIT
        trap 'echo "fail: line $LINENO: $BASH_COMMAND"' ERR
        trap 'echo "fail: stopped by a signal or its time limit"; exit 1' TERM INT HUP
        mkdir -p "$W"
        export ASAN_OPTIONS="log_path=$W/asan:exitcode=99:${ASAN_OPTIONS:-}"
        export UBSAN_OPTIONS="log_path=$W/asan:print_stacktrace=1:${UBSAN_OPTIONS:-}"
}

# The runners (this folder's, the benchmark's) are no cases.
[ "$CASE" = run ] || begin
