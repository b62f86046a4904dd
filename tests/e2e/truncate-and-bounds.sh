#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk has one size: O_TRUNC and truncate to 0 or to that size do nothing, other sizes are EINVAL;
# a read at the end gives nothing, a write across the end is short, one at the end ENOSPC.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade perl
net_up 1500
image "$W/a.img" 2
cp "$W/a.img" "$W/want"
vblade_start v1 7 1 "$W/a.img"
daemon_start a
: >"$D" # O_TRUNC
truncate -s 0 "$D"
truncate -s $((2 << 20)) "$D"
expect 1 'Invalid argument' truncate -s 512 "$D"
expect 1 'Invalid argument' truncate -s $((3 << 20)) "$D"
same "$(stat -c %s "$D")" $((2 << 20)) "size"
same_bytes "$D" "$W/want"

perl - "$D" <<'PERL' || fail "see above"
use Fcntl qw(O_RDWR SEEK_SET);
use Errno qw(ENOSPC);
my $end = 2 << 20;
sysopen(my $f, $ARGV[0], O_RDWR) or die "open: $!";
sub at { sysseek($f, $_[0], SEEK_SET) }
my $n;
at($end); $n = sysread($f, my $b, 100); die "read at the end: $n $!" if !defined $n || $n != 0;
at($end + 5000); $n = sysread($f, $b, 100); die "read past the end" if !defined $n || $n != 0;
at($end - 10); $n = sysread($f, $b, 100); die "read across the end: $n" if $n != 10;
at($end - 10); $n = syswrite($f, $b . "x" x 90); die "write across the end: $n $!" if $n != 10;
at($end - 1024); $n = sysread($f, $b, 4096); die "large read across the end: $n" if $n != 1024;
at($end - 1024); $n = syswrite($f, $b . "x" x 8000); die "write: $n $!" if $n != 1024;
at($end); $n = syswrite($f, "x"); die "write at the end: $n" if defined $n; die $! if $! != ENOSPC;
at($end + 7777); die "write past the end" if defined syswrite($f, "x"); die $! if $! != ENOSPC;
PERL
same_bytes "$D" "$W/want"
expect 1 'Permission denied|not permitted|not implemented' touch "$M/e9.9"
expect 1 '' rm "$D"
expect 1 '' mkdir "$M/folder"
expect 1 '' mv "$D" "$M/e7.2"
daemon_stop a
same_bytes "$W/a.img" "$W/want"
