/* SPDX-License-Identifier: MIT */
/* What is lost, by which rule and when, what it costs, and what is unlearnt when it was wrong. */
#include "engine_world.h"

#define BENCH_RTT NSEC_MS
#define BENCH_RTO RTT_RTO_MIN

/* One path with a full window of 16 and an RTT of exactly 1 ms, without a loss so far. */
static struct world *bench_new(void)
{
        struct world *w = world_new();

        world_start(w, 1500);
        world_warm_up(w, 20, 16 * 1024);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(world_path(w, 0).window, 16);
        cr_assert_eq(world_path(w, 0).lost, 0);
        world_path_at(w, 0)->rtt = (struct rtt){.smoothed = BENCH_RTT};
        return w;
}

/* A read whose frames are all out. */
static void bench_read(struct world *w, struct request *rq, unsigned frames)
{
        world_submit(w, rq, REQUEST_READ, 0, frames * 1024);
        cr_assert_eq(world_turn(w), frames);
}

/* The answer to the i-th frame of the last turn comes in, and the RTT is what it was. */
static void bench_answer(struct world *w, unsigned i)
{
        world_answer(w, i);
        world_path_at(w, 0)->rtt = (struct rtt){.smoothed = BENCH_RTT};
}

static void bench_tick(struct world *w, nsec at)
{
        path_tick(w->e, world_path_at(w, 0), at);
}

/* ---- gaps ---- */

Test(loss, a_frame_is_lost_when_the_third_after_it_was_answered)
{
        struct world *w = bench_new();
        struct request rq;

        bench_read(w, &rq, 8);
        bench_answer(w, 1);
        bench_answer(w, 2);
        cr_assert_eq(world_path(w, 0).lost, 0, "the second after it is not enough");
        bench_answer(w, 3);
        cr_assert_eq(world_path(w, 0).lost, 1);
        cr_assert_eq(world_path(w, 0).in_flight, 4);
        cr_assert_eq(world_turn(w), 1, "it is sent again at once");
        cr_assert_eq(w->sent[0].data[28], 0);
        cr_assert_eq(world_path(w, 0).resent, 1);
        world_end(w);
}

Test(loss, an_overtaken_frame_is_lost_after_an_rtt_and_a_quarter)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now, due = sent + BENCH_RTT + BENCH_RTT / 4 + LOSS_GRAIN;

        bench_read(w, &rq, 2);
        bench_answer(w, 1);
        cr_assert_eq(loss_deadline(p), due);
        bench_tick(w, due - 1);
        cr_assert_eq(world_path(w, 0).lost, 0);
        bench_tick(w, due);
        cr_assert_eq(world_path(w, 0).lost, 1);
        world_end(w);
}

Test(loss, the_longest_overtaking_that_was_seen_is_waited_for_too)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 2);
        bench_answer(w, 1);
        w->now += 300 * NSEC_US;
        bench_answer(w, 0);
        cr_assert_eq(p->loss.overtaking_max, 300 * NSEC_US);
        world_expect(w, &rq, REQUEST_OK);
        sent = w->now;
        bench_read(w, &rq, 2);
        w->now += 10;
        bench_answer(w, 1);
        cr_assert_eq(loss_deadline(p),
                     sent + BENCH_RTT + BENCH_RTT / 4 + LOSS_GRAIN + 300 * NSEC_US);
        w->now += 20;
        bench_answer(w, 0);
        cr_assert_eq(p->loss.overtaking_max, 300 * NSEC_US, "a shorter one is no news");
        world_end(w);
}

Test(loss, a_lost_write_blocks_its_range_from_when_it_was_overtaken)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec overtaken;

        world_submit(w, &rq, REQUEST_WRITE, 0, 2 * 1024);
        cr_assert_eq(world_turn(w), 2);
        overtaken = w->now += 700 * NSEC_US;
        bench_answer(w, 1);
        w->now = loss_deadline(p);
        cr_assert_gt(w->now, overtaken);
        bench_tick(w, w->now);
        cr_assert_eq(world_path(w, 0).lost, 1);
        cr_assert_eq(linger_deadline(w->e, p), overtaken + LINGER_HOLD_MIN);
        world_end(w);
}

