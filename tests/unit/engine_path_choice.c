/* SPDX-License-Identifier: MIT */
/* Which path takes the next frame, and when a path is left: health, worth, windows and budgets. */
#include "engine_world.h"

/* Three paths of one disk over three links, which have nothing in flight and are equally good. */
static struct world *bench_new(void)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR);
        world_port(w, 2, 3, WORLD_ADDR);
        world_start(w, 9000);
        world_pass(w, 2 * NSEC_SEC); /* the quick broadcasts are over */
        for (unsigned i = 0; i < 3; i++) {
                world_path_at(w, i)->rtt = (struct rtt){.smoothed = NSEC_MS};
                cr_assert_eq(world_path(w, i).state, PATH_UP);
        }
        w->log_count = 0;
        world_changes(w);
        return w;
}

/* What path_pick says: the number of a port, or -1. */
static int bench_pick(struct world *w, struct line **ret_line)
{
        const struct path *p = path_pick(w->e, world_device_at(w), ret_line, w->now);

        for (int i = 0; i < 3; i++)
                if (p == world_path_at(w, i))
                        return i;
        cr_assert_null(p);
        return -1;
}

/* ... when it says so without a line to wait in. */
static int bench_pick_now(struct world *w)
{
        struct line *line = &w->e->line_slots;
        int i = bench_pick(w, &line);

        cr_assert_null(line);
        return i;
}

/* ---- windows ---- */

Test(choice, the_path_with_the_most_room_in_its_window_is_next)
{
        struct world *w = bench_new();

        for (unsigned i = 0; i < 3; i++)
                cc_init(&world_path_at(w, i)->cc, 8, 64);
        cr_assert_eq(bench_pick_now(w), 0, "the first of equals");
        world_path_at(w, 0)->in_flight_count = 3;
        cr_assert_eq(bench_pick_now(w), 1);
        world_path_at(w, 1)->in_flight_count = 4;
        world_path_at(w, 2)->in_flight_count = 4;
        cr_assert_eq(bench_pick_now(w), 0, "five places are more than four");
        cc_init(&world_path_at(w, 2)->cc, 10, 64);
        cr_assert_eq(bench_pick_now(w), 2, "six");
        for (unsigned i = 0; i < 3; i++)
                world_path_at(w, i)->in_flight_count = 0;
        world_end(w);
}

Test(choice, a_full_window_takes_nothing_and_one_place_is_enough)
{
        struct world *w = bench_new();

        for (unsigned i = 0; i < 3; i++) {
                cc_init(&world_path_at(w, i)->cc, 8, 64);
                world_path_at(w, i)->in_flight_count = 8;
        }
        cr_assert_eq(bench_pick_now(w), -1);
        world_path_at(w, 1)->in_flight_count = 9;
        cr_assert_eq(bench_pick_now(w), -1, "a window may shrink under what is out");
        world_path_at(w, 1)->in_flight_count = 7;
        cr_assert_eq(bench_pick_now(w), 1);
        for (unsigned i = 0; i < 3; i++)
                world_path_at(w, i)->in_flight_count = 0;
        world_end(w);
}

Test(choice, new_frames_leave_the_places_of_tail_probes_free)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;

        world_link(w, 1, false, 9000);
        world_link(w, 2, false, 9000);
        cc_init(&p->cc, 8, 64);
        world_submit(w, &rq, REQUEST_READ, 0, 6 * 1024);
        world_turn(w);
        cr_assert_eq(p->in_flight_count, 6);
        p->loss.probes = 1;
        cr_assert_eq(bench_pick_now(w), 0);
        p->loss.probes = 2;
        cr_assert_eq(bench_pick_now(w), -1);
        world_end(w);
}

Test(choice, tail_probes_hold_no_places_where_nothing_is_out_but_a_flush)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        world_link(w, 1, false, 9000);
        world_link(w, 2, false, 9000);
        cc_init(&p->cc, 2, 2);
        p->loss.probes = 2;
        cr_assert_eq(bench_pick_now(w), 0, "what they repeated was lost");
        p->in_flight_count = 1;
        cr_assert_eq(bench_pick_now(w), 0);
        p->in_flight_count = p->loss.probes = 0;
        world_end(w);
}

Test(choice, frames_spread_over_equal_paths)
{
        struct world *w = bench_new();
        struct request rq;

        for (unsigned i = 0; i < 3; i++)
                cc_init(&world_path_at(w, i)->cc, 8, 64);
        world_submit(w, &rq, REQUEST_READ, 0, 12 * 1024);
        cr_assert_eq(world_turn(w), 12);
        for (unsigned i = 0; i < 3; i++)
                cr_assert_eq(world_path(w, i).in_flight, 4);
        world_end(w);
}

/* ---- worth ---- */

