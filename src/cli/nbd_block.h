/* SPDX-License-Identifier: MIT */
/* What can be done with /dev/nbdN without the daemon's help: sysfs and netlink say it all. */
#pragma once

#include <stdbool.h>

/* Flushes and detaches; a daemon that has nothing else to do ends then. An enum cli_exit. */
int nbd_block_detach(const char *path);
/* Prints what is attached. An enum cli_exit. */
int nbd_block_status(bool json);
