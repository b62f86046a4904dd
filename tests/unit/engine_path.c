/* SPDX-License-Identifier: MIT */
/* Paths: their states, whom they ask when, and what they think of their health. */
#include "engine_world.h"

/* ---- NEW ---- */

Test(path, a_new_one_is_asked_at_once_and_up_when_it_has_answered)
{
        struct world *w = world_new();
        struct path_info p;

        world_init(w);
        world_link(w, 0, true, 1500);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->log[0].command, WORLD_QUERY);
        world_answer(w, 0);
        p = world_path(w, 0);
        cr_assert_eq(p.state, PATH_NEW);
        cr_assert_eq(p.link, 0);
        cr_assert_arr_eq(p.mac, w->ports[0].mac, 6);
        cr_assert_eq(p.payload_bytes, 512);
        cr_assert_eq(p.window, 8);
        cr_assert_eq(p.rtt, 0);
        cr_assert_eq(p.rto, RTT_RTO_START);
        cr_assert_eq(p.sent + p.resent + p.received + p.late + p.lost + p.probed, 0);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].data[27], ATA_IDENTIFY);
        w->now += 1234;
        world_answer(w, 0);
        p = world_path(w, 0);
        cr_assert_eq(p.state, PATH_UP);
        cr_assert_eq(p.rtt, 1234);
        cr_assert_eq(p.sent, 1);
        cr_assert_eq(p.received, 1);
        world_end(w);
}

/* The times between IDENTIFYs of a path that is silent from now on. */
static void expect_asks(struct world *w, const nsec *gaps, unsigned count)
{
        nsec at = 0;
        unsigned n = 0;

        for (unsigned i = 0; i < w->log_count; i++) {
                if (w->log[i].command != ATA_IDENTIFY)
                        continue;
                if (n > 0 && n <= count)
                        cr_assert_eq(w->log[i].at - at, gaps[n - 1], "gap %u is %lu us", n,
                                     (w->log[i].at - at) / NSEC_US);
                at = w->log[i].at;
                n++;
        }
        cr_assert_gt(n, count, "%u questions", n);
}

Test(path, a_new_one_that_nobody_wants_is_asked_every_second)
{
        static const nsec gaps[] = {
                RTT_RTO_START + PATH_ASK_IDLE_EVERY,
                2 * RTT_RTO_START + PATH_ASK_IDLE_EVERY,
        };
        struct world *w = world_new();

        w->ports[0].out_max = AOE_FRAME_BYTES_MIN - 1; /* nothing reaches it */
        world_init(w);
        world_link(w, 0, true, 1500);
        world_turn(w);
        w->ports[0].out_max = 0;
        world_answer(w, 0);
        world_silence(w, true);
        world_pass(w, 2900 * NSEC_MS);
        expect_asks(w, gaps, 2);
        world_end(w);
}

Test(path, a_wanted_one_is_asked_again_as_soon_as_the_wait_is_over)
{
        /* twice as long each time, but no longer than PATH_ASK_WAIT_MAX */
        static const nsec gaps[] = {100 * NSEC_MS, 200 * NSEC_MS, 250 * NSEC_MS, 250 * NSEC_MS};
        struct world *w = world_new();

        world_init(w);
        world_link(w, 0, true, 1500);
        world_turn(w);
        world_answer(w, 0);
        engine_hold(w->e, WORLD_ADDR, 1);
        world_silence(w, true);
        world_pass(w, 1500 * NSEC_MS);
        expect_asks(w, gaps, 4);
        engine_hold(w->e, WORLD_ADDR, -1);
        world_end(w);
}

/* A path that was up, and whose RTO is the shortest: its device has to be compared again. */
static struct world *bench_measured(void)
{
        struct world *w = world_new();

        w->options.timeout = 60 * NSEC_SEC;
        world_start(w, 1500);
        world_warm_up(w, 40, 1024);
        world_pass(w, 2 * NSEC_SEC); /* the quick broadcasts are over */
        cr_assert_eq(world_path(w, 0).rto, RTT_RTO_MIN);
        w->log_count = 0;
        return w;
}