Test(choice, a_path_with_a_quarter_of_the_best_payload_carries_nothing)
{
        struct world *w = bench_new();
        struct path *small = world_path_at(w, 0);

        for (unsigned i = 0; i < 3; i++)
                world_path_at(w, i)->payload.offer = 17;
        world_path_at(w, 1)->payload.sectors = 16;
        world_path_at(w, 2)->payload.sectors = 17;
        small->payload.sectors = 5;
        cr_assert_eq(bench_pick_now(w), 0, "5 is more than a quarter of 17");
        small->payload.sectors = 4;
        cr_assert_eq(bench_pick_now(w), 1, "4 is less");
        world_path_at(w, 2)->payload.sectors = 16;
        cr_assert_eq(bench_pick_now(w), 1, "4 is a quarter of 16");
        for (unsigned i = 0; i < 3; i++)
                payload_shrink(w->e, world_path_at(w, i), 2, w->now);
        world_end(w);
}

Test(choice, a_path_that_is_slower_by_four_times_and_a_millisecond_carries_nothing)
{
        struct world *w = bench_new();
        struct path *slow = world_path_at(w, 0);

        world_path_at(w, 1)->rtt.smoothed = 2 * NSEC_MS;
        world_path_at(w, 2)->rtt.smoothed = NSEC_MS;
        slow->rtt.smoothed = 5 * NSEC_MS;
        cr_assert_eq(bench_pick_now(w), 0, "4 times 1 ms and 1 ms are not too slow");
        slow->rtt.smoothed++;
        cr_assert_eq(bench_pick_now(w), 1);
        world_path_at(w, 2)->rtt.smoothed = 2 * NSEC_MS;
        cr_assert_eq(bench_pick_now(w), 0, "the others are slower by now");
        world_end(w);
}

Test(choice, a_slow_path_is_asked_each_second_whether_it_still_is)
{
        struct world *w = bench_new();
        struct path *slow = world_path_at(w, 0);

        slow->rtt.smoothed = 5 * NSEC_MS + 1;
        cr_assert_eq(slow->ask_at, NSEC_NEVER);
        bench_pick_now(w);
        cr_assert_eq(slow->ask_at, w->now + PATH_SLOW_EVERY);
        w->now += NSEC_MS;
        bench_pick_now(w);
        cr_assert_eq(slow->ask_at, w->now - NSEC_MS + PATH_SLOW_EVERY, "the first time counts");
        cr_assert_eq(world_path_at(w, 1)->ask_at, NSEC_NEVER);
        world_end(w);
}

Test(choice, a_path_whose_rtt_is_not_known_is_no_measure_for_the_others)
{
        struct world *w = bench_new();

        world_path_at(w, 0)->rtt.smoothed = 50 * NSEC_MS;
        world_path_at(w, 1)->rtt.smoothed = 40 * NSEC_MS;
        world_path_at(w, 2)->rtt.smoothed = 0;
        cr_assert_eq(bench_pick_now(w), 0);
        world_path_at(w, 1)->rtt.smoothed = NSEC_MS;
        cr_assert_eq(bench_pick_now(w), 1);
        world_end(w);
}

Test(choice, the_rtt_of_a_small_path_is_no_measure_for_the_others)
{
        struct world *w = bench_new();

        for (unsigned i = 0; i < 3; i++) {
                world_path_at(w, i)->payload.offer = world_path_at(w, i)->payload.sectors = 16;
                world_path_at(w, i)->rtt.smoothed = 50 * NSEC_MS;
        }
        world_path_at(w, 2)->payload.sectors = 2;
        world_path_at(w, 2)->rtt.smoothed = NSEC_MS;
        cr_assert_eq(bench_pick_now(w), 0, "else nothing would be worth it");
        for (unsigned i = 0; i < 3; i++)
                payload_shrink(w->e, world_path_at(w, i), 2, w->now);
        world_end(w);
}

Test(choice, neither_payload_nor_rtt_of_a_path_that_is_not_healthy_is_a_measure)
{
        struct world *w = bench_new();
        struct path *bad = world_path_at(w, 2);

        bad->suspect = true;
        bad->payload.offer = bad->payload.sectors = 16;
        bad->rtt.smoothed = NSEC_US;
        world_path_at(w, 0)->rtt.smoothed = 3 * NSEC_MS;
        cr_assert_eq(bench_pick_now(w), 0, "it is suspect");
        bad->suspect = false;
        bad->state = PATH_NEW;
        cr_assert_eq(bench_pick_now(w), 0, "it is not up");
        bad->state = PATH_UP;
        cr_assert_eq(bench_pick_now(w), 2, "now it is the best one");
        payload_shrink(w->e, bad, 2, w->now);
        world_end(w);
}

