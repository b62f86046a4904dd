#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may connect is decided as for a file with that owner and mode, by the peer's credentials: an
# ordinary user gets nothing by default, reads only with 0644, writes as the owner or in the group.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires setpriv nbdinfo
net_up 9000
image "$W/a.img" 2
vblade_start v1 7 1 "$W/a.img"
chmod 755 "$W"
uri=$(nbd_uri a e7.1)

as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
nobody_writes() { # its libnbd says itself what it may not: so it is not asked
        as_nobody /usr/bin/python3 -B -c '
import os, sys, nbd
h = nbd.NBD()
h.connect_uri(sys.argv[1])
h.set_strict_mode(0)
h.pread(4096, 0)
h.pwrite(b"n" * 4096, 0)
' "$uri"
}

nbd_start a
nbdinfo --size "$uri"
expect 1 'Permission denied' as_nobody nbdinfo "$uri"
chmod 666 "$(nbd_socket a)" # the file lets them in: the server does not
expect 1 '' as_nobody nbdinfo "$uri"
not grep -q 'Permission denied' "$W/err" || fail "the server was not asked"
nbdinfo --size "$uri"
nbd_stop a

nbd_start a --mode=0644
as_nobody nbdinfo --is read-only "$uri" || fail "told nobody that it may write"
expect 2 '' nbdinfo --is read-only "$uri"
expect 1 'EPERM|Operation not permitted' nobody_writes
nbd_stop a

nbd_start a --mode=0600 --uid=nobody
expect 2 '' as_nobody nbdinfo --is read-only "$uri"
nobody_writes
nbd_stop a
nbd_start a --mode=0460 --gid=nogroup
nobody_writes
nbd_stop a
nbd_start a --mode=0406 --gid=nogroup # the group has less than all others
expect 1 '' nobody_writes
nbd_stop a
same "$(head -c 4096 "$W/a.img" | tr -d n | wc -c)" 0 "bytes of nobody's that are not on the disk"