Test(path, an_answer_is_waited_for_20_ms_at_least_and_doubled_four_times_at_most)
{
        static const nsec gaps[] = {20 * NSEC_MS,  40 * NSEC_MS,  80 * NSEC_MS,
                                    160 * NSEC_MS, 250 * NSEC_MS, 250 * NSEC_MS};
        struct world *w = bench_measured();

        world_silence(w, true);
        path_ask(w->e, world_path_at(w, 0), w->now);
        world_pass(w, 1500 * NSEC_MS);
        expect_asks(w, gaps, 6);
        cr_assert_eq(world_path_at(w, 0)->asks_lost, PATH_ASK_SHIFT_MAX);
        world_end(w);
}

Test(path, a_lost_question_is_given_up_when_its_wait_is_over_and_not_before)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);
        nsec asked = w->now;

        world_silence(w, true);
        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(path_deadline(w->e, p), asked + PATH_ASK_WAIT_MIN);
        path_tick(w->e, p, asked + PATH_ASK_WAIT_MIN - 1);
        cr_assert_eq(p->asks_lost, 0);
        path_tick(w->e, p, asked + PATH_ASK_WAIT_MIN);
        cr_assert_eq(p->asks_lost, 1);
        world_end(w);
}

Test(path, a_question_is_asked_when_it_is_due_and_not_before)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);
        nsec due = w->now + 5 * NSEC_MS;

        path_ask(w->e, p, due);
        path_ask(w->e, p, due + 1);
        cr_assert_eq(path_deadline(w->e, p), due, "the earlier one counts");
        path_tick(w->e, p, due - 1);
        cr_assert_null(p->asking);
        path_tick(w->e, p, due);
        cr_assert(p->asking);
        cr_assert_eq(path_deadline(w->e, p), NSEC_NEVER, "it is on its way: nothing to do");
        world_end(w);
}

Test(path, a_question_that_waits_for_another_is_due_when_that_is_answered)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);

        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        p->payload.again_at = w->now + NSEC_MS;
        cr_assert_gt(path_deadline(w->e, p), p->payload.again_at);
        world_answer_after(w, 0, 2 * NSEC_MS);
        cr_assert_leq(p->timer.node.at, w->now);
        world_end(w);
}

Test(path, is_not_asked_twice_at_a_time)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);

        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 0);
        world_answer(w, 0);
        cr_assert_eq(world_turn(w), 0, "the answer was one to both");
        world_end(w);
}

Test(path, a_refused_question_is_an_answer_of_an_up_path)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);
        struct reply r;
        nsec compared = p->compared_at;

        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        r = world_reply(w, 0, &w->ports[0]);
        r.data[27] = ATA_STATUS_ERR;
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(p->state, PATH_UP);
        cr_assert_eq(p->asks_lost, 0);
        cr_assert_eq(p->compared_at, compared, "but nothing was compared");
        cr_assert_eq(world_turn(w), 0, "it is not asked again");
        cr_assert_eq(p->ask_at, NSEC_NEVER);
        path_ask(w->e, p, w->now);
        world_turn(w);
        w->now += 3;
        world_answer(w, 0);
        cr_assert_eq(p->compared_at, w->now);
        world_end(w);
}

Test(path, a_new_one_whose_target_refuses_is_asked_again_a_second_later)
{
        struct world *w = world_new();
        struct reply r;

        world_init(w);
        world_link(w, 0, true, 1500);
        world_turn(w);
        world_answer(w, 0);
        cr_assert_eq(world_turn(w), 1);
        r = world_reply(w, 0, &w->ports[0]);
        r.data[27] = ATA_STATUS_ERR;
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(world_path(w, 0).state, PATH_NEW);
        cr_assert_eq(world_path_at(w, 0)->asks_lost, 0, "it was not lost");
        cr_assert_eq(world_path_at(w, 0)->ask_at, w->now + PATH_ASK_IDLE_EVERY);
        world_end(w);
}

Test(path, without_a_free_slot_it_is_asked_20_ms_later)
{
        struct world *w = bench_measured();
        struct path *p = world_path_at(w, 0);
        struct slot *all[WORLD_SLOTS + 1];
        unsigned n = 0;
        nsec at = w->now;

        while ((all[n] = slot_take(w->e, SLOT_IDENTIFY, p->device)))
                n++;
        path_ask(w->e, p, w->now);
        path_tick(w->e, p, w->now);
        cr_assert_null(p->asking);
        cr_assert_eq(p->ask_at, at + PATH_ASK_WAIT_MIN);
        p->ask_at = NSEC_NEVER;
        p->payload.again_at = at;
        p->payload.trial = PAYLOAD_TRIAL_OUT;
        path_tick(w->e, p, w->now);
        cr_assert_null(p->asking);
        cr_assert_eq(p->ask_at, NSEC_NEVER);
        cr_assert_eq(p->payload.again_at, at + PATH_ASK_WAIT_MIN, "so is a probe");
        while (n-- > 0)
                slot_free(w->e, all[n]);
        world_end(w);
}

