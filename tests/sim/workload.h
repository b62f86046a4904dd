/* SPDX-License-Identifier: MIT */
/*
 * What a front end would ask: reads and writes of any alignment and length, on purpose over each
 * other in a small hot area, flushes, lookups, cancels. Each request must come back exactly once,
 * in time, and with a status that something in the world explains.
 *
 *   RUN (hostile) --all submitted and back--> HEAL (faults off) --devices up--> VERIFY (read all)
 *       --> REST (engine quiet) --> OVER
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/prng.h"
#include "engine/request.h"
#include "plan.h"

#define WORKLOAD_ITEMS 128

struct world;

enum workload_phase { WORKLOAD_RUN, WORKLOAD_HEAL, WORKLOAD_VERIFY, WORKLOAD_REST, WORKLOAD_OVER };

enum workload_state { ITEM_FREE, ITEM_QUEUED, ITEM_OPEN, ITEM_HELD };

struct workload_item {
        struct request rq;
        struct list node; /* workload.queue while QUEUED */
        uint8_t state;    /* enum workload_state */
        unsigned device;  /* of the plan; PLAN_DEVICES_MAX: an address that nobody has */
        uint64_t number;  /* for the trace */
        nsec submitted_at;
        uint64_t step;     /* oracle: start of a READ or FLUSH */
        uint32_t write_id; /* oracle: writes of all kinds */
        bool is_written;   /* write_id is valid */
        unsigned oracle;   /* the disk, as the oracle numbers it */
        uint8_t *data;     /* owned: WRITE */
        nsec cancelled_at; /* 0: not */
        bool must_be_over; /* cancelled on a device that was not up: ends in this turn */
        enum request_status *ret_status; /* borrowed from a scenario, which judges it: or NULL */
        uint64_t errors_before, reserved_before, forgets_before;
};

struct workload {
        struct workload_item items[WORKLOAD_ITEMS];
        struct list queue; /* struct workload_item: not taken by the engine yet */
        struct prng dice;
        uint8_t phase; /* enum workload_phase */
        nsec phase_since;
        unsigned made;                      /* requests so far */
        unsigned open, held;                /* in the engine; popped but not released */
        uint64_t forgets[PLAN_DEVICES_MAX]; /* engine_forget and the like */
        bool is_holding[PLAN_DEVICES_MAX];
        uint64_t verify_next[PLAN_DEVICES_MAX];   /* VERIFY: first sector not asked for */
        uint64_t counts[REQUEST_UNSUPPORTED + 1]; /* finished, by status */
        nsec slowest;                             /* from submit to pop */
};

void workload_init(struct world *w);
void workload_fini(struct workload *wl);
/* Begins to make requests. */
void workload_start(struct world *w);
/* In the turn: hand what is queued to the engine, cancel, forget. */
void workload_submit(struct world *w);
void workload_on_done(struct world *w, struct request *rq);
void workload_on_event(struct world *w, unsigned device, unsigned changes);
/* After the turn: nothing overdue? */
void workload_check(struct world *w);
bool workload_has_open(const struct workload *wl);
/* Takes the world from phase to phase; called between events. */
void workload_advance(struct world *w);

/* One request by hand; offset and bytes as in struct request. NULL: too many are open. */
struct workload_item *workload_make(struct world *w, unsigned device, enum request_op op,
                                    uint64_t offset, uint32_t bytes);
