#!/bin/bash
# SPDX-License-Identifier: MIT
# Command lines that cannot be meant: exit code and one line of explanation each.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires ip
net_up 1500
mkdir "$M"

# One line on stderr that begins with the program's name and matches; nothing on stdout.
refuses() { # CODE PATTERN ARGUMENT...
        expect "$1" "^aoefs: .*($2)" aoefs "${@:3}"
        same "$(wc -l <"$W/err")" 1 "lines of the message of: ${*:3}"
        same "$(cat "$W/out")" "" "stdout of: ${*:3}"
}

refuses 2 'command is missing'
refuses 2 'nonsense: no such command' nonsense
refuses 2 'no such option' --nonsense
refuses 2 'argument is missing' mount
refuses 2 'argument is missing' umount
refuses 2 'argument is missing' wait
refuses 2 'too many arguments' mount "$M" "$M"
refuses 2 'is not the name of a device' list e7
refuses 2 'is not the name of a device' list e07.1
refuses 2 'is not the name of a device' list e65535.1
refuses 2 'is not the name of a device' list e1.255
refuses 2 'is not the name of a device' wait 7.1
refuses 2 '--?timeout' wait e7.1 --timeout=-1
refuses 2 '--?timeout' wait e7.1 --timeout=soon
refuses 2 'nonsense' mount -o nonsense "$M"
refuses 2 'nonsense' mount --nonsense "$M"
refuses 2 'mode' mount -o mode=9 "$M"
refuses 2 'mode' mount -o mode=99999 "$M"
refuses 2 'uid' mount -o uid=nobody-here "$M"
refuses 2 'gid' mount -o gid=-1 "$M"
refuses 2 'on_loss' mount -o on_loss=perhaps "$M"
refuses 2 'timeout' mount -o timeout=0x "$M"
refuses 2 'memory' mount -o memory=1 "$M"
refuses 2 'window' mount -o window=x "$M"
refuses 2 'payload' mount -o payload=1000 "$M"
refuses 2 'max_read' mount -o max_read=1 "$M"
refuses 2 'cache=writeback' mount -o cache=writeback "$M"
refuses 2 'only' mount -o only= "$M"
refuses 2 'ro' mount -o ro=perhaps "$M"
refuses 1 'nosuch0' mount -i nosuch0 "$M"
refuses 1 'nosuch0' list -i nosuch0
refuses 1 'nothing-here' mount -i ai "$W/nothing-here"
refuses 2 'no/such/file' mount --config /no/such/file "$M"
printf '[aoefs]\nnonsense = 1\n' >"$W/bad.conf"
refuses 2 'nonsense' mount --config "$W/bad.conf" "$M"
is_mounted "$M" && fail "something was mounted"

expect 0 '' aoefs --version
grep -Eq '^aoefs [0-9]+\.[0-9]+\.[0-9]+$' "$W/out"
expect 0 '' aoefs --help
grep -q 'umount' "$W/out"
expect 0 '' aoefs mount --help
grep -q -- '--on_loss' "$W/out"
