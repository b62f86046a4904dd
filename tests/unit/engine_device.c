/* SPDX-License-Identifier: MIT */
/* Devices: their table, their states, and what silence does to them. */
#include "engine_world.h"

/* ---- the table ---- */

static const uint8_t table_slots[] = {5, 1, 9, 3, 7};

Test(device, all_are_found_by_address_and_listed_in_its_order)
{
        struct world *w = world_new();
        struct device_info d;
        aoe_addr last = AOE_ADDR_ALL;

        for (unsigned i = 0; i < 5; i++) {
                world_port(w, 0, (uint8_t)(10 + i), aoe_addr_make(8, table_slots[i]));
        }
        world_start(w, 1500);
        for (unsigned i = 0; i < 5; i++)
                cr_assert_eq(device_find(w->e, aoe_addr_make(8, table_slots[i]))->addr,
                             aoe_addr_make(8, table_slots[i]));
        for (unsigned slot = 0; slot <= 10; slot += 2)
                cr_assert_null(device_find(w->e, aoe_addr_make(8, (uint8_t)slot)));
        cr_assert(engine_device_next(w->e, last, &d));
        cr_assert_eq(d.addr, WORLD_ADDR);
        for (unsigned slot = 1; slot <= 9; slot += 2) {
                cr_assert(engine_device_next(w->e, d.addr, &d));
                cr_assert_eq(d.addr, aoe_addr_make(8, (uint8_t)slot));
        }
        cr_assert(!engine_device_next(w->e, d.addr, &d));
        world_end(w);
}

Test(device, those_that_stay_are_found_when_others_are_forgotten)
{
        static const unsigned gone[] = {1, 2, 4};
        struct world *w = world_new();

        for (unsigned i = 0; i < 5; i++)
                world_port(w, 0, (uint8_t)(10 + i), aoe_addr_make(8, table_slots[i]));
        world_start(w, 1500);
        for (unsigned i = 0; i < 3; i++)
                w->ports[1 + gone[i]].silent = true;
        world_pass(w, 30 * NSEC_SEC);
        world_changes(w);
        cr_assert_eq(w->e->device_count, 3);
        cr_assert_eq(w->e->devices.used, 3);
        for (unsigned i = 0; i < 5; i++) {
                struct device *d = device_find(w->e, aoe_addr_make(8, table_slots[i]));

                cr_assert_eq(d != NULL, i == 0 || i == 3, "e8.%u", table_slots[i]);
                cr_assert(!d || d->addr == aoe_addr_make(8, table_slots[i]));
        }
        world_end(w);
}

Test(device, the_engine_has_devices_max_of_them)
{
        struct world *w = world_new();

        w->options.devices_max = 2;
        world_port(w, 0, 2, aoe_addr_make(7, 0));
        world_port(w, 0, 3, aoe_addr_make(7, 2));
        world_start(w, 1500);
        cr_assert_eq(w->e->device_count, 2);
        cr_assert_eq(world_drops(w, DROP_LIMIT), 1);
        cr_assert_null(device_find(w->e, aoe_addr_make(7, 2)));
        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(w->e->device_count, 2, "those that are known are still known");
        cr_assert_eq(world_drops(w, DROP_LIMIT), 2);
        world_end(w);
}

/* ---- NEW ---- */

/* A device that was heard of and cannot say who it is. */
static struct world *bench_mute(void)
{
        struct world *w = world_new();

        world_init(w);
        world_link(w, 0, true, 1500);
        world_turn(w);
        world_answer(w, 0);
        w->ports[0].out_max = 1;
        w->ports[0].silent = true;
        return w;
}

Test(device, a_new_one_is_not_up_and_takes_no_requests)
{
        struct world *w = bench_mute();
        struct device_info d = world_device(w);
        struct request rq;

        cr_assert_eq(d.state, DEVICE_NEW);
        cr_assert_str_eq(d.reason, "not identified yet");
        cr_assert_eq(d.state_since, w->now);
        cr_assert_eq(d.buffers, 16);
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        world_expect(w, &rq, REQUEST_NO_DEVICE);
        w->ports[0].out_max = 0;
        world_end(w);
}

