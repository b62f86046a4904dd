/* SPDX-License-Identifier: MIT */
/* Devices that went and came back: is it the same disk, who gives up when, what is forgotten. */
#include "engine_world.h"

/* One or two paths to one disk, over links 0 and 1, up for a while. */
static struct world *bench_new(unsigned paths, bool loss_waits)
{
        struct world *w = world_new();

        w->options.loss_waits = loss_waits;
        if (paths > 1)
                world_port(w, 1, 2, WORLD_ADDR);
        world_start(w, 1500);
        world_pass(w, 2 * NSEC_SEC);
        world_changes(w);
        w->log_count = 0;
        return w;
}

/* It is silent from now on, and called so; a read waits for it. */
static struct world *bench_stale(struct request *rq, bool loss_waits)
{
        struct world *w = bench_new(1, loss_waits);

        world_silence(w, true);
        world_submit(w, rq, REQUEST_READ, 0, 512);
        world_pass(w, DEVICE_STALE_AFTER);
        cr_assert_eq(world_device(w).state, DEVICE_STALE);
        world_changes(w);
        w->log_count = 0;
        return w;
}

/* ---- DOWN ---- */

Test(device, it_is_down_when_the_timeout_has_passed_since_it_was_heard)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);
        struct device *d = world_device_at(w);
        nsec due = d->heard_at + w->options.timeout;

        device_tick(w->e, d, due - 1);
        cr_assert_eq(d->state, DEVICE_STALE);
        device_tick(w->e, d, due);
        cr_assert_eq(d->state, DEVICE_DOWN);
        cr_assert_str_eq(d->reason, "no answer within the timeout");
        cr_assert_eq(d->state_since, due);
        world_end(w);
}

Test(device, its_end_of_patience_is_a_deadline)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);
        struct device *d = world_device_at(w);

        d->query_at = NSEC_NEVER;
        cr_assert_eq(device_deadline(w->e, d), d->state_since + DEVICE_PARK_AFTER);
        d->parked = true;
        cr_assert_eq(device_deadline(w->e, d), d->heard_at + w->options.timeout);
        d->state = DEVICE_DOWN;
        cr_assert_eq(device_deadline(w->e, d), NSEC_NEVER);
        d->parked = false;
        cr_assert_eq(device_deadline(w->e, d), d->state_since + DEVICE_PARK_AFTER);
        d->state = DEVICE_NEW;
        cr_assert_eq(device_deadline(w->e, d), NSEC_NEVER);
        d->query_at = w->now + 5;
        cr_assert_eq(device_deadline(w->e, d), w->now + 5);
        d->state = DEVICE_STALE;
        device_arm(w->e, d);
        world_end(w);
}

Test(device, another_reason_for_the_state_it_has_is_told_once)
{
        static const char reasons[2][8] = {"a test", "a guess"};
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);

        device_enter(w->e, d, DEVICE_STALE, reasons[0], w->now);
        cr_assert_eq(world_changes(w), EVENT_STATE | EVENT_PATHS);
        for (unsigned i = 0; i < 2; i++) {
                device_enter(w->e, d, DEVICE_STALE, reasons[1], w->now + 1);
                cr_assert_eq(world_changes(w), i == 0 ? EVENT_STATE : 0);
                cr_assert_str_eq(world_device(w).reason, "a guess");
                cr_assert_eq(world_device(w).state_since, w->now);
        }
        world_end(w);
}

Test(device, down_ends_its_requests_where_loss_fails)
{
        struct request rq, later;
        struct world *w = bench_stale(&rq, false);

        world_pass(w, w->options.timeout);
        cr_assert_eq(world_device(w).state, DEVICE_DOWN);
        cr_assert(world_changes(w) & EVENT_STATE);
        world_expect(w, &rq, REQUEST_TIMEOUT);
        world_submit(w, &later, REQUEST_READ, 0, 512);
        world_expect(w, &later, REQUEST_TIMEOUT);
        world_end(w);
}

