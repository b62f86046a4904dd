/* SPDX-License-Identifier: MIT */
/*
 * The daemon. keeper_mount() is `aoefs mount`: forks to the background unless c->foreground,
 * mounts, starts the worker (/proc/self/exe with worker_argv and AOEFS_WORKER=fd in its
 * environment), returns in the calling process when the mount is usable, or with the real error.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "app/config.h"

/* worker_argv: the same command line that made c (the worker parses it again). Foreground: returns
 * after the unmount. */
bool keeper_mount(const Config *c, char *const worker_argv[], GError **error);
/* The worker's whole life, called by the same command when AOEFS_WORKER is set. Exit code. */
int worker_main(const Config *c);
