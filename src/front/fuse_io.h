/* SPDX-License-Identifier: MIT */
/*
 * Requests between the kernel and the engine: a pool, a queue per device in front of the engine's
 * quota, interrupts, and the way out when memory is short. Nothing here blocks. Every request is
 * answered once: here when it ends before the engine has it, else by who completes it; through
 * libfuse when it came through it (req), else by the channel.
 *
 *   get --> start --> queue of its device --> engine --> complete (front_fuse.c) --> finish
 *    |                   |  interrupted, shed: fail        | interrupted, shed: engine_cancel
 *    +--> put            +--> finish                       +--> as usual, with what it ended with
 */
#pragma once

#define FUSE_USE_VERSION 35

#include <fuse3/fuse_lowlevel.h>

#include "base/pool.h"
#include "engine/request.h"
#include "front/fuse_channel.h"
#include "front/fuse_devices.h"

#define FUSE_IO_BUCKETS 1024 /* a power of two */

struct fuse_io_request {
        struct front_request base; /* first: request.user points here */
        struct request rq;
        uint64_t unique;    /* the kernel's name for it */
        fuse_req_t req;     /* owned until it is answered; NULL: libfuse knows nothing of it */
        struct list bucket; /* fuse_io.buckets[...], by unique */
        struct fuse_device *device; /* borrowed; NULL until started */
        struct list all;            /* device.requests */
        struct list queue;          /* device.queue while it waits in front of the engine */
        uint64_t ticket;            /* order of arrival over all devices */
        uint8_t *block;             /* owned: what a write's data lies in, or NULL */
        uint32_t ctl_bytes;         /* FLUSH ordered by a write of so many bytes to ctl; else 0 */
        bool submitted;
        bool interrupted; /* FUSE_INTERRUPT came */
        bool shed;        /* given up for its memory */
};

struct fuse_io {
        const struct front_host *host; /* borrowed */
        struct front *front;           /* borrowed: ours */
        struct fuse_channel *channel;  /* borrowed */
        struct fuse_devices *devices;  /* borrowed */
        unsigned requests_device_max;
        struct pool pool;
        void *pool_block; /* owned */
        unsigned open_count;
        unsigned shed_count; /* shed, and still inside the engine */
        uint64_t ticket;
        struct list busy;    /* struct fuse_device with requests */
        struct list refused; /* struct fuse_device whose first in the queue found no room */
        struct list buckets[FUSE_IO_BUCKETS]; /* struct fuse_io_request, started */
};

int fuse_io_init(struct fuse_io *io, struct front *front, struct fuse_channel *channel,
                 struct fuse_devices *devices, unsigned requests_max, unsigned requests_device_max);
/* Answers what never reached the engine; CHECKs that nothing is inside it. */
void fuse_io_fini(struct fuse_io *io);

/* For the kernel's request of that name. NULL: requests_max are open. */
struct fuse_io_request *fuse_io_get(struct fuse_io *io, uint64_t unique);
/* For one that was not started. */
void fuse_io_put(struct fuse_io *io, struct fuse_io_request *r);
/* rq.op, offset, bytes and data are set, as are block and, when libfuse has it, req. The request is
 * the io's from here on; on failure it is answered. */
void fuse_io_start(struct fuse_io *io, struct fuse_io_request *r, aoe_addr addr, nsec now);
/* After it was popped and answered: gives everything back and lets the next one go. */
void fuse_io_finish(struct fuse_io *io, struct fuse_io_request *r, nsec now);

/* The errno of a finished request; 0: good. The only place that knows this table. */
int fuse_io_errno(const struct fuse_io_request *r);
/* The answer is an error, or 0 where that says it all: by whoever has the request. */
void fuse_io_reply_error(const struct fuse_io *io, const struct fuse_io_request *r, int error);
/* FUSE_INTERRUPT for the request of that name, which may be over. */
void fuse_io_interrupt(struct fuse_io *io, uint64_t unique, nsec now);
/* Tries again what the engine had no room for. */
void fuse_io_retry(struct fuse_io *io, nsec now);
/* addr's state changed: on a device that is not up, interrupts that were only noted end requests.
 */
void fuse_io_on_state(struct fuse_io *io, aoe_addr addr, nsec now);

enum fuse_io_shed {
        FUSE_IO_SHED_NOW,   /* a request ended: memory is free */
        FUSE_IO_SHED_LATER, /* one is on its way out of the engine */
        FUSE_IO_SHED_NONE,  /* every device with requests is up: they end by themselves */
};

/* Ends the newest request of a device that is not up, with EIO; for_memory: the newest that holds
 * some. */
enum fuse_io_shed fuse_io_shed(struct fuse_io *io, bool for_memory, nsec now);
bool fuse_io_is_up(const struct fuse_io *io, aoe_addr addr);
