/* SPDX-License-Identifier: MIT */
/* The clock: what is first, an event or a turn of the host. Ends of stories are in world_fail. */
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

#define WORLD_SECONDS_MAX 120      /* of real time */
#define WORLD_STEPS_MAX   20000000 /* of one seed: more is a loop that the clock does not see */

static struct world *world_current; /* for the report of a crash */

aoe_addr world_addr_of(const struct packet *p)
{
        return aoe_addr_make(be16_load(p->data + 16), p->data[18]);
}

static void world_report(const struct world *w)
{
        fprintf(stderr, "--- the last of %" PRIu64 " trace lines\n", w->trace.count);
        trace_print(&w->trace, stderr);
}

static void world_replay_hint(const struct world *w)
{
        if (w->story)
                fprintf(stderr, "replay: scenario --trace '%s'\n", w->story);
        else
                fprintf(stderr, "replay: sim --seed %" PRIu64 "%s --trace\n", w->plan.seed,
                        w->plan.is_wild ? " --wild" : "");
}

void world_fail(struct world *w, const char *format, ...)
{
        va_list args;

        fflush(stdout);
        world_report(w);
        if (w->story)
                fprintf(stderr, "FAILED '%s'", w->story);
        else
                fprintf(stderr, "FAILED seed %" PRIu64, w->plan.seed);
        fprintf(stderr, " at %.6f ms, first bad event: ", (double)w->now / 1e6);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        world_replay_hint(w);
        _exit(1);
}

static void world_on_crash(int number)
{
        struct world *w = world_current;

        signal(number, SIG_DFL);
        if (w && check_failed.expr)
                world_fail(w, "CHECK(%s) failed at %s:%d", check_failed.expr, check_failed.file,
                           check_failed.line);
        if (w && number == SIGALRM)
                world_fail(w, "a turn of the engine does not end");
        if (w)
                world_fail(w, "signal %d", number);
        raise(number);
}

void world_catch_crashes(void)
{
        static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGALRM};

        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
                signal(signals[i], world_on_crash);
}

void world_init(struct world *w, const struct plan *plan, bool is_loud)
{
        *w = (struct world){
                .plan = *plan, .now = NSEC_SEC, .junk_dice = {.state = plan->seed ^ 0x66}};
        world_current = w;
        alarm(WORLD_SECONDS_MAX);
        trace_init(&w->trace, is_loud);
        queue_init(&w->queue);
        packets_init(&w->packets);
        oracle_init(&w->oracle);
        wire_sim_init(&w->wire, &w->plan);
        targets_init(w);
        workload_init(w);
        host_init(w);
}

void world_fini(struct world *w)
{
        if (!engine_is_quiet(w->host.engine))
                world_fail(w, "the engine is not quiet at the end");
        if (!arena_is_full(&w->host.arena))
                world_fail(w, "request memory is missing at the end");
        if (w->host.frames.pool.used > 0)
                world_fail(w, "%zu frames are missing at the end", w->host.frames.pool.used);
        for (unsigned i = 0; i < w->plan.device_count * TARGET_DISKS && !w->plan.is_wild; i++) {
                if (!oracle_see_whole_disk(&w->oracle, i))
                        world_fail(w, "in the end: %s", w->oracle.fault);
        }
        engine_check(w->host.engine);
        host_fini(w);
        world_current = NULL;
        alarm(0);
        workload_fini(&w->work);
        oracle_fini(&w->oracle); /* it looks at the disks */
        targets_fini(&w->targets);
        packets_fini(&w->packets);
        queue_fini(&w->queue);
}

bool world_step(struct world *w)
{
        nsec event = queue_next(&w->queue);
        struct queue_event e;

        if (event == NSEC_NEVER && w->host.turn_at == NSEC_NEVER)
                return false;
        if (event <= w->host.turn_at) {
                e = queue_pop(&w->queue);
                w->now = nsec_max(w->now, e.at);
                e.handler(w, e.arg, e.number);
        } else {
                w->now = nsec_max(w->now, w->host.turn_at);
                host_turn(w);
        }
        return true;
}

void world_run(struct world *w)
{
        uint64_t steps = 0;

        while (w->work.phase != WORKLOAD_OVER) {
                if (!world_step(w))
                        world_fail(w, "nothing will ever happen any more");
                workload_advance(w);
                if (++steps > WORLD_STEPS_MAX)
                        world_fail(w, "%" PRIu64 " steps", steps);
        }
}

void world_run_for(struct world *w, nsec span)
{
        nsec end = w->now + span;

        while (nsec_min(queue_next(&w->queue), w->host.turn_at) <= end) {
                if (!world_step(w))
                        break;
        }
        w->now = end;
}

void world_heal(struct world *w)
{
        w->is_healed = true;
        chaos_heal(w);
}
