/* SPDX-License-Identifier: MIT */
/* Whose turn it is: devices that want the same scarce thing have it in turn. */
#include "engine_world.h"

#define DEVICES 3
#define SERVED  90 /* frames that the box answers, one after the other */

/* Three devices behind one MAC, with more to read than will ever be answered. */
struct bench {
        struct world *w;
        struct request rq[DEVICES][2];
        struct sent queue[64]; /* in the box, in order of sending */
        unsigned head, count;
        unsigned served[DEVICES];
};

static void bench_keep(struct bench *b)
{
        world_turn(b->w);
        for (unsigned i = 0; i < b->w->sent_count; i++)
                b->queue[(b->head + b->count++) % 64] = b->w->sent[i];
        cr_assert_leq(b->count, 64);
}

/* The oldest frame in the box is answered. */
static void bench_serve(struct bench *b)
{
        struct world *w = b->w;

        w->sent[0] = b->queue[b->head];
        b->head = (b->head + 1) % 64;
        b->count--;
        b->served[w->sent[0].data[18] - 1]++;
        world_answer_after(w, 0, WORLD_RTT);
        world_release(w);
}

static struct bench *bench_new(struct world *w)
{
        struct bench *b = calloc(1, sizeof *b);

        b->w = w;
        for (uint8_t i = 1; i < DEVICES; i++)
                world_port(w, 0, 1, aoe_addr_make(7, (uint8_t)(1 + i)));
        world_start(w, 1500);
        for (unsigned i = 0; i < DEVICES; i++)
                for (unsigned k = 0; k < 2; k++) {
                        b->rq[i][k] = (struct request){
                                .op = REQUEST_READ, .addr = w->ports[i].addr, .bytes = 1 << 20};
                        cr_assert(engine_submit(w->e, &b->rq[i][k], w->now));
                        bench_keep(b); /* the first device finds nobody before it */
                }
        return b;
}

static void bench_end(struct bench *b)
{
        world_end(b->w);
        free(b);
}

static void expect_equal_shares(struct bench *b)
{
        for (unsigned i = 0; i < SERVED; i++) {
                bench_serve(b);
                bench_keep(b);
        }
        for (unsigned i = 0; i < DEVICES; i++)
                cr_assert_geq(b->served[i], SERVED / DEVICES * 2 / 3, "device %u: %u of %u", i,
                              b->served[i], SERVED);
}

Test(emit, devices_behind_a_full_station_have_equal_shares)
{
        struct world *w = world_new();
        struct bench *b;

        w->options.station_max = 6;
        b = bench_new(w);
        cr_assert_eq(b->count, 6, "the first device has it all");
        expect_equal_shares(b);
        bench_end(b);
}

Test(emit, devices_that_wait_for_slots_have_equal_shares)
{
        struct world *w = world_new();
        struct bench *b;

        w->options.slots = 16;
        b = bench_new(w);
        cr_assert_eq(b->count, 12);
        expect_equal_shares(b);
        bench_end(b);
}