Test(device, down_ends_only_what_was_interrupted_where_loss_waits)
{
        struct request rq, cancelled, later;
        struct world *w = bench_stale(&rq, true);
        struct device *d = world_device_at(w);

        world_submit(w, &cancelled, REQUEST_READ, 512, 512);
        cancelled.interrupted = true;
        device_enter(w->e, d, DEVICE_DOWN, "a test", w->now);
        world_expect(w, &cancelled, REQUEST_TIMEOUT);
        cr_assert_null(engine_pop_done(w->e));
        world_submit(w, &later, REQUEST_READ, 0, 512);
        cr_assert_null(engine_pop_done(w->e), "it waits, too");
        world_silence(w, false);
        world_pass(w, NSEC_SEC);
        world_expect(w, &rq, REQUEST_OK);
        world_expect(w, &later, REQUEST_OK);
        world_end(w);
}

Test(device, silence_ends_what_was_interrupted_and_nothing_else)
{
        struct world *w = bench_new(1, true);
        struct request rq, cancelled;

        world_silence(w, true);
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        world_submit(w, &cancelled, REQUEST_READ, 512, 512);
        world_turn(w);
        engine_cancel(w->e, &cancelled, w->now);
        cr_assert_null(engine_pop_done(w->e), "it is up: the answer may come");
        world_pass(w, DEVICE_STALE_AFTER);
        world_expect(w, &cancelled, REQUEST_CANCELLED);
        cr_assert_null(engine_pop_done(w->e));
        world_end(w);
}

Test(device, a_request_ends_at_its_deadline_and_not_before)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);
        struct request rq[2];
        nsec due;

        world_silence(w, true);
        world_submit(w, &rq[0], REQUEST_READ, 0, 512);
        w->now++;
        world_submit(w, &rq[1], REQUEST_READ, 0, 512);
        due = rq[0].deadline;
        cr_assert_eq(due, w->now - 1 + w->options.timeout);
        cr_assert_eq(device_deadline(w->e, d), due);
        device_tick(w->e, d, due - 1);
        cr_assert_null(engine_pop_done(w->e));
        device_tick(w->e, d, due);
        world_expect(w, &rq[0], REQUEST_TIMEOUT);
        cr_assert_null(engine_pop_done(w->e), "the second one has a nanosecond left");
        device_tick(w->e, d, due + 1);
        world_expect(w, &rq[1], REQUEST_TIMEOUT);
        cr_assert_eq(world_device(w).errors, 2);
        world_end(w);
}

/* ---- is it the same disk? ---- */

/* Both sides of a change: the ports that answer afterwards are like this one. */
static void bench_return(struct world *w, const char *serial, uint32_t sectors, bool lba48)
{
        for (unsigned i = 0; i < w->port_count; i++) {
                w->ports[i].serial = serial;
                w->ports[i].sectors_disk = sectors;
                w->ports[i].lba48 = lba48;
        }
        world_silence(w, false);
        world_pass(w, NSEC_SEC);
}

Test(device, the_same_disk_is_up_again)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "one", WORLD_SECTORS, true);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        cr_assert_eq(world_changes(w), EVENT_STATE | EVENT_PATHS);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(device, a_disk_that_has_grown_in_silence_is_the_same)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "one", WORLD_SECTORS + 1, true);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        cr_assert_eq(world_device(w).bytes, (WORLD_SECTORS + 1) * AOE_SECTOR_BYTES);
        cr_assert_eq(world_changes(w), EVENT_STATE | EVENT_PATHS | EVENT_SIZE);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

static void expect_swapped(struct world *w, struct request *rq, const char *reason)
{
        struct request later;

        cr_assert_eq(world_device(w).state, DEVICE_SWAPPED);
        cr_assert_str_eq(world_device(w).reason, reason);
        cr_assert_neq(world_path(w, 0).state, PATH_UP);
        cr_assert(world_changes(w) & EVENT_STATE);
        cr_assert_eq(world_count(w, ATA_READ_EXT), 0, "nothing was read from it");
        world_expect(w, rq, REQUEST_SWAPPED);
        world_submit(w, &later, REQUEST_READ, 0, 512);
        world_expect(w, &later, REQUEST_SWAPPED);
}

Test(device, a_disk_that_has_become_smaller_in_silence_is_another)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "one", WORLD_SECTORS - 1, true);
        expect_swapped(w, &rq, "the disk has become smaller");
        world_end(w);
}

