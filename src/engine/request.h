/* SPDX-License-Identifier: MIT */
/*
 * What a front end asks of a device: a range of bytes of shelf.slot. The caller owns the memory
 * (a pool of its own); from engine_submit() until engine_pop_done() the engine owns the contents.
 *
 *   front                                engine
 *   request_get, fill in, submit   --->  cut into commands, send, resend, match
 *   reply, engine_release, put     <---  pop_done: status, and for reads the data
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/frame.h"
#include "base/list.h"
#include "base/nsec.h"
#include "base/range.h"
#include "wire/aoe.h"

#define REQUEST_BYTES_MAX       ((uint32_t)1 << 20)  /* of a READ or WRITE */
#define REQUEST_RANGE_BYTES_MAX ((uint32_t)32 << 20) /* of a ZERO or TRIM, which carry no data */

enum request_op {
        REQUEST_READ,
        REQUEST_WRITE,
        REQUEST_ZERO,   /* as a WRITE of zeroes */
        REQUEST_TRIM,   /* what is there is not needed any more; no promise of what is read later */
        REQUEST_FLUSH,  /* every write submitted before it is on the target, then FLUSH CACHE */
        REQUEST_LOOKUP, /* is there such a device? asks the wire when it is not known */
};

enum request_status {
        REQUEST_PENDING,
        REQUEST_OK,
        REQUEST_ERROR,     /* the device refused or failed: ATA error, AoE error */
        REQUEST_TIMEOUT,   /* no answer within the timeout, or down and on_loss=fail */
        REQUEST_NO_DEVICE, /* nobody answers to that address */
        REQUEST_SWAPPED,   /* another disk answers at that address now */
        REQUEST_RESERVED,  /* another host holds the reservation */
        REQUEST_RANGE,     /* beyond the end of the device */
        REQUEST_CANCELLED, /* engine_cancel, or forget */
        REQUEST_NO_MEMORY, /* the request memory is full of requests for devices that are not up */
        REQUEST_UNSUPPORTED, /* TRIM: the disk cannot */
};

struct device;
struct request;

/*
 * A place in a device's order of writes: a write that is not finished, or a copy of a finished one
 * that may still be on the wire. A later write that overlaps it waits (order.h).
 */
struct order_node {
        struct range_node range; /* sectors */
        struct list sequence;    /* device.sequence, oldest ticket first */
        uint64_t ticket;         /* order of arrival at the device */
        struct request *request; /* borrowed; NULL: a copy */
};

struct request {
        /* Set by the caller before engine_submit(). */
        enum request_op op;
        aoe_addr addr;
        uint64_t offset;     /* bytes from the start of the device, any alignment */
        uint32_t bytes;      /* READ, WRITE: 1..REQUEST_BYTES_MAX; ZERO, TRIM: ..RANGE_BYTES_MAX */
        bool may_trim;       /* ZERO: by TRIM where the disk promises zeroes after it */
        const uint8_t *data; /* WRITE: borrowed from the caller until the request is popped */
        void *user;          /* the caller's, not touched */

        /* The result, valid after engine_pop_done(). */
        enum request_status status;
        uint8_t *buffer;    /* READ: the data in one piece (owned, engine_release), or NULL: */
        struct list frames; /* READ: frames in order, each `part` follows the last one's */
        uint32_t frame_count;
        uint8_t ata_status; /* of the answer that failed it, else 0: for the log line */
        uint8_t ata_error;
        uint8_t aoe_error;
        uint64_t error_lba;

        /* The engine's own. */
        struct device *device;   /* borrowed from the engine's table */
        struct list node;        /* device.ready | hungry | flushes | want.lookups | engine.done */
        struct list open;        /* device.open: all of them in order of arrival */
        struct list slots;       /* struct slot: commands that work for it */
        struct list copies;      /* struct copy: transmissions of its writes without an answer */
        struct order_node order; /* writes: its place among the device's; FLUSH: the ticket */
        uint32_t blockers;       /* writes: earlier overlapping ones or copies that it waits for */
        nsec deadline;
        uint64_t lba_first; /* sectors that the request touches: [lba_first, lba_end) */
        uint64_t lba_end;
        uint64_t lba_next; /* first sector that no command carries yet */
        uint32_t frames_reserved;
        uint8_t stage;    /* enum request_stage, command.h */
        bool interrupted; /* engine_cancel came; ends when the device is not up */
        uint8_t edges[2 * AOE_SECTOR_BYTES]; /* WRITE, ZERO: its first and last partial sector;
                                                by TRIM: the block of ranges */
        bool by_copy; /* READ: pieces came too small for frames once: gather in buffer */
        bool by_trim; /* TRIM, ZERO: one command does it all */
};

/* Changes what is on the disk: overlapping ones keep their order. */
static inline bool request_is_write(const struct request *rq)
{
        return rq->op == REQUEST_WRITE || rq->op == REQUEST_ZERO || rq->op == REQUEST_TRIM;
}

/* The word for a status in logs and in `state` files. */
const char *request_status_name(enum request_status s);