Test(loss, nothing_is_a_gap_while_nothing_later_was_answered)
{
        struct world *w = bench_new();
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 4);
        bench_answer(w, 0);
        world_path_at(w, 0)->loss.probes = LOSS_PROBES_MAX;
        bench_tick(w, sent + BENCH_RTO - 1);
        cr_assert_eq(world_path(w, 0).lost, 0);
        world_end(w);
}

/* ---- the tail ---- */

Test(loss, the_youngest_is_sent_again_after_two_rtts_without_an_answer)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 4);
        cr_assert_eq(loss_deadline(p), sent + 2 * BENCH_RTT);
        bench_tick(w, sent + 2 * BENCH_RTT - 1);
        cr_assert_eq(world_path(w, 0).probed, 0);
        w->now = sent + 2 * BENCH_RTT;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].data[28], 6, "the last of the four");
        cr_assert_eq(world_path(w, 0).probed, 1);
        cr_assert_eq(world_path(w, 0).probes, 1);
        cr_assert_eq(world_path(w, 0).resent, 1);
        cr_assert_eq(world_path(w, 0).lost, 0, "that is no loss");
        cr_assert_eq(world_path(w, 0).in_flight, 4);
        world_end(w);
}

Test(loss, the_two_rtts_begin_with_the_last_send_or_answer)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq[2];

        bench_read(w, &rq[0], 2);
        w->now += 100 * NSEC_US;
        bench_answer(w, 0);
        cr_assert_eq(loss_deadline(p), w->now + 2 * BENCH_RTT, "an answer");
        w->now += 100 * NSEC_US;
        bench_read(w, &rq[1], 1);
        cr_assert_eq(loss_deadline(p), w->now + 2 * BENCH_RTT, "a send");
        world_end(w);
}

Test(loss, the_second_probe_waits_twice_as_long_and_there_is_no_third)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        p->rtt.smoothed = LOSS_PROBE_MIN / 4; /* the wait is LOSS_PROBE_MIN */
        bench_read(w, &rq, 1);
        w->now = sent + LOSS_PROBE_MIN;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(loss_deadline(p), w->now + 2 * LOSS_PROBE_MIN);
        w->now += 2 * LOSS_PROBE_MIN;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(world_path(w, 0).probed, LOSS_PROBES_MAX);
        cr_assert_eq(loss_deadline(p), w->now + BENCH_RTO, "only the RTO is left");
        world_end(w);
}

Test(loss, a_path_that_has_measured_nothing_is_not_probed)
{
        struct world *w = bench_new();
        struct request rq;
        nsec sent = w->now;

        world_path_at(w, 0)->rtt = (struct rtt){0};
        bench_read(w, &rq, 1);
        cr_assert_eq(loss_deadline(world_path_at(w, 0)), sent + RTT_RTO_START);
        world_end(w);
}

Test(loss, the_answer_to_a_probe_shows_what_it_repeated_and_what_was_before_as_lost)
{
        struct world *w = bench_new();
        struct path_info p;
        struct request rq;

        bench_read(w, &rq, 5);
        bench_answer(w, 0);
        w->now += 2 * BENCH_RTT;
        cr_assert_eq(world_turn(w), 1);
        bench_answer(w, 0);
        p = world_path(w, 0);
        cr_assert_eq(p.lost, 4);
        cr_assert_eq(p.late, 0);
        cr_assert_eq(p.probes, 0);
        cr_assert_eq(p.window, 12, "one event, one cut");
        world_end(w);
}

Test(loss, the_answer_to_what_a_probe_repeated_shows_nothing)
{
        struct world *w = bench_new();
        struct path_info p;
        struct request rq;
        struct reply first;

        bench_read(w, &rq, 1);
        first = world_reply(w, 0, &w->ports[0]);
        w->now += 2 * BENCH_RTT;
        cr_assert_eq(world_turn(w), 1);
        world_input(w, 0, first.data, first.bytes);
        world_expect(w, &rq, REQUEST_OK);
        p = world_path(w, 0);
        cr_assert_eq(p.lost, 0);
        cr_assert_eq(p.late, 0, "it was not called lost");
        cr_assert_eq(p.received, world_path(w, 0).sent - 1);
        cr_assert_eq(p.window, 16);
        world_end(w);
}

Test(loss, a_probe_goes_back_to_its_path_though_the_window_is_full)
{
        struct world *w = bench_new();
        struct request rq;

        bench_read(w, &rq, 16);
        w->now += 2 * BENCH_RTT;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(world_path(w, 0).in_flight, 16);
        world_end(w);
}