Test(device, a_disk_with_another_serial_is_another)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "two", WORLD_SECTORS, true);
        expect_swapped(w, &rq, "another disk answers at this address");
        world_end(w);
}

Test(device, a_disk_with_another_form_of_address_is_another)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "one", WORLD_SECTORS, false);
        expect_swapped(w, &rq, "another disk answers at this address");
        world_end(w);
}

Test(device, a_swapped_one_is_asked_each_second_and_never_forgotten)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "two", WORLD_SECTORS, true);
        world_release(w);
        w->log_count = 0;
        world_pass(w, 5 * NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_SWAPPED);
        cr_assert_eq(world_count(w, ATA_IDENTIFY), 5);
        cr_assert(!(world_changes(w) & EVENT_GONE));
        world_silence(w, true);
        world_pass(w, 20 * NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_SWAPPED);
        bench_return(w, "one", WORLD_SECTORS, true);
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_UP, "the right one was put back");
        world_end(w);
}

Test(device, a_swapped_one_is_taken_for_the_right_one_by_order_only)
{
        struct request rq;
        struct world *w = bench_stale(&rq, true);

        bench_return(w, "two", WORLD_SECTORS, true);
        world_release(w);
        world_device_at(w)->flush_class = FLUSH_NONE;
        world_device_at(w)->refused = true;
        world_changes(w);
        engine_revalidate(w->e, WORLD_ADDR, w->now);
        world_run(w);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        cr_assert_str_eq(world_device(w).identity.serial, "two");
        cr_assert_eq(world_device(w).flush_class, FLUSH_UNKNOWN, "it may know FLUSH");
        cr_assert(!world_device_at(w)->refused, "and take writes");
        cr_assert_eq(world_changes(w), EVENT_APPEARED | EVENT_SIZE | EVENT_STATE | EVENT_PATHS);
        world_end(w);
}

/* ---- ... while it is up ---- */

Test(device, a_disk_that_is_watched_may_grow_and_shrink)
{
        struct world *w = bench_new(1, false);

        for (int i = 1; i >= -1; i -= 2) {
                w->ports[0].sectors_disk = (uint32_t)(WORLD_SECTORS + i);
                path_ask(w->e, world_path_at(w, 0), w->now);
                world_run(w);
                cr_assert_eq(world_device(w).state, DEVICE_UP);
                cr_assert_eq(world_device(w).bytes,
                             (uint64_t)(WORLD_SECTORS + i) * AOE_SECTOR_BYTES);
                cr_assert_eq(world_changes(w), EVENT_SIZE);
        }
        path_ask(w->e, world_path_at(w, 0), w->now);
        world_run(w);
        cr_assert_eq(world_changes(w), 0, "the size it has is no news");
        world_end(w);
}

Test(device, a_lone_path_that_shows_another_disk_swaps_the_device)
{
        struct world *w = bench_new(1, false);

        w->ports[0].serial = "two";
        path_ask(w->e, world_path_at(w, 0), w->now);
        world_run(w);
        cr_assert_eq(world_device(w).state, DEVICE_SWAPPED);
        cr_assert_eq(world_path_at(w, 0)->ask_at, w->now + PATH_ASK_IDLE_EVERY);
        cr_assert(!world_device(w).duplicate);
        w->ports[0].serial = "one";
        world_end(w);
}

Test(device, one_of_two_paths_that_shows_another_disk_ends_what_is_open)
{
        struct world *w = bench_new(2, false);
        struct request rq;

        w->ports[1].serial = "two";
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        path_ask(w->e, world_path_at(w, 1), w->now);
        cr_assert_eq(world_turn(w), 2);
        world_answer(w, 0);
        cr_assert_eq(world_device(w).state, DEVICE_SWAPPED, "nobody knows which one is right");
        cr_assert_neq(world_path(w, 0).state, PATH_UP);
        world_expect(w, &rq, REQUEST_SWAPPED);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(world_device(w).state, DEVICE_UP, "by now it is known");
        cr_assert_eq(world_path(w, 0).state, PATH_UP);
        cr_assert_eq(world_path(w, 1).state, PATH_DUPLICATE);
        world_end(w);
}

