#!/bin/bash
# SPDX-License-Identifier: MIT
# only=, deny=, uid=, gid=, mode=, window=, payload=, allow_other, the config file, fstab's form.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
requires vblade setpriv
net_up 9000
image "$W/a.img" 8
image "$W/b.img" 4
vblade_start v1 7 1 "$W/a.img"
vblade_start v2 8 2 "$W/b.img"
chmod 755 "$W"
names() { (cd "$M" && echo *); }

daemon_start a -o only=e7.*
same "$(names)" "e7.1" "names with only=e7.*"
expect 1 'No such file' cat "$M/e8.2"
daemon_stop a
daemon_start a -o only=e7.1 -o only=e8.2,deny=e7.*
same "$(names)" "e8.2" "names with only= and deny="
daemon_stop a
daemon_start a --deny 'e8.*'
same "$(names)" "e7.1" "names with --deny"
daemon_stop a

daemon_start a -o uid=65534,gid=12,mode=0640,allow_other
same "$(stat -c '%u %g %a' "$D")" "65534 12 640" "owner and mode"
setpriv --reuid=65534 --regid=65534 --clear-groups dd if="$D" of=/dev/null bs=4k count=1 status=none
expect 1 'Permission denied' setpriv --reuid=12345 --regid=12345 --clear-groups cat "$D"
daemon_stop a

daemon_start a -o window=1,payload=1024
same_bytes "$D" "$W/a.img"
grep -Eq '\b1024\b' "$M/.aoefs/e7.1/paths" || fail "paths: $(cat "$M/.aoefs/e7.1/paths")"
at_most "$(stat_sum '^aoefs_window\{device="e7.1"')" 1 "frames in the window"
at_least "$(stat_sum '^aoefs_frames_sent\{device="e7.1"')" 8192 "frames of 1024 bytes for 8 MiB"
daemon_stop a

printf '[aoefs]\nonly = e8.*\nmode = 0600\n' >"$W/aoefs.conf"
daemon_start a --config "$W/aoefs.conf" -o mode=0444
same "$(names)" "e8.2" "names with a config file"
same "$(stat -c %a "$M/e8.2")" 444 "the command line wins"
daemon_stop a

# fstab's form, and what mount(8) adds to it.
in_i "$AOEFS" $IF "$M" -o rw,_netdev,nofail,x-systemd.automount,nosuid,nodev,only=e7.1
same "$(names)" "e7.1" "names of fstab's form"
same "$(awk -v m="$M" '$2 == m { print $1, $3 }' /proc/self/mounts)" "$IF fuse.aoefs" "/proc/mounts"
expect 0 '' aoefs umount "$M"