Test(device, a_new_one_that_never_tells_who_it_is_is_forgotten_after_3_s_without_a_word)
{
        struct world *w = bench_mute();
        struct device *d = world_device_at(w);
        struct device_info info;

        world_pass(w, DEVICE_NEW_AFTER + DEVICE_ASK_IDLE_EVERY);
        cr_assert(d->gone);
        cr_assert(!engine_device_info(w->e, WORLD_ADDR, &info));
        cr_assert_eq(world_changes(w), 0, "it was never shown");
        cr_assert_eq(w->e->devices.used, 0);
        w->ports[0].out_max = 0;
        world_end(w);
}

Test(device, a_new_one_is_kept_for_3_s_and_then_whoever_looks_it_up_is_told)
{
        struct world *w = bench_mute();
        struct device *d = world_device_at(w);
        struct request rq;
        nsec since = w->now;

        world_submit(w, &rq, REQUEST_LOOKUP, 0, 0);
        device_notice(w->e, d, EVENT_CONFIG);
        device_tick(w->e, d, since + DEVICE_NEW_AFTER - 1);
        cr_assert(!d->gone);
        cr_assert_null(engine_pop_done(w->e));
        device_tick(w->e, d, since + DEVICE_NEW_AFTER);
        cr_assert(d->gone);
        world_expect(w, &rq, REQUEST_NO_DEVICE);
        cr_assert_eq(world_changes(w), 0, "nobody hears of what was never shown");
        w->ports[0].out_max = 0;
        world_end(w);
}

Test(device, a_new_one_that_is_held_is_kept)
{
        struct world *w = bench_mute();

        engine_hold(w->e, WORLD_ADDR, 1);
        world_pass(w, 10 * NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_NEW);
        cr_assert_eq(world_count(w, WORLD_QUERY), 1 + DISCOVER_ROUNDS_FAST,
                     "nobody is asked by name who has just been heard of");
        engine_hold(w->e, WORLD_ADDR, -1);
        w->ports[0].out_max = 0;
        world_end(w);
}

Test(device, the_first_identity_makes_it_up_and_is_told)
{
        struct world *w = world_new();
        struct device_info d;

        world_start(w, 1500);
        d = world_device(w);
        cr_assert_eq(d.state, DEVICE_UP);
        cr_assert_str_eq(d.reason, "");
        cr_assert_str_eq(d.identity.serial, "one");
        cr_assert_eq(d.bytes, WORLD_SECTORS * AOE_SECTOR_BYTES);
        cr_assert_eq(d.flush_class, FLUSH_UNKNOWN);
        cr_assert_eq(world_changes(w), EVENT_APPEARED | EVENT_STATE | EVENT_SIZE | EVENT_PATHS);
        cr_assert_eq(world_device_at(w)->flush_form, FLUSH_FORM_EXT);
        cr_assert_eq(world_changes(w), 0, "once");
        world_end(w);
        w = world_new();
        w->ports[0].lba48 = false;
        world_start(w, 1500);
        cr_assert_eq(world_device_at(w)->flush_form, FLUSH_FORM_SHORT);
        world_end(w);
}

/* ---- UP and silence ---- */

/* A device that has been up for a while, with nothing to do. */
static struct world *bench_up(bool loss_waits)
{
        struct world *w = world_new();

        w->options.loss_waits = loss_waits;
        world_start(w, 1500);
        world_pass(w, 2 * NSEC_SEC);
        world_changes(w);
        w->log_count = 0;
        return w;
}

/* ... and silent from now on, with a read that is out. */
static nsec bench_silent(struct world *w, struct request *rq)
{
        nsec asked = w->now;

        world_silence(w, true);
        world_submit(w, rq, REQUEST_READ, 0, 512);
        cr_assert_eq(world_turn(w), 1);
        return asked;
}

