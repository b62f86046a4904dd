#!/bin/bash
# SPDX-License-Identifier: MIT
# Row 6. Flags and LBA of ATA answers are 0, whatever was asked: the tag alone says what it is about.
# shellcheck source=quirk.sh
source "$(dirname "$0")/quirk.sh"
requires cc
net_up 9000
quirk_begin -q no-echo
quirk_io
same "$(dropped 'short|length|address|command|mac|tag')" 0 "answers that were dropped"
quirk_end no-echo
