/* SPDX-License-Identifier: MIT */
/*
 * One simulated world: a virtual clock, an engine on its host, a network, targets with disks, a
 * workload, an oracle. Everything that happens follows from the plan's seed; nothing looks at the
 * real clock, at addresses of memory or at any other process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "chaos.h"
#include "fault.h"
#include "host.h"
#include "oracle.h"
#include "packet.h"
#include "plan.h"
#include "queue.h"
#include "target.h"
#include "trace.h"
#include "wire_sim.h"
#include "workload.h"

struct world {
        struct plan plan;
        nsec now;
        struct queue queue;
        struct trace trace;
        uint64_t faults[FAULT_COUNT]; /* how often each really struck */
        bool is_healed;               /* no fault strikes any more */
        struct packets packets;
        struct prng junk_dice;
        struct wire_sim wire;
        struct targets targets;
        struct oracle oracle;
        struct host host;
        struct workload work;
        struct chaos chaos;
        const char *story; /* of a scenario, NULL: a seed */
};

/* plan is copied. is_loud: print the trace as it happens. */
void world_init(struct world *w, const struct plan *plan, bool is_loud);
/* Everything that the engine took must be back. */
void world_fini(struct world *w);
/* The next event or turn. false: nothing will ever happen any more. */
bool world_step(struct world *w);
/* Until the workload is over. */
void world_run(struct world *w);
/* For span of virtual time. */
void world_run_for(struct world *w, nsec span);
/* Faults end. */
void world_heal(struct world *w);

static inline void world_count(struct world *w, enum fault f)
{
        w->faults[f]++;
}

/* shelf.slot of a frame. */
aoe_addr world_addr_of(const struct packet *p);

/* The world is not as it should be: says so, with the seed and what led to it, and ends the
 * process. */
_Noreturn void world_fail(struct world *w, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* Reports a CHECK or a crash of this world; async-signal use only because nothing goes on. */
void world_catch_crashes(void);
