/* SPDX-License-Identifier: MIT */
/*
 * Who is there: Query Config as a broadcast on a schedule, directed queries for names that somebody
 * wants, and what answers and beacons say.
 */
#pragma once

#include "engine/engine.h"
#include "engine/line.h"
#include "engine/timer.h"

struct engine;
struct device;

#define DISCOVER_ROUNDS_FAST      4              /* broadcasts after a link came up ... */
#define DISCOVER_FAST_EVERY       (80 * NSEC_MS) /* ... doubled each time */
#define DISCOVER_EVERY            (10 * NSEC_SEC)
#define DISCOVER_SETTLE_MIN       (200 * NSEC_MS) /* the first round takes at least this */
#define DISCOVER_SETTLE_MAX       (450 * NSEC_MS)
#define DISCOVER_QUERIES_MAX      256 /* queries waiting to be sent */
#define DISCOVER_WANT_EVERY       (100 * NSEC_MS)
#define DISCOVER_WANT_TRIES_HEARD 12
#define DISCOVER_WANT_TRIES       4
#define DISCOVER_ASKS_LOST_MAX    3 /* IDENTIFYs without an answer, while queries have one */
#define DISCOVER_DENIED                                                                            \
        "answers queries but no commands: is this host in its mask list or access list?"

struct link_state {
        struct link_info info;
        bool known;               /* engine_link was called for it */
        uint32_t in_flight_bytes; /* of the receive buffer, by answers that we wait for */
        struct line line;         /* devices that wait for room there */
        nsec query_at;            /* next broadcast; NSEC_NEVER while down */
        unsigned rounds;          /* broadcasts since it came up */
};

struct want {
        aoe_addr addr;
        unsigned tries; /* 0: free */
        nsec next_at;
        struct list lookups; /* struct request */
};

struct query {
        aoe_addr addr;
        unsigned link;
        uint8_t header[AOE_FRAME_BYTES_MIN];
};

struct discover {
        struct timer timer;
        nsec started_at; /* the first link came up; NSEC_NEVER */
        uint16_t seq;
        struct want wants[ENGINE_WANTS_MAX];
        struct query queries[DISCOVER_QUERIES_MAX]; /* ring */
        unsigned query_head, query_count;
};

void discover_init(struct engine *e);
void discover_on_link(struct engine *e, unsigned link, nsec now);
/* Queue a directed query on all running links. */
void discover_ask(struct engine *e, aoe_addr addr);
/* A LOOKUP of a device that is not known. false: too many at once. */
bool discover_want(struct engine *e, struct request *rq, nsec now);
/* The device is identified, or given up: its lookups end. */
void discover_settle_wants(struct engine *e, aoe_addr addr, enum request_status status);
/* Takes a lookup out of its want (cancel). */
void discover_unwant(struct engine *e, struct request *rq);
enum drop discover_on_config(struct engine *e, unsigned link, const struct aoe_header *h,
                             const struct aoe_config *c, nsec now);
void discover_tick(struct engine *e, nsec now);
nsec discover_deadline(const struct engine *e);
size_t discover_emit(struct engine *e, struct tx *tx, size_t tx_max);
void discover_now(struct engine *e, nsec now);