Test(device, nobody_who_was_not_asked_is_called_silent)
{
        struct world *w = bench_up(false);
        struct device *d = world_device_at(w);

        cr_assert_eq(device_deadline(w->e, d), NSEC_NEVER);
        device_tick(w->e, d, w->now + 1000 * NSEC_SEC);
        cr_assert_eq(d->state, DEVICE_UP);
        world_end(w);
}

Test(device, it_is_stale_500_ms_after_a_frame_that_nobody_answered)
{
        struct world *w = bench_up(false);
        struct device *d = world_device_at(w);
        struct request rq;
        nsec asked = bench_silent(w, &rq);

        cr_assert_eq(device_deadline(w->e, d), asked + DEVICE_STALE_AFTER);
        device_tick(w->e, d, asked + DEVICE_STALE_AFTER - 1);
        cr_assert_eq(d->state, DEVICE_UP);
        world_pass(w, DEVICE_STALE_AFTER - 1);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        world_pass(w, 1);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        cr_assert_str_eq(world_device(w).reason, "no answer");
        cr_assert_eq(world_device(w).state_since, w->now);
        cr_assert_eq(world_changes(w), EVENT_STATE | EVENT_PATHS);
        cr_assert_eq(world_path(w, 0).state, PATH_NEW, "it must show its disk again");
        cr_assert_eq(world_device(w).requests_open, 1, "and is waited for");
        world_end(w);
}

Test(device, later_frames_do_not_put_off_what_the_first_one_has_begun)
{
        struct world *w = bench_up(false);
        struct request rq[2];

        bench_silent(w, &rq[0]);
        world_pass(w, 300 * NSEC_MS);
        world_submit(w, &rq[1], REQUEST_READ, 512, 512);
        world_pass(w, 200 * NSEC_MS - 1);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        world_pass(w, 1);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        world_end(w);
}

