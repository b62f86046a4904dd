/* SPDX-License-Identifier: MIT */
/*
 * Answers to the kernel, in libfuse's place: a header and what belongs to it in one writev, and no
 * memory but the caller's. An answer that does not reach the kernel is made good by an error, or
 * the process that waits for it never wakes up.
 */
#pragma once

#include <sys/uio.h>

#include "front/front.h"

#define FUSE_CHANNEL_IOV_MAX 1000 /* of one answer; the system's own limit is 1024 */

struct fuse_channel {
        const struct front_host *host; /* borrowed */
        int fd;                        /* borrowed: the session's */
        bool debug;                    /* print each answer */
        struct iovec iov[FUSE_CHANNEL_IOV_MAX];
};

/* A header alone. error: an errno; 0: done, and there is nothing more to say. */
void fuse_channel_error(const struct fuse_channel *c, uint64_t unique, int error);
/* So much was written. */
void fuse_channel_wrote(const struct fuse_channel *c, uint64_t unique, uint32_t bytes);
/* What was read, from one buffer. */
void fuse_channel_data(const struct fuse_channel *c, uint64_t unique, const void *data,
                       uint32_t bytes);
/* What was read, in the frames of the request as they came from the wire: no copy in user space. */
void fuse_channel_frames(struct fuse_channel *c, uint64_t unique, const struct request *rq);
/* A message of libfuse's making, its header first; as writev(). Notices come through here too, from
 * another thread: their unique is 0. */
ssize_t fuse_channel_writev(const struct fuse_channel *c, const struct iovec *iov, int count);
