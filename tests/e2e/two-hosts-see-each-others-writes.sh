#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# Two hosts, each with a mount of its own and a lossy wire of its own to one target: what one of them
# has written and fsynced, the other one reads at once, in both directions, while others do the same.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade perl
NSJ=$NS_PREFIX-$$-j
# Writes a random range of its own area through one mount, reads it through the other, turn by turn.
cat >"$W/peer" <<'PERL'
use Fcntl qw(O_RDWR SEEK_SET);
use IO::Handle;
my ($area, $rounds, @paths) = @ARGV;
my @mounts = map { sysopen(my $f, $_, O_RDWR) or die "open $_: $!"; $f } @paths;
srand($area);
for my $round (1 .. $rounds) {
        my ($from, $to) = @mounts[$round % 2, ($round + 1) % 2];
        my $at = ($area * 256 + int(rand(128))) * 512;
        my $want = pack('NN', $area, $round) x (64 * (1 + int(rand(128))));
        my $n = length $want;
        sysseek($from, $at, SEEK_SET);
        (syswrite($from, $want) // -1) == $n or die "round $round: write: $!";
        $from->sync or die "round $round: fsync: $!";
        sysseek($to, $at, SEEK_SET);
        (sysread($to, my $have, $n) // -1) == $n or die "round $round: read: $!";
        $have eq $want or die "round $round: other bytes in $n at $at";
}
print "$rounds rounds\n";
PERL
for mtu in 1500 9000; do
        WIRE=a wire_up $mtu
        NSI=$NSJ WIRE=b wire_up $mtu
        # The target's host has both wires in one bridge, and serves that.
        ip -n "$NST" link add ct mtu $mtu type bridge
        for port in at bt; do ip -n "$NST" link set $port master ct; done
        ip -n "$NST" link set ct up
        wait_for "the bridge to be up" 5 is_up "$NST" ct
        blank "$W/a.img" 4
        TIF=ct vblade_start v1 7 1 "$W/a.img"
        daemon_start a
        NSI=$NSJ IF=bi daemon_start b
        for w in a b; do WIRE=$w wire_set both loss=10; done
        for area in 1 2 3 4; do
                background "peer$area" perl "$W/peer" $area "$(by_night 50 500)" "$D" "$(mnt b)/e7.1"
        done
        for area in 1 2 3 4; do
                finish "peer$area" 120
                same "$code" 0 "peer $area: $(cat "$W/peer$area.log")"
        done
        same "$(sha256sum <"$D")" "$(sha256sum <"$(mnt b)/e7.1")" "what both see in the end"
        daemon_stop a
        NSI=$NSJ daemon_stop b
        kill_wait v1
        ip -n "$NST" link del ct
        for w in a b; do WIRE=$w wire_stop; done
done
