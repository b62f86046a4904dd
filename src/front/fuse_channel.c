/* SPDX-License-Identifier: MIT */
#include "front/fuse_channel.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

/* Does nobody wait for the answer? ENOENT: not any more; ENODEV: unmounted. */
static bool fuse_channel_is_moot(int error)
{
        return error == ENOENT || error == ENODEV;
}

void fuse_channel_error(const struct fuse_channel *c, uint64_t unique, int error)
{
        struct fuse_out_header h = {.len = sizeof(h), .error = -error, .unique = unique};

        if (c->debug)
                fprintf(stderr, "   unique: %llu, error: %d\n", (unsigned long long)unique, error);
        if (write(c->fd, &h, sizeof(h)) < 0 && !fuse_channel_is_moot(errno))
                c->host->log(c->host->arg, 0, AOE_ADDR_ALL,
                             "an answer did not reach the kernel: its caller may hang until "
                             "umount --force");
}

ssize_t fuse_channel_writev(const struct fuse_channel *c, const struct iovec *iov, int count)
{
        ssize_t n = writev(c->fd, iov, count);
        struct fuse_out_header h;
        int error;

        if (n >= 0)
                return n;
        error = errno;
        memcpy(&h, iov[0].iov_base, sizeof(h));
        if (h.unique != 0 && !fuse_channel_is_moot(error))
                fuse_channel_error(c, h.unique, EIO);
        errno = error;
        return n;
}

/* iov[0] is left for the header. */
static void fuse_channel_send(const struct fuse_channel *c, uint64_t unique, struct iovec *iov,
                              int count, uint32_t bytes)
{
        struct fuse_out_header h = {.len = (uint32_t)sizeof(h) + bytes, .unique = unique};

        if (c->debug)
                fprintf(stderr, "   unique: %llu, success, bytes: %u\n", (unsigned long long)unique,
                        bytes);
        iov[0] = (struct iovec){.iov_base = &h, .iov_len = sizeof(h)};
        fuse_channel_writev(c, iov, count);
}

void fuse_channel_wrote(const struct fuse_channel *c, uint64_t unique, uint32_t bytes)
{
        struct fuse_write_out out = {.size = bytes};

        fuse_channel_data(c, unique, &out, sizeof(out));
}

void fuse_channel_data(const struct fuse_channel *c, uint64_t unique, const void *data,
                       uint32_t bytes)
{
        struct iovec iov[2] = {
                [1] = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes},
        };

        fuse_channel_send(c, unique, iov, 2, bytes);
}

void fuse_channel_frames(struct fuse_channel *c, uint64_t unique, const struct request *rq)
{
        uint64_t bytes = 0;
        int count = 1;

        LIST_FOREACH (pos, &rq->frames) {
                const struct frame *frame = LIST_ENTRY(pos, struct frame, node);

                CHECK(count < FUSE_CHANNEL_IOV_MAX);
                c->iov[count++] = (struct iovec){
                        .iov_base = (void *)(uintptr_t)frame->part,
                        .iov_len = frame->part_bytes,
                };
                bytes += frame->part_bytes;
        }
        CHECK(bytes == rq->bytes);
        fuse_channel_send(c, unique, c->iov, count, rq->bytes);
}