Test(device, an_answer_begins_the_500_ms_anew_while_something_is_out)
{
        struct world *w = bench_up(false);
        struct device *d = world_device_at(w);
        struct request rq;

        w->ports[0].silent = true;
        world_submit(w, &rq, REQUEST_READ, 0, 2048);
        cr_assert_eq(world_turn(w), 2);
        w->now += NSEC_MS;
        w->ports[0].silent = false;
        world_answer(w, 0);
        cr_assert_eq(d->heard_at, w->now);
        cr_assert_eq(d->silent_at, w->now + DEVICE_STALE_AFTER);
        world_answer(w, 1);
        cr_assert_eq(d->silent_at, NSEC_NEVER, "nothing is out");
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(device, a_stale_one_sends_no_command_but_questions)
{
        struct world *w = bench_up(false);
        struct request rq[2];

        bench_silent(w, &rq[0]);
        world_pass(w, DEVICE_STALE_AFTER);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        w->log_count = 0;
        world_submit(w, &rq[1], REQUEST_WRITE, 0, 512);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(world_count(w, ATA_IDENTIFY) + world_count(w, WORLD_QUERY), w->log_count);
        world_silence(w, false);
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        cr_assert_str_eq(world_device(w).reason, "");
        world_expect(w, &rq[0], REQUEST_OK);
        world_expect(w, &rq[1], REQUEST_OK);
        world_end(w);
}

/* How many queries by name were sent in the log, and how far apart they are. */
static void expect_queries(const struct world *w, unsigned count, nsec apart)
{
        nsec at = 0;
        unsigned n = 0;

        for (unsigned i = 0; i < w->log_count; i++) {
                if (w->log[i].command != WORLD_QUERY || w->log[i].addr != WORLD_ADDR)
                        continue;
                cr_assert(n == 0 || w->log[i].at - at == apart, "query %u: %lu us", n,
                          (w->log[i].at - at) / NSEC_US);
                at = w->log[i].at;
                n++;
        }
        cr_assert_eq(n, count, "%u queries", n);
}

Test(device, a_silent_one_is_asked_by_name_every_250_ms_while_wanted)
{
        struct world *w = bench_up(false);
        struct request rq;

        bench_silent(w, &rq);
        world_pass(w, DEVICE_STALE_AFTER);
        world_pass(w, 10 * DEVICE_ASK_EVERY - 1);
        expect_queries(w, 10, DEVICE_ASK_EVERY);
        world_end(w);
}

Test(device, a_silent_one_that_nobody_wants_is_asked_by_name_every_second)
{
        struct world *w = bench_up(false);

        world_silence(w, true);
        device_enter(w->e, world_device_at(w), DEVICE_STALE, "a test", w->now);
        world_pass(w, 4 * NSEC_SEC - 1);
        expect_queries(w, 4, DEVICE_ASK_IDLE_EVERY);
        world_end(w);
}

Test(device, a_held_one_is_wanted)
{
        struct world *w = bench_up(false);
        struct device *d = world_device_at(w);
        struct request rq;

        cr_assert(!device_is_wanted(d));
        engine_hold(w->e, WORLD_ADDR, 1);
        cr_assert(device_is_wanted(d));
        engine_hold(w->e, WORLD_ADDR, -1);
        cr_assert(!device_is_wanted(d));
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        cr_assert(device_is_wanted(d));
        world_run(w);
        cr_assert(!device_is_wanted(d));
        world_end(w);
}

Test(device, an_idle_one_is_stale_when_three_queries_by_name_were_not_answered)
{
        struct world *w = bench_up(false);
        nsec asked = w->now;

        world_silence(w, true);
        device_on_ask(w->e, world_device_at(w), w->now); /* a broadcast */
        world_pass(w, DEVICE_STALE_AFTER + 3 * DEVICE_ASK_EVERY - 1);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        expect_queries(w, DEVICE_ASKS_MAX, DEVICE_ASK_EVERY);
        cr_assert_eq(w->log[0].at, asked + DEVICE_STALE_AFTER);
        world_pass(w, 1);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        world_end(w);
}

Test(device, an_idle_one_that_answers_the_third_query_stays_up)
{
        struct world *w = bench_up(false);
        struct device *d = world_device_at(w);

        world_silence(w, true);
        device_on_ask(w->e, d, w->now);
        world_pass(w, DEVICE_STALE_AFTER + 2 * DEVICE_ASK_EVERY - 1);
        cr_assert_eq(d->asks, 2);
        world_silence(w, false);
        world_pass(w, 1);
        cr_assert_eq(d->asks, 0);
        cr_assert_eq(d->silent_at, NSEC_NEVER);
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        world_end(w);
}

Test(device, one_whose_flush_takes_long_is_asked_whether_it_lives)
{
        struct world *w = bench_up(false);
        struct request rq;

        w->ports[0].out_max = 1;
        world_submit(w, &rq, REQUEST_FLUSH, 0, 0);
        world_turn(w);
        world_pass(w, DEVICE_STALE_AFTER - 1);
        expect_queries(w, 0, 0);
        world_pass(w, 1);
        expect_queries(w, 1, 0);
        cr_assert_eq(world_device_at(w)->silent_at, w->now + DEVICE_ASK_EVERY);
        world_pass(w, DEVICE_ASK_EVERY - 1);
        expect_queries(w, 1, 0);
        world_pass(w, 2 * DEVICE_ASK_EVERY);
        cr_assert_eq(world_device(w).state, DEVICE_UP, "three times");
        world_pass(w, DEVICE_ASK_EVERY);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        w->ports[0].out_max = 0;
        world_end(w);
}

Test(device, one_without_a_running_link_is_stale_at_once)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR);
        world_start(w, 1500);
        world_link(w, 0, false, 1500);
        cr_assert_eq(world_device(w).state, DEVICE_UP, "there is another one");
        world_link(w, 1, false, 1500);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        cr_assert_str_eq(world_device(w).reason, "the link is down");
        world_link(w, 1, true, 1500);
        world_run(w);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        world_end(w);
}

Test(device, a_duplicate_on_a_running_link_is_no_path_to_hope_for)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR)->serial = "two";
        world_start(w, 1500);
        cr_assert_eq(world_path(w, 1).state, PATH_DUPLICATE);
        world_link(w, 0, false, 1500);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        world_link(w, 0, true, 1500);
        world_end(w);
}
