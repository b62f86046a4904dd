/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets by their path, of any length: a socket's own address has room for 107 bytes only, so
 * the folder is gone through by its descriptor.
 */
#pragma once

#include <sys/types.h>

/* A socket of this type (SOCK_STREAM, ...) connected to the one at path. 0 or -errno. */
int unix_path_connect(const char *path, int type, int *ret_fd);
/* A listening one, which does not block, with these permissions. Nothing may be at path. 0 or
 * -errno
 * (-EADDRINUSE). */
int unix_path_listen(const char *path, int type, mode_t mode, int backlog, int *ret_fd);