Test(choice, a_suspect_path_carries_nothing_while_another_is_healthy)
{
        struct world *w = bench_new();

        world_path_at(w, 0)->suspect = true;
        cr_assert_eq(bench_pick_now(w), 1);
        world_path_at(w, 1)->suspect = true;
        cr_assert_eq(bench_pick_now(w), 2);
        world_path_at(w, 2)->suspect = true;
        cr_assert_eq(bench_pick_now(w), 0, "all are: any must do");
        path_enter(w->e, world_path_at(w, 0), PATH_DEAD, w->now);
        cr_assert_eq(bench_pick_now(w), 1, "but only one that is up");
        world_end(w);
}

/* ---- budgets ---- */

Test(choice, an_answer_fits_the_receive_buffer_up_to_its_last_byte)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct link_state *l = &w->e->links[0];

        l->in_flight_bytes = 1000;
        cr_assert(path_link_has_room(w->e, p, UINT32_MAX / 2), "its size is not known: no limit");
        l->info.receive_bytes = 3000;
        cr_assert(path_link_has_room(w->e, p, 2000));
        cr_assert(!path_link_has_room(w->e, p, 2001));
        l->in_flight_bytes = 0;
        cr_assert(path_link_has_room(w->e, p, 3001), "one is always let through");
        world_end(w);
}

Test(choice, no_more_is_asked_for_than_the_receive_buffer_holds)
{
        uint32_t cost = slot_read_cost(2);

        for (uint32_t holds = 1; holds <= 3; holds++)
                for (uint32_t less = 0; less <= 1; less++) {
                        struct world *w = world_new();
                        struct request rq;

                        world_start(w, 1500);
                        world_link_sized(w, 0, true, 1500, holds * cost - less);
                        world_run(w);
                        world_submit(w, &rq, REQUEST_READ, 0, 8192);
                        cr_assert_eq(world_turn(w), holds > less ? holds - less : 1);
                        world_end(w);
                }
}

Test(choice, who_finds_the_receive_buffer_full_waits_in_its_line)
{
        struct world *w = bench_new();
        struct line *line;

        for (unsigned i = 0; i < 3; i++) {
                w->e->links[i].info.receive_bytes = 3000;
                w->e->links[i].in_flight_bytes = 3000;
        }
        cr_assert_eq(bench_pick(w, &line), -1);
        cr_assert_eq(line, &w->e->links[2].line);
        w->e->links[1].in_flight_bytes = 0;
        cr_assert_eq(bench_pick_now(w), 1, "another link has room");
        for (unsigned i = 0; i < 3; i++)
                w->e->links[i].in_flight_bytes = 0;
        world_end(w);
}

Test(choice, who_finds_the_station_s_window_full_waits_in_its_line)
{
        struct world *w = bench_new();
        struct line *line;

        for (unsigned i = 0; i < 3; i++) {
                world_path_at(w, i)->station->in_flight =
                        cc_window(&world_path_at(w, i)->station->cc);
        }
        cr_assert_eq(bench_pick(w, &line), -1);
        cr_assert_eq(line, &world_path_at(w, 2)->station->line);
        world_path_at(w, 0)->station->in_flight--;
        cr_assert_eq(bench_pick_now(w), 0);
        for (unsigned i = 0; i < 3; i++)
                world_path_at(w, i)->station->in_flight = 0;
        world_end(w);
}

Test(choice, a_path_with_a_full_window_is_in_no_line)
{
        struct world *w = bench_new();

        for (unsigned i = 0; i < 3; i++) {
                world_path_at(w, i)->station->in_flight = 1000;
                world_path_at(w, i)->in_flight_count = 1000;
        }
        cr_assert_eq(bench_pick_now(w), -1, "its own answers will open it");
        for (unsigned i = 0; i < 3; i++)
                world_path_at(w, i)->station->in_flight = world_path_at(w, i)->in_flight_count = 0;
        world_end(w);
}

/* ---- health ---- */

Test(choice, a_first_expiry_makes_suspect_and_asks_at_once)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        rtt_on_expiry(&p->rtt);
        path_on_expiry(w->e, p, w->now);
        cr_assert(p->suspect);
        cr_assert_eq(p->state, PATH_UP);
        cr_assert_eq(p->ask_at, w->now);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].data[27], ATA_IDENTIFY);
        cr_assert_eq(w->sent[0].link, 0);
        world_answer(w, 0);
        cr_assert(!p->suspect, "any answer clears it");
        cr_assert_eq(p->rtt.backoff, 0);
        world_end(w);
}

Test(choice, a_second_expiry_kills_where_another_path_is_healthy)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        cr_assert_eq(PATH_SILENCES_MAX, 2);
        for (unsigned i = 0; i < 2; i++) {
                cr_assert_eq(p->state, PATH_UP);
                rtt_on_expiry(&p->rtt);
                path_on_expiry(w->e, p, w->now);
        }
        cr_assert_eq(p->state, PATH_DEAD);
        world_end(w);
}

