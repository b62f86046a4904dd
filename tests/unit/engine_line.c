/* SPDX-License-Identifier: MIT */
/* Lines: who waits is called in turn, and passes on what it does not need. */
#include <signal.h>

#include "engine_world.h"

#define DEVICES 3

/* Three devices that are up and have nothing to do. */
static struct world *bench_new(struct device *d[DEVICES])
{
        struct world *w = world_new();

        for (uint8_t i = 1; i < DEVICES; i++)
                world_port(w, 0, (uint8_t)(1 + i), aoe_addr_make(7, (uint8_t)(1 + i)));
        world_start(w, 1500);
        for (unsigned i = 0; i < DEVICES; i++)
                d[i] = device_find(w->e, w->ports[i].addr);
        return w;
}

Test(line, the_first_who_came_is_the_first_who_is_called)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);
        struct line *l = &w->e->line_slots;

        for (unsigned i = 0; i < DEVICES; i++) {
                line_join(l, d[i]);
                cr_assert_eq(d[i]->line, l);
        }
        line_call(w->e, l, 2);
        for (unsigned i = 0; i < 2; i++) {
                cr_assert_null(d[i]->line);
                cr_assert_eq(d[i]->called, l);
        }
        cr_assert_eq(list_first(&w->e->called), &d[0]->run);
        cr_assert_eq(w->e->called.prev, &d[1]->run);
        cr_assert_eq(d[2]->line, l);
        cr_assert_null(d[2]->called);
        line_call(w->e, l, 5);
        cr_assert_null(d[2]->line, "more than there are");
        world_end(w);
}

Test(line, to_call_nobody_is_nothing)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        line_join(&w->e->line_slots, d[0]);
        line_call(w->e, &w->e->line_slots, 0);
        cr_assert_eq(d[0]->line, &w->e->line_slots);
        line_call(w->e, &w->e->line_copies, 1);
        cr_assert_eq(d[0]->line, &w->e->line_slots, "another line");
        world_end(w);
}

Test(line, who_leaves_is_in_none)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        line_join(&w->e->line_slots, d[0]);
        line_join(&w->e->line_slots, d[1]);
        line_leave(d[0]);
        cr_assert_null(d[0]->line);
        cr_assert(!list_is_linked(&d[0]->run));
        line_leave(d[0]);
        cr_assert(!list_is_linked(&d[0]->run), "twice is no harm");
        line_call(w->e, &w->e->line_slots, 1);
        cr_assert_eq(list_first(&w->e->called), &d[1]->run);
        world_end(w);
}

Test(line, to_join_two_at_a_time_is_a_bug, .signal = SIGILL)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        line_join(&w->e->line_slots, d[0]);
        line_join(&w->e->line_copies, d[0]);
}

Test(line, who_is_run_for_another_reason_stands_in_none)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        line_join(&w->e->line_slots, d[0]);
        device_run(w->e, d[0]);
        cr_assert_null(d[0]->line);
        cr_assert_null(d[0]->called);
        cr_assert_eq(list_first(&w->e->run), &d[0]->run);
        device_run(w->e, d[0]);
        cr_assert_eq(w->e->run.prev, &d[0]->run, "once");
        world_end(w);
}

Test(line, who_was_called_and_needs_nothing_calls_the_next)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        for (unsigned i = 0; i < DEVICES; i++)
                line_join(&w->e->line_slots, d[i]);
        line_call(w->e, &w->e->line_slots, 1);
        cr_assert_eq(world_turn(w), 0);
        for (unsigned i = 0; i < DEVICES; i++) {
                cr_assert_null(d[i]->line, "device %u", i);
                cr_assert_null(d[i]->called);
        }
        world_end(w);
}

Test(line, who_was_called_and_finds_none_joins_the_end_and_calls_nobody)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);
        struct request rq;
        unsigned slots = w->e->slots_used;

        line_join(&w->e->line_slots, d[0]);
        line_join(&w->e->line_slots, d[1]);
        line_call(w->e, &w->e->line_slots, 1);
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        w->e->slots_used = w->e->options.slots; /* none is free */
        cr_assert_eq(engine_emit(w->e, &(struct tx){0}, 1, w->now), 0);
        cr_assert_eq(list_first(&w->e->line_slots.waiting), &d[1]->run);
        cr_assert_eq(w->e->line_slots.waiting.prev, &d[0]->run);
        w->e->slots_used = slots;
        line_call(w->e, &w->e->line_slots, 2);
        world_end(w);
}

Test(line, who_is_freed_while_it_waits_is_called_no_more)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        w->ports[2].silent = true;
        world_pass(w, 30 * NSEC_SEC);
        cr_assert(d[2]->gone);
        line_join(&w->e->line_slots, d[2]);
        world_changes(w);
        cr_assert(list_is_empty(&w->e->line_slots.waiting));
        w->port_count = 2;
        world_end(w);
}

Test(line, who_is_freed_after_it_was_called_passes_it_on)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        w->ports[2].silent = true;
        world_pass(w, 30 * NSEC_SEC);
        cr_assert(d[2]->gone);
        line_join(&w->e->line_slots, d[2]);
        line_join(&w->e->line_slots, d[0]);
        line_call(w->e, &w->e->line_slots, 1);
        world_changes(w);
        cr_assert_eq(list_first(&w->e->called), &d[0]->run);
        cr_assert_eq(d[0]->called, &w->e->line_slots);
        w->port_count = 2;
        world_end(w);
}

Test(line, who_waits_for_a_station_may_be_its_last_device)
{
        struct device *d[DEVICES];
        struct world *w = bench_new(d);

        w->ports[2].silent = true;
        world_pass(w, 30 * NSEC_SEC);
        line_join(&world_path_at(w, 2)->station->line, d[2]);
        world_changes(w);
        cr_assert_eq(w->e->station_pool.used, DEVICES - 1);
        w->port_count = 2;
        world_end(w);
}
