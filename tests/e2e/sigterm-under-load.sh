#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGTERM while writers are at work: what was acknowledged is on the target, the daemon and the
# mount are gone, the exit code is 0, the writers end with an error instead of hanging.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade perl
net_up 9000
image "$W/data" 512
# Writes MiB by MiB, and prints how many were acknowledged before the first error.
cat >"$W/writer" <<'PERL'
use Fcntl qw(O_WRONLY);
my ($from, $to) = @ARGV;
open(my $f, '<', $from) or die;
sysopen(my $g, $to, O_WRONLY) or die "open: $!";
my $done = 0;
while (sysread($f, my $b, 1 << 20)) {
        my $n = syswrite($g, $b);
        last if !defined $n || $n != length $b;
        $done++;
}
print "written $done of 512\n";
exit($done == 512 ? 0 : 1);
PERL
for to in worker keeper; do
        blank "$W/a.img" 512
        vblade_start v1 7 1 "$W/a.img"
        daemon_foreground a
        background writer perl "$W/writer" "$W/data" "$D"
        wait_for "the writer to be at work" 20 position_of "${PIDS[writer]}" 4 $((8 << 20))
        kill -TERM "$("${to}_of" a)"
        finish a 30
        same "$code" 0 "exit code of the daemon: $(cat "$W/a.log")"
        is_mounted "$M" && fail "still mounted"
        finish writer 20
        [ "$code" != 0 ] || fail "the writer wrote everything: nothing was tested"
        written=$(sed -n 's/^written \([0-9]*\) .*/\1/p' "$W/writer.log" | tail -n 1)
        at_least "$written" 8 "MiB that the writer was told are written"
        same_bytes "$W/a.img" "$W/data" 0 $((written << 20))
        kill_wait v1
done
