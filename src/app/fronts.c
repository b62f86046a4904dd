/* SPDX-License-Identifier: MIT */
#include "app/fronts.h"

#include <unistd.h>

#include "front/front_fuse.h"
#include "front/front_nbd.h"

#define FRONTS_FUSE_REQUESTS_MAX    4096 /* as many as the kernel may send: max_background */
#define FRONTS_FUSE_REQUESTS_DEVICE 1024 /* so that one device leaves room for others */

static int fronts_add(struct shard *s, struct front *f)
{
        int r = shard_front(s, f);

        if (r < 0)
                f->ops->free(f);
        return r;
}

int fronts_mount(const Config *c, struct shard *s, int fuse_fd, struct front **ret)
{
        const struct front_fuse_options o = {
                .fuse_fd = fuse_fd,
                .uid = c->uid,
                .gid = c->gid,
                .mode = c->mode,
                .read_only = c->read_only,
                .debug = c->debug,
                .requests_max = FRONTS_FUSE_REQUESTS_MAX,
                .requests_device_max = FRONTS_FUSE_REQUESTS_DEVICE,
                .max_read = c->max_read,
                .cache_reads = c->cache_reads,
        };
        struct front *f;
        int r;

        r = front_fuse_new(&o, shard_host(s), &f);
        if (r < 0) {
                close(fuse_fd);
                return r;
        }
        r = fronts_add(s, f);
        if (r == 0)
                *ret = f;
        return r;
}

int fronts_nbd(const Config *c, struct shard *s, int listen_fd)
{
        const struct front_nbd_options o = {
                .listen_fd = listen_fd,
                .uid = c->uid,
                .gid = c->gid,
                .mode = c->mode,
                .read_only = c->read_only,
        };
        struct front *f;
        int r;

        r = front_nbd_new(&o, shard_host(s), &f);
        if (r < 0) {
                close(listen_fd);
                return r;
        }
        return fronts_add(s, f);
}
