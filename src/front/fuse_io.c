/* SPDX-License-Identifier: MIT */
#include "front/fuse_io.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

int fuse_io_init(struct fuse_io *io, struct front *front, struct fuse_channel *channel,
                 struct fuse_devices *devices, unsigned requests_max, unsigned requests_device_max)
{
        *io = (struct fuse_io){
                .host = channel->host,
                .front = front,
                .channel = channel,
                .devices = devices,
                .requests_device_max = requests_device_max,
        };
        list_init(&io->busy);
        list_init(&io->refused);
        for (size_t i = 0; i < FUSE_IO_BUCKETS; i++)
                list_init(&io->buckets[i]);
        io->pool_block = malloc(pool_bytes(sizeof(struct fuse_io_request), requests_max));
        if (!io->pool_block)
                return -ENOMEM;
        pool_init(&io->pool, io->pool_block, sizeof(struct fuse_io_request), requests_max);
        return 0;
}

struct fuse_io_request *fuse_io_get(struct fuse_io *io, uint64_t unique)
{
        struct fuse_io_request *r = pool_get(&io->pool);

        if (!r)
                return NULL;
        *r = (struct fuse_io_request){.base = {.front = io->front}, .unique = unique};
        r->rq.user = &r->base;
        list_init(&r->bucket);
        list_init(&r->all);
        list_init(&r->queue);
        return r;
}

void fuse_io_put(struct fuse_io *io, struct fuse_io_request *r)
{
        CHECK(!r->device);
        if (r->block)
                arena_put(io->host->arena, r->block);
        pool_put(&io->pool, r);
}

int fuse_io_errno(const struct fuse_io_request *r)
{
        switch (r->rq.status) {
        case REQUEST_PENDING: break;
        case REQUEST_OK: return 0;
        case REQUEST_ERROR: return EIO;
        case REQUEST_TIMEOUT: return EIO;
        case REQUEST_NO_DEVICE: return r->rq.op == REQUEST_LOOKUP ? ENOENT : ENXIO;
        case REQUEST_SWAPPED: return ESTALE;
        case REQUEST_RESERVED: return EBUSY;
        case REQUEST_RANGE: return request_is_write(&r->rq) ? ENOSPC : EIO;
        case REQUEST_CANCELLED: /* EINTR without a signal (forget, shed) makes callers try again */
                return r->interrupted ? EINTR : EIO;
        case REQUEST_NO_MEMORY: return EIO;
        case REQUEST_UNSUPPORTED: return EOPNOTSUPP;
        }
        CHECK(!"finished with a status");
        __builtin_unreachable();
}

bool fuse_io_is_up(const struct fuse_io *io, aoe_addr addr)
{
        struct device_info info;

        return engine_device_info(io->host->engine, addr, &info) && info.state == DEVICE_UP;
}

/* Out of its device's lists and gone; it was answered. */
static void fuse_io_drop(struct fuse_io *io, struct fuse_io_request *r)
{
        struct fuse_device *d = r->device;

        list_del(&r->bucket);
        list_del(&r->all);
        list_del(&r->queue);
        if (list_is_empty(&d->requests))
                list_del(&d->busy);
        if (list_is_empty(&d->queue))
                list_del(&d->refused);
        if (r->submitted)
                d->submitted--;
        if (r->submitted && r->shed)
                io->shed_count--;
        CHECK(io->open_count > 0);
        io->open_count--;
        r->device = NULL;
        fuse_io_put(io, r);
}

void fuse_io_reply_error(const struct fuse_io *io, const struct fuse_io_request *r, int error)
{
        if (r->req)
                fuse_reply_err(r->req, error);
        else
                fuse_channel_error(io->channel, r->unique, error);
}

/* Ends one that the engine has not got. */
static void fuse_io_fail(struct fuse_io *io, struct fuse_io_request *r, int error)
{
        CHECK(!r->submitted);
        fuse_io_reply_error(io, r, error);
        fuse_io_drop(io, r);
}

/* As many of d's queue as the quota and the engine take. */
static void fuse_io_feed(struct fuse_io *io, struct fuse_device *d, nsec now)
{
        while (d->submitted < io->requests_device_max && !list_is_empty(&d->queue)) {
                struct fuse_io_request *r =
                        LIST_ENTRY(list_first(&d->queue), struct fuse_io_request, queue);

                if (!engine_submit(io->host->engine, &r->rq, now)) {
                        list_del(&d->refused);
                        list_add_tail(&io->refused, &d->refused);
                        return;
                }
                list_del(&r->queue);
                r->submitted = true;
                d->submitted++;
                if (r->interrupted) /* noted while it waited here; the engine notes it too */
                        engine_cancel(io->host->engine, &r->rq, now);
        }
        list_del(&d->refused);
}

/* The kernel counts in steps of two. */
static struct list *fuse_io_bucket(struct fuse_io *io, uint64_t unique)
{
        return &io->buckets[unique / 2 % FUSE_IO_BUCKETS];
}