Test(loss, an_orphan_is_not_worth_a_probe)
{
        struct world *w = bench_new();
        struct request rq[2];

        bench_read(w, &rq[0], 2);
        bench_read(w, &rq[1], 1);
        slot_orphan(&w->e->slots[w->sent[0].cause]);
        w->now += 2 * BENCH_RTT;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].data[28], 2, "the youngest that somebody waits for");
        command_restart(w->e, &rq[1], w->now);
        world_end(w);
}

Test(loss, a_probe_that_comes_late_does_not_bring_the_second_one_at_once)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 2);
        w->now += 9 * BENCH_RTT / 2; /* the second one would be due four RTTs after the frames */
        bench_tick(w, w->now);
        cr_assert_eq(world_path(w, 0).probed, 1);
        cr_assert_eq(loss_deadline(p), sent + BENCH_RTO);
        world_end(w);
}

/* ---- the RTO ---- */

Test(loss, a_frame_is_lost_at_the_rto_and_not_before)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 1);
        p->loss.probes = LOSS_PROBES_MAX;
        cr_assert_eq(loss_deadline(p), sent + BENCH_RTO);
        bench_tick(w, sent + BENCH_RTO - 1);
        cr_assert_eq(p->lost, 0);
        bench_tick(w, sent + BENCH_RTO);
        cr_assert_eq(p->lost, 1);
        cr_assert_eq(p->rtt.backoff, 1);
        cr_assert(p->suspect);
        cr_assert_eq(w->e->slots[w->sent[0].cause].again, AGAIN_EXPIRED);
        world_end(w);
}

Test(loss, all_that_expire_together_are_one_expiry)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec sent = w->now;

        bench_read(w, &rq, 8);
        p->loss.probes = LOSS_PROBES_MAX;
        bench_tick(w, sent + BENCH_RTO);
        cr_assert_eq(p->lost, 8);
        cr_assert_eq(p->rtt.backoff, 1);
        cr_assert_eq(world_path(w, 0).window, 12, "and one loss event");
        bench_tick(w, sent + BENCH_RTO + 1);
        cr_assert_eq(p->rtt.backoff, 1, "nothing is out");
        world_end(w);
}

Test(loss, a_target_with_one_buffer_is_sent_what_it_and_two_probes_have_lost)
{
        struct world *w = world_new();
        struct request rq;

        w->ports[0].buffers = 1;
        world_start(w, 1500);
        world_warm_up(w, 40, 1024);
        world_silence(w, true);
        world_submit(w, &rq, REQUEST_READ, 0, 1024);
        world_pass(w, 4 * NSEC_MS);
        cr_assert_eq(world_path(w, 0).probes, LOSS_PROBES_MAX);
        world_silence(w, false);
        world_pass(w, 16 * NSEC_MS);
        cr_assert_eq(world_path(w, 0).lost, 1, "the RTO has passed");
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

/* ---- what an answer after all teaches ---- */

/* The first of eight frames is called lost by gap and sent again; its answers are on the way. */
static struct world *bench_gap(struct request *rq, struct reply *ret_first)
{
        struct world *w = bench_new();

        bench_read(w, rq, 8);
        *ret_first = world_reply(w, 0, &w->ports[0]);
        for (unsigned i = 1; i < 8; i++)
                bench_answer(w, i);
        cr_assert_eq(world_path(w, 0).lost, 1);
        cr_assert_eq(world_path(w, 0).window, 12);
        return w;
}

Test(loss, an_answer_to_what_was_called_lost_undoes_the_cut_and_slows_the_rule)
{
        struct request rq;
        struct reply first;
        struct world *w = bench_gap(&rq, &first);
        struct path_info p;

        cr_assert_eq(world_turn(w), 1);
        world_input(w, 0, first.data, first.bytes);
        world_expect(w, &rq, REQUEST_OK);
        p = world_path(w, 0);
        cr_assert_eq(p.late, 1);
        cr_assert_eq(p.window, 16);
        cr_assert_eq(world_path_at(w, 0)->loss.reorder, LOSS_REORDER_MIN + 1);
        cr_assert_eq(w->e->counters.answers_late, 1);
        world_answer(w, 0);
        p = world_path(w, 0);
        cr_assert_eq(p.late, 1, "the answer to the resend says nothing new");
        cr_assert_eq(world_drops(w, DROP_LATE), 1);
        world_end(w);
}

Test(loss, so_does_one_that_comes_after_the_answer_to_the_resend)
{
        struct request rq;
        struct reply first;
        struct world *w = bench_gap(&rq, &first);

        cr_assert_eq(world_turn(w), 1);
        world_answer(w, 0);
        world_expect(w, &rq, REQUEST_OK);
        cr_assert_eq(world_path(w, 0).late, 0);
        world_input(w, 0, first.data, first.bytes);
        cr_assert_eq(world_path(w, 0).late, 1);
        cr_assert_eq(world_path(w, 0).window, 16);
        cr_assert_eq(world_path_at(w, 0)->loss.reorder, LOSS_REORDER_MIN + 1);
        world_end(w);
}

Test(loss, reorder_stops_at_64)
{
        struct request rq;
        struct reply first;
        struct world *w = bench_gap(&rq, &first);

        world_path_at(w, 0)->loss.reorder = LOSS_REORDER_MAX;
        cr_assert_eq(world_turn(w), 1);
        world_input(w, 0, first.data, first.bytes);
        cr_assert_eq(world_path_at(w, 0)->loss.reorder, LOSS_REORDER_MAX);
        world_end(w);
}

Test(loss, a_late_answer_after_an_expiry_undoes_the_cut_only)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        struct reply first;

        bench_read(w, &rq, 1);
        first = world_reply(w, 0, &w->ports[0]);
        p->loss.probes = LOSS_PROBES_MAX;
        w->now += BENCH_RTO;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(world_path(w, 0).window, 12);
        world_input(w, 0, first.data, first.bytes);
        cr_assert_eq(p->late, 1);
        cr_assert_eq(world_path(w, 0).window, 16);
        cr_assert_eq(p->loss.reorder, LOSS_REORDER_MIN);
        cr_assert_gt(p->rtt.smoothed, BENCH_RTT, "its time counts: it was this transmission's");
        world_end(w);
}