/* ---- UP, DEAD, DUPLICATE ---- */

/* Two paths of one disk, over links 0 and 1, that have both measured their RTT. */
static struct world *bench_two(void)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR);
        world_start(w, 1500);
        world_warm_up(w, 40, 8192);
        world_pass(w, 2 * NSEC_SEC); /* the quick broadcasts are over */
        w->log_count = 0;
        world_changes(w);
        return w;
}

Test(path, another_disk_at_the_same_address_is_a_duplicate_and_asked_each_minute)
{
        struct world *w = world_new();

        world_start(w, 1500);
        world_changes(w);
        world_port(w, 0, 2, WORLD_ADDR)->serial = "two";
        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(world_path(w, 1).state, PATH_DUPLICATE);
        cr_assert_eq(world_changes(w), EVENT_PATHS | EVENT_DUPLICATE);
        cr_assert_eq(world_path_at(w, 1)->ask_at - w->now % 1, world_path_at(w, 1)->ask_at);
        w->log_count = 0;
        world_pass(w, PATH_STRANGER_EVERY - NSEC_MS);
        for (unsigned i = 0; i < w->log_count; i++)
                cr_assert(w->log[i].command != ATA_IDENTIFY || w->log[i].mac != 2);
        w->ports[1].serial = "one";
        world_pass(w, 2 * NSEC_MS);
        cr_assert_eq(world_path(w, 1).state, PATH_UP, "it is the same disk by now");
        world_end(w);
}

Test(path, one_that_dies_gives_its_frames_to_the_others_and_none_of_them_is_lost)
{
        struct world *w = bench_two();
        struct request rq;
        struct path_info before;

        world_submit(w, &rq, REQUEST_READ, 0, 16 * 1024);
        cr_assert_eq(world_turn(w), 16);
        before = world_path(w, 1);
        cr_assert_eq(before.in_flight, 8);
        world_link(w, 1, false, 1500);
        cr_assert_eq(world_path(w, 1).state, PATH_DEAD);
        cr_assert_eq(world_path(w, 1).in_flight, 0);
        cr_assert_eq(world_path(w, 1).lost, before.lost, "moved, not lost");
        cr_assert(world_changes(w) & EVENT_PATHS);
        for (unsigned i = 0; i < 16; i++)
                if (w->sent[i].link == 0)
                        world_answer(w, i);
        world_run(w);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(path, one_that_leaves_up_asks_nothing_more)
{
        struct world *w = bench_two();
        struct path *p = world_path_at(w, 1);

        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        cr_assert(p->asking);
        path_enter(w->e, p, PATH_DEAD, w->now);
        cr_assert_null(p->asking);
        cr_assert_eq(w->e->slots_used, 0);
        cr_assert_eq(p->payload.trial, PAYLOAD_TRIAL_NONE);
        cr_assert_eq(p->payload.again_at, NSEC_NEVER);
        world_end(w);
}

Test(path, a_dead_one_is_asked_after_250_ms_and_up_when_it_answers)
{
        struct world *w = bench_two();
        struct path *p = world_path_at(w, 1);
        nsec died = w->now;

        path_enter(w->e, p, PATH_DEAD, w->now);
        cr_assert_eq(p->ask_at, died + PATH_ASK_EVERY);
        world_pass(w, PATH_ASK_EVERY - NSEC_MS);
        cr_assert_eq(world_count(w, ATA_IDENTIFY), 0);
        world_pass(w, NSEC_MS);
        cr_assert_eq(world_count(w, ATA_IDENTIFY), 1);
        cr_assert_eq(world_path(w, 1).state, PATH_UP);
        world_end(w);
}

Test(path, a_dead_one_that_stays_silent_is_asked_each_second)
{
        struct world *w = bench_two();
        nsec gaps[] = {PATH_ASK_WAIT_MIN + PATH_ASK_IDLE_EVERY,
                       2 * PATH_ASK_WAIT_MIN + PATH_ASK_IDLE_EVERY};

        engine_hold(w->e, WORLD_ADDR, 1);
        w->ports[1].silent = true;
        path_enter(w->e, world_path_at(w, 1), PATH_DEAD, w->now);
        world_pass(w, 2500 * NSEC_MS);
        expect_asks(w, gaps, 2);
        engine_hold(w->e, WORLD_ADDR, -1);
        world_end(w);
}

Test(path, is_fresh_when_it_comes_up_again)
{
        struct world *w = bench_two();
        struct path *p = world_path_at(w, 1);

        p->rtt.backoff = 5;
        p->suspect = true;
        path_enter(w->e, p, PATH_DEAD, w->now);
        cr_assert_eq(p->rtt.backoff, 5, "it was not heard of");
        path_enter(w->e, p, PATH_UP, w->now);
        cr_assert_eq(p->rtt.backoff, 0);
        cr_assert(!p->suspect);
        cr_assert_eq(p->ask_at, NSEC_NEVER);
        cr_assert(list_is_linked(&p->device->run), "it may carry something at once");
        world_end(w);
}

Test(path, to_enter_the_state_it_has_changes_nothing)
{
        struct world *w = bench_two();
        struct path *p = world_path_at(w, 1);
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 16 * 1024);
        world_turn(w);
        path_enter(w->e, p, PATH_UP, w->now);
        cr_assert_eq(p->in_flight_count, 8);
        cr_assert_eq(world_changes(w), 0);
        world_end(w);
}