Test(choice, a_suspect_path_is_asked_once_and_not_with_each_expiry)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        p->suspect = true;
        p->rtt.backoff = 1;
        path_on_expiry(w->e, p, w->now);
        cr_assert_eq(p->ask_at, NSEC_NEVER);
        world_end(w);
}

Test(choice, a_lone_path_stays_up_and_after_three_expiries_its_payload_is_in_doubt)
{
        struct world *w = world_new();
        struct path *p;

        w->ports[0].sectors = 16;
        world_start(w, 9000);
        p = world_path_at(w, 0);
        cr_assert_eq(p->payload.sectors, 16);
        for (unsigned i = 0; i < PATH_EXPIRIES_MAX; i++) {
                cr_assert_eq(p->payload.sectors, 16);
                rtt_on_expiry(&p->rtt);
                path_on_expiry(w->e, p, w->now);
                cr_assert_eq(p->ask_at, NSEC_NEVER);
        }
        cr_assert_eq(p->state, PATH_UP);
        cr_assert_eq(p->payload.sectors, PAYLOAD_SECTORS_SAFE);
        world_end(w);
}

Test(choice, a_suspect_sibling_or_a_dead_one_takes_nothing_over)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        world_path_at(w, 1)->suspect = true;
        path_enter(w->e, world_path_at(w, 2), PATH_DEAD, w->now);
        p->rtt.backoff = 2;
        path_on_expiry(w->e, p, w->now);
        cr_assert_eq(p->state, PATH_UP);
        world_path_at(w, 1)->suspect = false;
        path_on_expiry(w->e, p, w->now);
        cr_assert_eq(p->state, PATH_DEAD);
        world_end(w);
}

/* Questions to a path that are lost: each is waited for. */
static void bench_lose_question(struct world *w, struct path *p)
{
        path_ask(w->e, p, w->now);
        cr_assert_geq(world_turn(w), 1);
        w->now = p->asking->last.at + PATH_ASK_WAIT_MAX;
        path_tick(w->e, p, w->now);
}

Test(choice, a_suspect_path_that_leaves_two_questions_unanswered_is_dead)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        w->ports[0].silent = true;
        p->suspect = true;
        bench_lose_question(w, p);
        cr_assert_eq(p->state, PATH_UP);
        bench_lose_question(w, p);
        cr_assert_eq(p->state, PATH_DEAD);
        cr_assert_eq(p->ask_at, w->now + PATH_ASK_EVERY, "and left alone for a while");
        world_end(w);
}

Test(choice, a_path_that_is_not_suspect_survives_unanswered_questions)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        w->ports[0].silent = true;
        for (unsigned i = 0; i < 4; i++)
                bench_lose_question(w, p);
        cr_assert_eq(p->state, PATH_UP, "a target may answer all but IDENTIFY");
        p->suspect = world_path_at(w, 1)->suspect = world_path_at(w, 2)->suspect = true;
        bench_lose_question(w, p);
        cr_assert_eq(p->state, PATH_UP, "and there is no better one");
        world_end(w);
}

Test(choice, any_answer_is_a_sign_of_health)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        p->suspect = true;
        p->rtt.backoff = 3;
        p->asks_lost = 2;
        p->loss.probes = 2;
        path_on_heard(w->e, p, w->now);
        cr_assert(!p->suspect);
        cr_assert_eq(p->rtt.backoff, 0);
        cr_assert_eq(p->asks_lost, 0);
        cr_assert_eq(p->loss.probes, 0);
        cr_assert_eq(p->loss.heard_at, w->now);
        cr_assert(list_is_linked(&p->device->run), "it may take a share again");
        world_end(w);
}

Test(choice, an_answer_gives_the_places_of_probes_back)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        list_del(&p->device->run);
        path_on_heard(w->e, p, w->now);
        cr_assert(!list_is_linked(&p->device->run), "nothing has become free");
        p->loss.probes = 1;
        path_on_heard(w->e, p, w->now);
        cr_assert(list_is_linked(&p->device->run));
        world_end(w);
}

Test(choice, an_answer_brings_the_deadline_forward)
{
        struct world *w = world_new();
        struct request rq;
        struct path *p;

        world_start(w, 1500);
        world_warm_up(w, 40, 1024);
        world_pass(w, 2 * NSEC_SEC);
        p = world_path_at(w, 0);
        p->rtt.backoff = 5;
        world_silence(w, true);
        world_submit(w, &rq, REQUEST_READ, 0, 1024);
        p->loss.probes = LOSS_PROBES_MAX;
        world_turn(w);
        cr_assert_eq(path_deadline(w->e, p), w->now + (RTT_RTO_MIN << 5));
        path_on_heard(w->e, p, w->now);
        cr_assert_leq(p->timer.node.at, w->now + RTT_RTO_MIN);
        world_end(w);
}
