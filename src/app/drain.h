/* SPDX-License-Identifier: MIT */
/*
 * What must have happened before a mount may end: no request open, every device that was written
 * flushed, no copy of a write without an answer. Part of the shard, data thread only.
 *
 *   IDLE --begin(sync)--> FLUSHING --> IDLE              told: the result; the fronts go on serving
 *   IDLE --begin(drain)-> STOPPING --> FLUSHING --> LINGERING --> IDLE
 *                         fronts open == 0          engine is quiet
 *
 * A device is dirty when a write was completed after the last flush that succeeded had arrived.
 * Devices that nobody can reach would hold up the end: on a drain, and on a forced sync, whatever
 * waits for devices that are not up is failed, again and again until the end.
 */
#pragma once

#include <stdbool.h>

#include "engine/engine.h"
#include "front/front.h"

#define DRAIN_FLUSHES_MAX 32   /* flushes of ours at once */
#define DRAIN_TABLE       8192 /* entries, a power of two and twice the devices */
#define DRAIN_TEXT_BYTES  200

_Static_assert(DRAIN_TABLE >= 2 * ENGINE_DEVICES_MAX, "room for those that went, too");

enum drain_phase { DRAIN_IDLE, DRAIN_STOPPING, DRAIN_FLUSHING, DRAIN_LINGERING };

struct drain_flush {
        struct front_request base; /* first: request.user points here */
        struct request rq;
        struct list node; /* drain.flushes_free */
};

struct drain_entry {
        aoe_addr addr;
        bool used;
        uint64_t written_next; /* one past the highest ticket of a completed write; 0: none */
};

struct drain {
        enum drain_phase phase;
        bool sync;             /* flush only */
        bool force;            /* fail what waits for devices that are not up */
        struct engine *engine; /* borrowed from the shard */
        struct front front;    /* the receiver of our own flushes */
        struct drain_flush flushes[DRAIN_FLUSHES_MAX];
        struct list flushes_free;
        unsigned out;
        bool overflow; /* a written device found no entry: its flush is not known to be done */
        unsigned idx;  /* next entry of the table to look at, in FLUSHING */
        nsec step_at;  /* next step by the clock */
        nsec fail_at;  /* next engine_fail_silent() */
        int error;     /* 0 or -errno: the first flush that failed */
        char text[DRAIN_TEXT_BYTES];
        struct drain_entry table[DRAIN_TABLE];
};

void drain_init(struct drain *d, struct engine *e);
/* Every request that was popped, before its front gets it. */
void drain_on_done(struct drain *d, const struct request *rq);
/* Begins, or turns what runs into more: a sync into a drain, an unforced one into a forced one. */
void drain_begin(struct drain *d, bool sync, bool force, nsec now);
/* fronts_open: requests that the fronts have open. true once, when it is over: error and text say
 * how, and sync what. */
bool drain_step(struct drain *d, unsigned fronts_open, nsec now);
nsec drain_deadline(const struct drain *d);
