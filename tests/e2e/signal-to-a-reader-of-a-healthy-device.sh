#!/bin/bash
# SPDX-License-Identifier: MIT
# A signal to a process that reads or writes a device which answers changes nothing: no EINTR, no
# short transfer, the right bytes. The handler is installed without SA_RESTART.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade perl
net_up 1500
image "$W/a.img" 32
cp "$W/a.img" "$W/want"
vblade_start v1 7 1 "$W/a.img"
daemon_start a
cat >"$W/reader" <<'PERL'
use Fcntl qw(O_RDWR SEEK_SET);
use POSIX;
my $seen = 0;
sigaction(SIGUSR1, POSIX::SigAction->new(sub { $seen++ })) or die;
sysopen(my $f, $ARGV[0], O_RDWR) or die "open: $!";
open(my $want, '<', $ARGV[1]) or die;
$| = 1;
print "ready\n";
for my $i (0 .. 63) {
        my ($at, $got, $exp) = ($i % 32 << 20);
        sysseek($f, $at, SEEK_SET);
        my $n = sysread($f, $got, 1 << 20);
        die "read $i: $!" if !defined $n;
        die "read $i: short, $n" if $n != 1 << 20;
        sysseek($want, $at, SEEK_SET);
        sysread($want, $exp, 1 << 20);
        die "read $i: wrong bytes" if $got ne $exp;
        sysseek($f, $at, SEEK_SET);
        $n = syswrite($f, $got, 1 << 20);
        die "write $i: $!" if !defined $n;
        die "write $i: short, $n" if $n != 1 << 20;
}
print "signals $seen\n";
PERL
background reader perl "$W/reader" "$D" "$W/want"
wait_for "its handler" 10 grep -q ready "$W/reader.log"
until is_gone "${PIDS[reader]}"; do
        kill -USR1 "${PIDS[reader]}" 2>/dev/null || true
        sleep 0.003 # the dose of signals, not a wait for anything
done
finish reader 1
same "$code" 0 "the reader: $(cat "$W/reader.log")"
at_least "$(sed -n 's/^signals //p' "$W/reader.log")" 20 "signals that came"
same_bytes "$D" "$W/want"
daemon_stop a
