/* SPDX-License-Identifier: MIT */
/*
 * Host-wide locks: flock()ed files in the runtime folder that say who holds them. Death frees a
 * lock; the file that a crash leaves is free to be taken, and says nothing any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LOCK_HOLDER_BYTES 256
#define LOCK_NAME_BYTES   64

/* Never waits. holder: what others read while we hold it. 0; -EBUSY with the present holder's text
 * (may be empty); or -errno. ret_holder: holder_bytes of room, or NULL. */
int lock_take(int folder_fd, const char *name, const char *holder, int *ret_fd, char *ret_holder,
              size_t holder_bytes);
/* For a name that only this process can want: no -EBUSY because somebody looks at the file. */
int lock_take_own(int folder_fd, const char *name, const char *holder, int *ret_fd);
/* Takes the file away and frees the lock. fd: owned, -1 does nothing. */
void lock_drop(int folder_fd, const char *name, int fd);
/* Does somebody hold name now? Its text goes to ret_holder. A file that nobody holds is removed. */
bool lock_is_held(int folder_fd, const char *name, char *ret_holder, size_t holder_bytes);