/* The second path, once one of ours, is not up when it shows another disk; the first one is. */
static struct world *bench_stranger(void)
{
        struct world *w = bench_new(2, false);

        path_enter(w->e, world_path_at(w, 1), PATH_DEAD, w->now);
        w->ports[1].serial = "two";
        world_changes(w);
        return w;
}

Test(device, a_path_that_comes_back_with_another_disk_makes_all_others_prove_themselves)
{
        struct world *w = bench_stranger();
        struct path *p = world_path_at(w, 1);

        w->ports[0].silent = true;
        path_ask(w->e, p, w->now);
        world_turn(w);
        world_answer(w, 0);
        cr_assert_eq(world_path(w, 0).state, PATH_NEW);
        cr_assert_neq(p->state, PATH_UP);
        cr_assert_neq(p->state, PATH_DUPLICATE, "nobody knows yet who the stranger is");
        cr_assert(!p->verified);
        cr_assert_eq(p->ask_at, w->now + PATH_ASK_EVERY);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        w->ports[1].serial = "one";
        world_end(w);
}

Test(device, the_stranger_is_a_duplicate_when_the_others_have_proved_themselves)
{
        struct world *w = bench_stranger();

        path_ask(w->e, world_path_at(w, 1), w->now);
        world_pass(w, 300 * NSEC_MS);
        cr_assert_eq(world_path(w, 0).state, PATH_UP);
        cr_assert_eq(world_path(w, 1).state, PATH_DUPLICATE);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        cr_assert(world_device(w).duplicate);
        cr_assert_arr_eq(world_device(w).duplicate_mac, w->ports[1].mac, 6);
        cr_assert(world_changes(w) & EVENT_DUPLICATE);
        world_end(w);
}

Test(device, a_path_to_a_disk_of_another_size_is_a_duplicate_beside_one_that_is_up)
{
        struct world *w = bench_new(1, false);

        world_port(w, 1, 2, WORLD_ADDR)->sectors_disk = WORLD_SECTORS + 1;
        world_link(w, 1, true, 1500);
        world_run(w);
        cr_assert_eq(world_path(w, 1).state, PATH_DUPLICATE);
        cr_assert_eq(world_device(w).bytes, WORLD_SECTORS * AOE_SECTOR_BYTES);
        world_end(w);
}

/* ---- parking ---- */

Test(device, its_requests_give_their_slots_away_when_it_was_not_up_for_3_s)
{
        struct request rq[3];
        struct world *w = bench_stale(&rq[0], true);
        struct device *d = world_device_at(w);
        nsec since = d->state_since;

        cr_assert_eq(w->e->slots_used, 1 + 1, "the read's, and one for IDENTIFY");
        device_tick(w->e, d, since + DEVICE_PARK_AFTER - 1);
        cr_assert(!list_is_empty(&rq[0].slots));
        device_tick(w->e, d, since + DEVICE_PARK_AFTER);
        cr_assert(list_is_empty(&rq[0].slots));
        cr_assert_eq(w->e->slots_used, 1);
        cr_assert(arena_is_full(&w->arena), "and their memory");
        cr_assert(d->parked);
        bench_return(w, "one", WORLD_SECTORS, true);
        cr_assert(!d->parked, "next time it is done again");
        world_expect(w, &rq[0], REQUEST_OK);
        world_end(w);
}

/* ---- forgetting ---- */

Test(device, a_silent_one_is_forgotten_5_s_after_its_last_word_and_its_last_state)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);
        struct device_info info;
        nsec since;

        world_silence(w, true);
        w->now += NSEC_SEC;
        device_enter(w->e, d, DEVICE_STALE, "a test", w->now);
        since = w->now;
        d->heard_at = since + 1;
        device_tick(w->e, d, since + DEVICE_FORGET_AFTER);
        cr_assert(!d->gone, "it was heard 1 ns later");
        d->heard_at = since - 1;
        device_tick(w->e, d, since + DEVICE_FORGET_AFTER - 1);
        cr_assert(!d->gone, "it has been stale for 1 ns less");
        d->heard_at = since;
        world_changes(w);
        device_tick(w->e, d, since + DEVICE_FORGET_AFTER);
        cr_assert(d->gone);
        cr_assert(!engine_device_info(w->e, WORLD_ADDR, &info));
        cr_assert(!engine_device_next(w->e, AOE_ADDR_ALL, &info));
        cr_assert_eq(device_deadline(w->e, d), NSEC_NEVER);
        device_tick(w->e, d, since + w->options.timeout);
        cr_assert_eq(d->state, DEVICE_STALE, "what is gone changes no more");
        cr_assert_eq(world_changes(w), EVENT_GONE);
        cr_assert_null(device_find(w->e, WORLD_ADDR));
        world_end(w);
}

