/* SPDX-License-Identifier: MIT */
/* rtt, cc_aimd and order, each alone: their contracts and their failing sides. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "engine/core.h"

Test(rtt, starts_at_100_ms_and_learns_from_the_first_sample)
{
        struct rtt r = {0};

        cr_assert_eq(rtt_rto(&r), 100 * NSEC_MS);
        rtt_sample(&r, 40 * NSEC_MS);
        cr_assert_eq(r.smoothed, 40 * NSEC_MS);
        cr_assert_eq(rtt_rto(&r), 120 * NSEC_MS); /* SRTT + 4 * SRTT / 2 */
}

Test(rtt, has_a_floor_and_a_cap)
{
        struct rtt r = {0};

        for (int i = 0; i < 100; i++)
                rtt_sample(&r, 50 * NSEC_US);
        cr_assert_eq(rtt_rto(&r), RTT_RTO_MIN);
        for (int i = 0; i < 40; i++)
                rtt_on_expiry(&r);
        cr_assert_eq(rtt_rto(&r), RTT_RTO_MAX);
        rtt_sample(&r, 50 * NSEC_US);
        cr_assert_eq(rtt_rto(&r), RTT_RTO_MIN, "one answer ends the back-off");
}

Test(rtt, a_sample_of_zero_still_counts_as_measured)
{
        struct rtt r = {0};

        rtt_sample(&r, 0);
        cr_assert_neq(r.smoothed, 0);
}

/* An answer to a frame that was out while the window was full. */
static void bench_answer(struct cc *c)
{
        cc_on_send(c, cc_window(c), true);
        cc_on_answer(c, 1);
}

Test(cc, never_passes_the_target_s_buffers_nor_falls_to_nothing)
{
        struct cc c;

        cc_init(&c, 8, 16);
        for (unsigned i = 0; i < 1000; i++)
                bench_answer(&c);
        cr_assert_eq(cc_window(&c), 16);
        for (uint64_t serial = 0; serial < 100; serial++)
                cc_on_loss(&c, serial, serial + 1);
        cr_assert_eq(cc_window(&c), 4);
        cc_init(&c, 8, 1);
        cc_on_loss(&c, 0, 1);
        cr_assert_eq(cc_window(&c), 1);
}

Test(cc, one_cut_per_loss_event_and_undone_when_it_was_none)
{
        struct cc c;

        cc_init(&c, 8, 16);
        for (unsigned i = 0; i < 100; i++)
                bench_answer(&c);
        cc_on_loss(&c, 5, 20);
        cc_on_loss(&c, 6, 20);
        cc_on_loss(&c, 19, 20);
        cr_assert_eq(cc_window(&c), 12);
        cc_on_spurious(&c);
        cr_assert_eq(cc_window(&c), 16);
        cc_on_spurious(&c);
        cr_assert_eq(cc_window(&c), 16, "there is nothing left to undo");
}

Test(cc, grows_for_every_answer_to_what_was_out_while_it_was_full)
{
        struct cc c;

        cc_init(&c, 8, 64);
        cc_on_send(&c, 7, false);
        cc_on_answer(&c, 1);
        cr_assert_eq(cc_window(&c), 8, "it was not full");
        cc_on_send(&c, 8, true);
        for (unsigned i = 0; i < 20; i++) /* in one batch: nothing is sent in between */
                cc_on_answer(&c, 1);
        cr_assert_eq(cc_window(&c), 16, "eight were out, the others are not its doing");
}

Test(cc, a_window_that_stands_for_many_moves_like_their_sum)
{
        struct cc one, four;

        cc_init(&one, 16, 1000);
        cc_init(&four, 64, 1000);
        cc_on_loss(&one, 0, 1);
        cc_cut(&four, 4);
        cr_assert_eq(cc_window(&one), 12);
        cr_assert_eq(cc_window(&four), 60, "one of the four has lost a quarter of its 16");
        for (unsigned i = 0; i < 60; i++) {
                cc_on_send(&four, 60, true);
                cc_on_answer(&four, 4);
        }
        cr_assert_eq(cc_window(&four), 64, "a window's worth of answers: one frame for each");
}

/* Of each ten frames the last are lost, while the window is more than limit; its mean in x256. */
static uint64_t bench_lossy(struct cc *c, unsigned frames, unsigned lost, unsigned limit)
{
        uint64_t sum = 0, first = c->recovery;

        for (unsigned i = 0; i < frames; i++) {
                if (i % 10 >= 10 - lost && cc_window(c) > limit)
                        cc_on_loss(c, first + i, first + i + cc_window(c));
                else
                        bench_answer(c);
                sum += c->window_x256;
        }
        return sum / frames;
}

Test(cc, a_wire_that_loses_from_any_window_costs_none)
{
        struct cc c;

        cc_init(&c, 8, 16);
        cr_assert_lt(bench_lossy(&c, 256, 1, 0), 8 << 8, "nobody knows yet");
        bench_lossy(&c, 512, 1, 0);
        cr_assert_gt(bench_lossy(&c, 4000, 1, 0), 15 << 8);
        cr_assert_lt(bench_lossy(&c, 4000, 3, 0), 8 << 8, "this is too much to be borne");
        bench_lossy(&c, 1024, 0, 0);
        cr_assert_eq(cc_window(&c), 16);
        cr_assert_lt(bench_lossy(&c, 256, 1, 0), 12 << 8, "it has been clean since");
}

