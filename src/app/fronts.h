/* SPDX-License-Identifier: MIT */
/* The front ends that the configuration asks for, in the shard. Their descriptors are taken in any
 * case. 0 or -errno. */
#pragma once

#include "app/config.h"
#include "app/shard.h"

/* /dev/fuse of a mount that exists. */
int fronts_mount(const Config *c, struct shard *s, int fuse_fd, struct front **ret);
/* A listening socket. */
int fronts_nbd(const Config *c, struct shard *s, int listen_fd);