Test(path, when_its_link_comes_back_it_is_asked_at_once)
{
        struct world *w = bench_two();

        world_link(w, 1, false, 1500);
        cr_assert_eq(world_path(w, 1).state, PATH_DEAD);
        world_pass(w, 2 * NSEC_SEC);
        for (unsigned i = 0; i < w->log_count; i++)
                cr_assert_eq(w->log[i].link, 0, "nothing is sent over a link that is down");
        w->log_count = 0;
        world_link(w, 1, true, 1500);
        cr_assert_eq(world_path(w, 1).state, PATH_NEW);
        world_run(w);
        cr_assert_eq(world_path(w, 1).state, PATH_UP);
        world_end(w);
}

Test(path, a_question_is_not_waited_for_when_its_link_goes)
{
        struct world *w = bench_two();
        struct path *p = world_path_at(w, 1);

        path_enter(w->e, p, PATH_DEAD, w->now);
        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        world_link(w, 1, false, 1500);
        cr_assert_null(p->asking);
        cr_assert_eq(p->state, PATH_DEAD);
        world_end(w);
}

/* ---- config and link ---- */

Test(path, the_window_s_cap_is_the_target_s_buffers_or_ours)
{
        static const struct {
                uint16_t buffers;
                unsigned cap;
        } cases[] = {{0, 1}, {1, 1}, {2, 2}, {63, 63}, {64, 64}, {65, 64}, {65535, 64}};
        struct world *w = world_new();

        world_start(w, 1500);
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                w->ports[0].buffers = cases[i].buffers;
                engine_discover(w->e, w->now);
                world_run(w);
                cr_assert_eq(world_path_at(w, 0)->cc.cap, cases[i].cap, "%u buffers",
                             cases[i].buffers);
        }
        world_end(w);
}

Test(path, a_target_with_no_buffers_gets_one_frame_at_a_time)
{
        struct world *w = world_new();
        struct request rq;

        w->ports[0].buffers = 0;
        world_start(w, 1500);
        world_submit(w, &rq, REQUEST_READ, 0, 4096);
        cr_assert_eq(world_turn(w), 1);
        world_end(w);
}

