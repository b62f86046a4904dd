#!/bin/bash
# SPDX-License-Identifier: MIT
# Every device is an export that foreign clients list and describe; the default export is the only
# device, and nothing when there are two; unknown names are refused.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
nbd_requires nbdinfo nbd-client jq
net_up 9000
image "$W/a.img" 4
image "$W/b.img" 5
vblade_start v1 7 1 "$W/a.img"

nbd_start a
same "$(nbdinfo --size "$(nbd_uri a)")" $((4 << 20)) "bytes of the default export"
for can in cache df fast-zero flush fua multi-conn read structured-reply write zero; do
        nbdinfo --can "$can" "$(nbd_uri a e7.1)" || fail "cannot: $can"
done
for is in read-only rotational tls; do
        expect 2 '' nbdinfo --is "$is" "$(nbd_uri a e7.1)"
done
expect 2 '' nbdinfo --can trim "$(nbd_uri a e7.1)" # a vblade cannot
nbdinfo --json "$(nbd_uri a e7.1)" >"$W/json"
same "$(jq -r '.protocol, (.exports[0] | ."export-name", ."export-size", .block_size_minimum,
        .block_size_maximum, .contexts[0])' "$W/json" | xargs)" \
        "newstyle-fixed e7.1 $((4 << 20)) 512 $((32 << 20)) base:allocation" "what JSON says"
jq -re '.exports[0].description' "$W/json" | grep -q 'vblade, serial number 7\.1' ||
        fail "no model and serial number: $(cat "$W/json")"
at_least "$(jq '.exports[0].block_size_preferred' "$W/json")" 8192 "preferred block of a jumbo path"
same "$(nbdinfo --map "$(nbd_uri a e7.1)" | xargs)" "0 $((4 << 20)) 0 data" "the map"
expect 1 'e7\.9' nbdinfo "$(nbd_uri a e7.9)"
expect 1 '' nbdinfo "$(nbd_uri a no-device)"

# What a client that knows nothing of GO gets.
nbd_python "$(nbd_socket a)" <<'END'
import struct
import sys
from nbd_client import EXPORT_NAME, FIXED_NEWSTYLE, NO_ZEROES, READ, Raw, fail, same

for flags, zeroes in ((FIXED_NEWSTYLE, 124), (FIXED_NEWSTYLE | NO_ZEROES, 0)):
    for name in b"", b"e7.1":
        c = Raw(sys.argv[1], flags)
        c.option(EXPORT_NAME, name)
        size, _ = struct.unpack(">QH", c.take(10))
        same(size, 4 << 20, "size by EXPORT_NAME")
        same(c.take(zeroes), bytes(zeroes), "the zeroes")
        c.request(READ, 1, 0, 512)
        same(c.simple_reply(), (0, 1), "a read after EXPORT_NAME")
    c = Raw(sys.argv[1], flags)
    c.option(EXPORT_NAME, b"e7.9")
    if not c.is_closed():
        fail("EXPORT_NAME of what is not there does not end the connection")
END

vblade_start v2 7 2 "$W/b.img"
wait_for "the second device" 60 nbd_serves "$(nbd_uri a e7.2)"
same "$(nbdinfo --list --json "$(nbd_uri a)" | jq -r '.exports[] | ."export-name"' | xargs)" \
        "e7.1 e7.2" "the list"
nbd-client -l -unix "$(nbd_socket a)" >"$W/list"
grep -q '^e7\.1: .*vblade' "$W/list" || fail "nbd-client sees no e7.1: $(cat "$W/list")"
grep -q '^e7\.2: .*vblade' "$W/list" || fail "nbd-client sees no e7.2: $(cat "$W/list")"
expect 1 '' nbdinfo "$(nbd_uri a)"
same "$(nbdinfo --size "$(nbd_uri a e7.2)")" $((5 << 20)) "bytes of the second device"
nbd_stop a

# Devices that are named are the only ones; and nothing can be written with --ro.
nbd_start a --ro e7.2
same "$(nbdinfo --size "$(nbd_uri a)")" $((5 << 20)) "bytes of the only device"
expect 1 '' nbdinfo "$(nbd_uri a e7.1)"
nbdinfo --is read-only "$(nbd_uri a)" || fail "--ro, but not told as read-only"
nbd_stop a