Test(device, a_forgotten_one_waits_for_no_answer)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);

        world_silence(w, true);
        device_enter(w->e, d, DEVICE_STALE, "a test", w->now);
        world_turn(w);
        cr_assert(world_path_at(w, 0)->asking, "IDENTIFY is out");
        device_tick(w->e, d, w->now + w->options.timeout); /* late: it might be down, too */
        cr_assert(d->gone);
        cr_assert_eq(d->state, DEVICE_STALE);
        cr_assert_eq(w->e->discover.query_count, 0, "it is not asked, either");
        cr_assert_null(world_path_at(w, 0)->asking);
        cr_assert_eq(w->e->slots_used, 0);
        cr_assert(world_changes(w) & EVENT_GONE);
        cr_assert_eq(w->e->timers.count, 1, "discovery's: its path was due once more");
        world_end(w);
}

Test(device, one_that_was_down_for_5_s_is_forgotten)
{
        struct world *w = bench_new(1, false);

        world_silence(w, true);
        device_enter(w->e, world_device_at(w), DEVICE_DOWN, "a test", w->now);
        world_pass(w, 7 * NSEC_SEC);
        cr_assert(world_changes(w) & EVENT_GONE);
        world_end(w);
}

/* Is it kept for ever for this reason? */
static void expect_kept(struct world *w)
{
        world_silence(w, true);
        device_enter(w->e, world_device_at(w), DEVICE_STALE, "a test", w->now);
        world_pass(w, 60 * NSEC_SEC);
        cr_assert(!world_device_at(w)->gone);
        cr_assert(!(world_changes(w) & EVENT_GONE));
}

Test(device, one_that_somebody_holds_is_kept)
{
        struct world *w = bench_new(1, false);

        engine_hold(w->e, WORLD_ADDR, 1);
        expect_kept(w);
        engine_hold(w->e, WORLD_ADDR, -1);
        world_pass(w, NSEC_SEC);
        cr_assert(world_changes(w) & EVENT_GONE, "nobody does any more");
        world_end(w);
}

Test(device, one_with_open_requests_is_kept)
{
        struct world *w = bench_new(1, true);
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 512);
        expect_kept(w);
        world_end(w);
}

Test(device, one_with_copies_that_may_still_land_is_kept)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);

        d->copies++;
        expect_kept(w);
        d->copies--;
        world_end(w);
}

Test(device, it_is_revived_when_it_is_heard_before_anybody_was_told)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);

        world_silence(w, true);
        device_enter(w->e, d, DEVICE_STALE, "a test", w->now);
        world_pass(w, 7 * NSEC_SEC);
        cr_assert(d->gone);
        for (unsigned i = 0; i < 2; i++)
                cr_assert_null(world_path_at(w, 0)->asking, "nobody is asked");
        world_silence(w, false);
        engine_discover(w->e, w->now);
        world_turn(w);
        world_answer(w, 0);
        cr_assert(!d->gone);
        cr_assert_eq(d->state_since, w->now);
        cr_assert_eq(d->query_at, w->now + DEVICE_ASK_EVERY);
        cr_assert(!(world_changes(w) & EVENT_GONE), "nobody needs to know");
        world_run(w);
        cr_assert_eq(world_device(w).state, DEVICE_UP);
        world_end(w);
}

Test(device, to_revive_one_that_is_not_forgotten_changes_nothing)
{
        struct world *w = bench_new(1, false);
        struct device *d = world_device_at(w);
        nsec since = d->state_since;

        device_revive(w->e, d, w->now);
        cr_assert_eq(d->state_since, since);
        cr_assert_eq(d->query_at, NSEC_NEVER);
        world_end(w);
}
