/* SPDX-License-Identifier: MIT */
/* The engine's tables. Only engine/ includes this. */
#pragma once

#include "base/heap.h"
#include "base/prng.h"
#include "engine/command.h"
#include "engine/device.h"
#include "engine/discover.h"
#include "engine/engine.h"
#include "engine/line.h"
#include "engine/linger.h"
#include "engine/loss.h"
#include "engine/order.h"
#include "engine/path.h"
#include "engine/payload.h"
#include "engine/refusal.h"
#include "engine/station.h"
#include "engine/window.h"

/* Deadlines are kept no finer: one that is due again at once would make the owner spin. */
#define ENGINE_GRAIN (100 * NSEC_US)

struct engine {
        struct engine_options options;
        struct prng dice;
        struct heap timers;
        struct slot *slots;
        struct list slots_free; /* oldest first */
        unsigned slots_used;
        struct pool devices;
        struct device **sorted; /* by address */
        unsigned device_count;
        struct pool paths;
        struct pool station_pool;
        struct list stations[STATION_BUCKETS]; /* struct station */
        struct pool copies;
        struct list called;      /* struct device that was called from a line: goes first */
        struct list run;         /* struct device with something to send */
        struct line line_slots;  /* devices that wait for a slot, */
        struct line line_copies; /* for a place for a write's copy, */
        struct line line_memory; /* for memory that reads gather in */
        unsigned in_flight;      /* frames of all paths, but for FLUSH */
        struct list events;      /* struct device with changes to tell */
        struct list done;        /* struct request */
        unsigned done_count;     /* requests in done, and popped but not released */
        unsigned open_count;
        unsigned frames_reserved; /* by reads that gather frames */
        nsec linger_max;          /* options.linger_max, doubled by late arrivals */
        struct link_state links[ENGINE_LINKS_MAX];
        struct discover discover;
        struct engine_counters counters;
};

static inline uint32_t engine_tag(const struct engine *e, uint16_t slot, uint16_t seq)
{
        return ENGINE_TAG_COOKIE(e->options.cookie) |
               (uint32_t)(seq & SLOT_SEQ_MASK) << SLOT_IDX_BITS | slot;
}
