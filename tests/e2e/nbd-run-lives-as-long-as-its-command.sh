#!/bin/bash
# SPDX-License-Identifier: MIT
# `aoefs nbd --run`: the command finds the export by $uri, $nbd, $unixsocket and $exportname, its exit
# code is handed on, and nothing is left of the daemon afterwards.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade nbdinfo nbdcopy qemu-img
net_up 9000
image "$W/a.img" 4
image "$W/b.img" 2
export TMPDIR=$W/tmp # of the socket: nothing may be left there
mkdir "$TMPDIR"
run() { aoefs nbd -i "$IF" -P "$W/run.pid" --run="$1" "${@:2}"; } # COMMAND [eX.Y...]
nothing_left() {
        same "$(ls -A "$TMPDIR")" "" "files left"
        [ ! -e "$W/run.pid" ] || fail "the daemon's pid file is left"
}

vblade_start v1 7 1 "$W/a.img"
# shellcheck disable=SC2016 # the command's variables
{
        run 'nbdcopy "$uri" "$TMPDIR/copy" && cmp "$TMPDIR/copy" "'"$W/a.img"'" && rm "$TMPDIR/copy"'
        nothing_left
        run 'qemu-img compare -f raw -F raw "$nbd" "'"$W/a.img"'"'
        run 'test -S "$unixsocket" && test -z "$exportname" && cat "'"$W/run.pid"'"' >"$W/pid"
        wait_for "the daemon to be gone" 5 is_gone "$(cat "$W/pid")"
        vblade_start v2 7 2 "$W/b.img"
        run 'test "$exportname" = e7.2 && nbdinfo --size "$uri"' e7.2 >"$W/size"
        same "$(cat "$W/size")" $((2 << 20)) "bytes of the export that was named"
        run 'qemu-img compare -f raw -F raw "$nbd" "'"$W/b.img"'"' e7.2
        run 'nbdinfo --list "$uri" | grep -c ^export' e7.1 e7.2 >"$W/count"
        same "$(cat "$W/count")" 2 "exports"
        expect 137 '' run 'kill -KILL $$'
}
expect 0 '' run true
expect 3 '' run 'exit 3'
expect 127 'not found' run "$W/no-such-program"
expect 1 "$W/none" aoefs nbd -i "$IF" --socket="$W/none/socket" --run='touch "'"$W/ran"'"'
[ ! -e "$W/ran" ] || fail "the command ran without a server"
nothing_left