Test(loss, each_sample_is_the_time_of_the_transmission_that_was_answered)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        nsec took = 600 * NSEC_US;

        bench_read(w, &rq, 1);
        p->loss.probes = LOSS_PROBES_MAX;
        w->now += BENCH_RTO;
        cr_assert_eq(world_turn(w), 1);
        p->rtt = (struct rtt){0};
        w->now += took;
        world_answer(w, 0);
        cr_assert_eq(p->rtt.smoothed, took, "not since the first one was sent");
        world_end(w);
}

Test(loss, what_was_moved_was_not_lost_and_its_late_answer_undoes_nothing)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;
        struct reply first;

        bench_read(w, &rq, 1);
        first = world_reply(w, 0, &w->ports[0]);
        slot_requeue(w->e, &w->e->slots[w->sent[0].cause], AGAIN_MOVED, w->now);
        cc_cut(&p->cc, 1);
        cr_assert_eq(world_turn(w), 1);
        world_input(w, 0, first.data, first.bytes);
        cr_assert_eq(p->late, 1);
        cr_assert_eq(world_path(w, 0).window, 12);
        world_end(w);
}

/* ---- what it costs ---- */

Test(loss, frames_sent_before_the_cut_belong_to_one_event)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;

        bench_read(w, &rq, 16);
        for (unsigned i = 4; i < 16; i++)
                bench_answer(w, i);
        cr_assert_eq(p->lost, 4);
        cr_assert_eq(world_path(w, 0).window, 12);
        cr_assert_eq(world_turn(w), 4);
        world_run(w);
        p->rtt = (struct rtt){.smoothed = BENCH_RTT};
        world_end(w);
}

Test(loss, each_frame_is_counted_once_as_received_lost_or_in_flight)
{
        struct world *w = bench_new();
        struct path_info p;
        struct request rq;
        uint64_t sent = world_path(w, 0).sent, received = world_path(w, 0).received;

        bench_read(w, &rq, 8);
        for (unsigned i = 2; i < 7; i++)
                bench_answer(w, i);
        p = world_path(w, 0);
        cr_assert_eq(p.sent - sent, 8);
        cr_assert_eq(p.received - received, 5);
        cr_assert_eq(p.lost, 2);
        cr_assert_eq(p.in_flight, 1);
        world_end(w);
}
