/* SPDX-License-Identifier: MIT */
#include "front/fuse_io.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

int fuse_io_init(struct fuse_io *io, const struct front_host *host, struct front *front,
                 struct fuse_devices *devices, unsigned requests_max, unsigned requests_device_max)
{
        *io = (struct fuse_io){
                .host = host,
                .front = front,
                .devices = devices,
                .requests_device_max = requests_device_max,
        };
        list_init(&io->busy);
        list_init(&io->refused);
        list_init(&io->interrupts);
        io->pool_block = malloc(pool_bytes(sizeof(struct fuse_io_request), requests_max));
        if (!io->pool_block)
                return -ENOMEM;
        pool_init(&io->pool, io->pool_block, sizeof(struct fuse_io_request), requests_max);
        return 0;
}

struct fuse_io_request *fuse_io_get(struct fuse_io *io)
{
        struct fuse_io_request *r = pool_get(&io->pool);

        if (!r)
                return NULL;
        *r = (struct fuse_io_request){.base = {.front = io->front}, .io = io};
        r->rq.user = &r->base;
        list_init(&r->all);
        list_init(&r->queue);
        list_init(&r->interrupts);
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

        list_del(&r->all);
        list_del(&r->queue);
        list_del(&r->interrupts);
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

/* Ends one that the engine has not got. */
static void fuse_io_fail(struct fuse_io *io, struct fuse_io_request *r, int error)
{
        CHECK(!r->submitted);
        fuse_reply_err(r->req, error);
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

/* libfuse calls it inside fuse_session_process_buf() or fuse_req_interrupt_func(), holding the
 * request's lock: answering here would free the request under it. */
static void fuse_io_on_interrupt(fuse_req_t req, void *data)
{
        struct fuse_io_request *r = data;

        (void)req;
        if (r->interrupted)
                return;
        r->interrupted = true;
        list_add_tail(&r->io->interrupts, &r->interrupts);
}

void fuse_io_start(struct fuse_io *io, struct fuse_io_request *r, aoe_addr addr, nsec now)
{
        struct fuse_device *d = fuse_devices_get(io->devices, addr);

        if (!d) { /* every entry of the table is in use */
                fuse_reply_err(r->req, EIO);
                fuse_io_put(io, r);
                return;
        }
        r->device = d;
        r->rq.addr = addr;
        r->ticket = ++io->ticket;
        io->open_count++;
        if (list_is_empty(&d->requests))
                list_add_tail(&io->busy, &d->busy);
        list_add_tail(&d->requests, &r->all);
        list_add_tail(&d->queue, &r->queue);
        fuse_req_interrupt_func(r->req, fuse_io_on_interrupt, r);
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

static void fuse_io_interrupt_one(struct fuse_io *io, struct fuse_io_request *r, nsec now)
{
        if (r->submitted)
                engine_cancel(io->host->engine, &r->rq, now);
        else if (!fuse_io_is_up(io, r->device->addr))
                fuse_io_fail(io, r, EINTR);
}

void fuse_io_interrupt(struct fuse_io *io, nsec now)
{
        struct list *node;

        while ((node = list_pop(&io->interrupts)))
                fuse_io_interrupt_one(io, LIST_ENTRY(node, struct fuse_io_request, interrupts),
                                      now);
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
