#!/bin/bash
# SPDX-License-Identifier: MIT
# Writers of neighbouring bytes in the same sectors at the same time: read-modify-write of partial
# sectors is atomic against them, so each one's bytes are there in the end.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade perl
net_up 1500
blank "$W/a.img" 1
vblade_start v1 7 1 "$W/a.img"
daemon_start a
# Writer k of 7 owns every byte whose index is k modulo 7 of the first 3500.
cat >"$W/writer" <<'PERL'
use Fcntl qw(O_WRONLY SEEK_SET);
my ($file, $k) = @ARGV;
sysopen(my $f, $file, O_WRONLY) or die "open: $!";
for (my $i = $k; $i < 3500; $i += 7) {
        sysseek($f, $i, SEEK_SET);
        syswrite($f, chr(65 + $k)) == 1 or die "write: $!";
}
PERL
for k in 0 1 2 3 4 5 6; do background "w$k" perl "$W/writer" "$D" $k; done
for k in 0 1 2 3 4 5 6; do
        finish "w$k" 60
        same "$code" 0 "writer $k: $(cat "$W/w$k.log")"
done
perl -e 'print "ABCDEFG" x 500' >"$W/want"
same_bytes "$D" "$W/want" 0 3500
daemon_stop a
same_bytes "$W/a.img" "$W/want" 0 3500
