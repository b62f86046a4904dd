/* SPDX-License-Identifier: MIT */
/*
 * What the worker gives up before it serves, and what protects it from memory reclaim that waits
 * for the worker itself. Call before any thread is made.
 */
#pragma once

#include <stddef.h>

/* PR_SET_IO_FLUSHER where permitted (needs CAP_SYS_RESOURCE). 0 or -errno; a failure is no error
 * for the caller, only worth a debug line. */
int privilege_io_flusher(void);
/* Empties all capability sets and the bounding set, sets no_new_privs (libcap). Idempotent. 0 or
 * -errno. */
int privilege_drop(void);
/* Has this process the capability now (CAP_NET_RAW, CAP_SYS_ADMIN of <sys/capability.h>)? */
int privilege_has(int capability);
/* Touches a region and locks it. 0, or -errno when RLIMIT_MEMLOCK does not allow all of it: its
 * head is then locked as far as it does (by halving), and everything is touched. */
int privilege_lock(void *region, size_t bytes);