void fuse_io_start(struct fuse_io *io, struct fuse_io_request *r, aoe_addr addr, nsec now)
{
        struct fuse_device *d = fuse_devices_get(io->devices, addr);

        if (!d) { /* every entry of the table is in use */
                fuse_io_reply_error(io, r, EIO);
                fuse_io_put(io, r);
                return;
        }
        r->device = d;
        r->rq.addr = addr;
        r->ticket = ++io->ticket;
        io->open_count++;
        if (list_is_empty(&d->requests))
                list_add_tail(&io->busy, &d->busy);
        list_add_tail(fuse_io_bucket(io, r->unique), &r->bucket);
        list_add_tail(&d->requests, &r->all);
        list_add_tail(&d->queue, &r->queue);
        if (!list_is_linked(&d->refused))
                fuse_io_feed(io, d, now);
}

void fuse_io_finish(struct fuse_io *io, struct fuse_io_request *r, nsec now)
{
        struct fuse_device *d = r->device;

        CHECK(r->submitted);
        engine_release(io->host->engine, &r->rq);
        fuse_io_drop(io, r); /* d stays in the table: nothing in between asks for an entry */
        fuse_io_feed(io, d, now);
        fuse_io_retry(io, now);
}

/* Round and round: one device that finds no room does not hide the next one. */
void fuse_io_retry(struct fuse_io *io, nsec now)
{
        struct list *node;

        while ((node = list_pop(&io->refused))) {
                struct fuse_device *d = LIST_ENTRY(node, struct fuse_device, refused);

                fuse_io_feed(io, d, now);
                if (list_is_linked(&d->refused))
                        return;
        }
}

static struct fuse_io_request *fuse_io_find(struct fuse_io *io, uint64_t unique)
{
        LIST_FOREACH (pos, fuse_io_bucket(io, unique)) {
                struct fuse_io_request *r = LIST_ENTRY(pos, struct fuse_io_request, bucket);

                if (r->unique == unique)
                        return r;
        }
        return NULL;
}

/* The kernel sends an interrupt when its request was read, and we are the only reader: one whose
 * request is not here comes too late, and no answer to it is expected (an EAGAIN for a request that
 * we have lost would bring it back for ever). */
void fuse_io_interrupt(struct fuse_io *io, uint64_t unique, nsec now)
{
        struct fuse_io_request *r = fuse_io_find(io, unique);

        if (!r || r->interrupted)
                return;
        r->interrupted = true;
        if (r->submitted)
                engine_cancel(io->host->engine, &r->rq, now);
        else if (!fuse_io_is_up(io, r->device->addr))
                fuse_io_fail(io, r, EINTR);
}

void fuse_io_on_state(struct fuse_io *io, aoe_addr addr, nsec now)
{
        struct fuse_device *d = fuse_devices_find(io->devices, addr);

        (void)now;
        if (!d || fuse_io_is_up(io, addr))
                return;
        LIST_FOREACH_SAFE (pos, &d->queue) {
                struct fuse_io_request *r = LIST_ENTRY(pos, struct fuse_io_request, queue);

                if (r->interrupted)
                        fuse_io_fail(io, r, EINTR);
        }
}

/* The newest request of d that is not on its way out. */
static struct fuse_io_request *fuse_io_newest(const struct fuse_device *d, bool for_memory)
{
        for (struct list *pos = d->requests.prev; pos != &d->requests; pos = pos->prev) {
                struct fuse_io_request *r = LIST_ENTRY(pos, struct fuse_io_request, all);

                if (!r->shed && (r->block || !for_memory))
                        return r;
        }
        return NULL;
}

enum fuse_io_shed fuse_io_shed(struct fuse_io *io, bool for_memory, nsec now)
{
        struct fuse_io_request *newest = NULL;

        if (io->shed_count > 0)
                return FUSE_IO_SHED_LATER;
        LIST_FOREACH (pos, &io->busy) {
                struct fuse_device *d = LIST_ENTRY(pos, struct fuse_device, busy);
                struct fuse_io_request *r = fuse_io_newest(d, for_memory);

                if (r && !fuse_io_is_up(io, d->addr) && (!newest || r->ticket > newest->ticket))
                        newest = r;
        }
        if (!newest)
                return FUSE_IO_SHED_NONE;
        newest->shed = true;
        if (!newest->submitted) {
                fuse_io_fail(io, newest, EIO);
                return FUSE_IO_SHED_NOW;
        }
        io->shed_count++;
        engine_cancel(io->host->engine, &newest->rq, now);
        return FUSE_IO_SHED_LATER;
}

void fuse_io_fini(struct fuse_io *io)
{
        if (!io->pool_block) /* init failed, or was not reached */
                return;
        LIST_FOREACH_SAFE (pos, &io->busy) {
                struct fuse_device *d = LIST_ENTRY(pos, struct fuse_device, busy);

                LIST_FOREACH_SAFE (at, &d->queue)
                        fuse_io_fail(io, LIST_ENTRY(at, struct fuse_io_request, queue), EIO);
        }
        CHECK(io->open_count == 0);
        free(io->pool_block);
        io->pool_block = NULL;
}