Test(cc, losses_of_a_wide_window_alone_cut_it_for_ever)
{
        struct cc c;

        cc_init(&c, 8, 16);
        bench_lossy(&c, 512, 1, 8);
        cr_assert_lt(bench_lossy(&c, 4000, 1, 8), 9 << 8);
        cr_assert_lt(bench_lossy(&c, 4000, 1, 8), 9 << 8);
}

Test(cc, a_trial_in_vain_is_not_repeated_soon)
{
        unsigned frames = 0;
        struct cc c;

        cc_init(&c, 8, 16);
        for (unsigned i = 0; i < 1024; i++) {
                bench_lossy(&c, 10, 5, 6);
                frames += c.trial_window_x256 > 0 ? 10 : 0;
        }
        cr_assert_gt(frames, 0, "half of what a window of 7 sends is lost");
        cr_assert_lt(frames, 300, "one trial in 10240 frames");
}

Test(cc, a_cap_of_zero_is_a_bug_of_the_caller, .signal = SIGILL)
{
        struct cc c;

        cc_init(&c, 8, 0);
}

/* ---- order ---- */

struct bench {
        struct engine e;
        struct device d;
        struct request rq[8];
};

static struct bench *bench_new(void)
{
        struct bench *b = calloc(1, sizeof *b);

        list_init(&b->e.called);
        list_init(&b->e.run);
        list_init(&b->d.run);
        list_init(&b->d.ready);
        list_init(&b->d.flushes);
        list_init(&b->d.sequence);
        range_set_init(&b->d.order, 7);
        b->d.ticket_next = 1;
        return b;
}

static struct request *bench_request(struct bench *b, unsigned i, enum request_op op)
{
        struct request *rq = &b->rq[i];

        rq->op = op;
        rq->device = &b->d;
        list_init(&rq->node);
        list_init(&rq->copies);
        list_init(&rq->order.sequence);
        return rq;
}

static struct request *bench_write(struct bench *b, unsigned i, uint64_t first, uint64_t end)
{
        struct request *rq = bench_request(b, i, REQUEST_WRITE);

        rq->offset = first * AOE_SECTOR_BYTES;
        rq->bytes = (uint32_t)(end - first) * AOE_SECTOR_BYTES;
        rq->lba_first = rq->order.range.first = first;
        rq->lba_end = rq->order.range.end = end;
        order_enter(&b->d, rq);
        return rq;
}

Test(order, a_write_waits_for_every_earlier_overlapping_one)
{
        struct bench *b = bench_new();
        struct request *w0 = bench_write(b, 0, 0, 10), *w1 = bench_write(b, 1, 20, 30);
        struct request *w2 = bench_write(b, 2, 5, 25), *w3 = bench_write(b, 3, 30, 31);

        cr_assert_eq(w0->blockers, 0);
        cr_assert_eq(w1->blockers, 0);
        cr_assert_eq(w2->blockers, 2);
        cr_assert_eq(w3->blockers, 0, "neighbours do not overlap");
        order_leave(&b->e, &b->d, &w0->order);
        cr_assert_eq(w2->blockers, 1);
        cr_assert(!list_is_linked(&w2->node));
        order_leave(&b->e, &b->d, &w1->order);
        cr_assert_eq(list_first(&b->d.ready), &w2->node, "now it may start");
        free(b);
}

Test(order, an_earlier_write_does_not_wait_for_a_later_one)
{
        struct bench *b = bench_new();
        struct request *w0 = bench_write(b, 0, 0, 10), *w1 = bench_write(b, 1, 0, 10);
        struct request *w2 = bench_write(b, 2, 0, 10);

        cr_assert_eq(w1->blockers, 1);
        cr_assert_eq(w2->blockers, 2);
        order_leave(&b->e, &b->d, &w2->order); /* cancelled while it waited */
        cr_assert_eq(w1->blockers, 1);
        order_leave(&b->e, &b->d, &w0->order);
        cr_assert_eq(w1->blockers, 0);
        free(b);
}

Test(order, a_copy_takes_the_place_of_its_finished_write)
{
        struct bench *b = bench_new();
        struct request *w0 = bench_write(b, 0, 0, 10), *w1 = bench_write(b, 1, 4, 6);
        struct request *w2 = bench_write(b, 2, 8, 9);
        struct copy c = {.device = &b->d, .order.range = {.first = 0, .end = 5}};

        list_init(&c.order.sequence);
        order_inherit(&b->d, &c, w0);
        order_leave(&b->e, &b->d, &w0->order);
        cr_assert_eq(w1->blockers, 1, "the copy may still land on sector 4");
        cr_assert_eq(w2->blockers, 0);
        order_leave(&b->e, &b->d, &c.order);
        cr_assert_eq(w1->blockers, 0);
        free(b);
}

Test(order, a_flush_waits_for_what_came_before_it_only)
{
        struct bench *b = bench_new();
        struct request *w0 = bench_write(b, 0, 0, 10);
        struct request *f = bench_request(b, 1, REQUEST_FLUSH);
        struct request *w1;

        order_enter_flush(&b->d, f);
        w1 = bench_write(b, 2, 50, 60);
        cr_assert(!order_is_past(&b->d, f->order.ticket));
        order_leave(&b->e, &b->d, &w1->order);
        cr_assert_eq(list_first(&b->d.flushes), &f->node);
        order_leave(&b->e, &b->d, &w0->order);
        cr_assert_eq(list_first(&b->d.ready), &f->node);
        free(b);
}