Test(path, another_mac_of_ours_is_in_the_frames_from_then_on)
{
        struct world *w = world_new();
        struct link_info info = {.mac = {2, 9, 9, 9, 9, 9}, .running = true, .mtu = 1500};
        struct request rq;

        world_start(w, 1500);
        engine_link(w->e, 0, &info, w->now);
        world_run(w);
        world_submit(w, &rq, REQUEST_READ, 0, 512);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_arr_eq(w->sent[0].data, w->ports[0].mac, 6);
        cr_assert_arr_eq(w->sent[0].data + 6, info.mac, 6);
        cr_assert_eq(be16_load(w->sent[0].data + 12), AOE_ETHERTYPE);
        cr_assert_eq(w->sent[0].data[14], 0x10);
        cr_assert_eq(be16_load(w->sent[0].data + 16), 7);
        cr_assert_eq(w->sent[0].data[18], 1);
        cr_assert_eq(w->sent[0].data[19], AOE_COMMAND_ATA);
        world_answer(w, 0);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(path, a_link_that_is_changed_but_runs_on_leaves_its_paths_up)
{
        struct world *w = bench_two();
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 16 * 1024);
        world_turn(w);
        world_link(w, 1, true, 1400);
        cr_assert_eq(world_path(w, 1).state, PATH_UP);
        cr_assert_eq(world_path(w, 1).in_flight, 8);
        world_end(w);
}

/* ---- FLUSH ---- */

Test(path, a_flush_without_an_answer_is_sent_again_each_second)
{
        struct world *w = bench_measured();
        struct request rq;
        nsec first = 0;

        world_submit(w, &rq, REQUEST_FLUSH, 0, 0);
        world_turn(w);
        first = w->now;
        cr_assert_eq(path_deadline(w->e, world_path_at(w, 0)), first + DEVICE_FLUSH_EVERY);
        path_tick(w->e, world_path_at(w, 0), first + DEVICE_FLUSH_EVERY - 1);
        cr_assert_eq(world_path(w, 0).in_flight, 1);
        path_tick(w->e, world_path_at(w, 0), first + DEVICE_FLUSH_EVERY);
        cr_assert_eq(world_path(w, 0).in_flight, 0, "it waits to be sent again");
        world_end(w);
}

/* A device that answers all but FLUSH for that long; which FLUSHes were sent? */
static struct world *bench_deaf_to_flush(struct request *rq, nsec span)
{
        struct world *w = bench_measured();
        nsec end = w->now + span;

        world_submit(w, rq, REQUEST_FLUSH, 0, 0);
        while (w->now < end) {
                for (unsigned n = world_turn(w), i = 0; i < n; i++)
                        if (w->sent[i].data[27] != ATA_FLUSH_EXT)
                                world_answer(w, i);
                w->now = nsec_max(w->now + 1, nsec_min(engine_deadline(w->e), end));
        }
        return w;
}

Test(path, a_flush_that_alone_is_ignored_for_15_s_is_tried_in_another_form)
{
        struct request rq;
        struct world *w = bench_deaf_to_flush(&rq, DEVICE_FLUSH_SILENT - 100 * NSEC_MS);

        cr_assert_eq(world_count(w, ATA_FLUSH_EXT), 15);
        cr_assert_eq(world_count(w, ATA_FLUSH), 0);
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_count(w, ATA_FLUSH), 1);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(path, a_flush_is_tried_in_another_form_only_where_all_else_was_answered_of_late)
{
        static const struct {
                nsec silent;
                enum flush_form form;
        } cases[] = {{DEVICE_FLUSH_SILENT / 2 - 1, FLUSH_FORM_SHORT},
                     {DEVICE_FLUSH_SILENT / 2, FLUSH_FORM_EXT}};

        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct world *w = bench_measured();
                struct request rq;
                nsec end = w->now + DEVICE_FLUSH_SILENT;

                world_submit(w, &rq, REQUEST_FLUSH, 0, 0);
                cr_assert_eq(world_turn(w), 1);
                world_device_at(w)->heard_at = end - cases[i].silent;
                path_tick(w->e, world_path_at(w, 0), end);
                cr_assert_eq(world_device_at(w)->flush_form, cases[i].form);
                world_end(w);
        }
}

Test(path, of_several_flushes_each_has_its_own_second)
{
        struct world *w = bench_measured();
        struct request rq[2];

        world_silence(w, true);
        world_submit(w, &rq[0], REQUEST_FLUSH, 0, 0);
        world_turn(w);
        w->now += 300 * NSEC_MS;
        world_submit(w, &rq[1], REQUEST_FLUSH, 0, 0);
        world_turn(w);
        w->now += 700 * NSEC_MS;
        path_tick(w->e, world_path_at(w, 0), w->now);
        cr_assert_eq(world_path(w, 0).in_flight, 1, "only the first one's second is over");
        world_end(w);
}
