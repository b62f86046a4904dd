/* SPDX-License-Identifier: MIT */
/* lane: in order but for what is held, and nothing is kept for longer than aoefs counts on. */
#include <criterion/criterion.h>

#include "lane.h"

#define FRAMES 2000
#define START  (100 * SECOND_NS)

static struct frame_pool pool;
static struct lane lane;
static struct settings settings;
static uint64_t now;
static unsigned next_number; /* of the frame that is taken next */

static void setup(void)
{
        frame_pool_init(&pool);
        lane_init(&lane, &pool, 1);
        now = START;
}

/* Whatever happened: no frame is anywhere else, once all are due. */
static void teardown(void)
{
        struct frame *f;

        lane_set(&lane, &(struct settings){0}, now);
        lane_tick(&lane, now + SECOND_NS);
        while ((f = lane_next(&lane, now + SECOND_NS)))
                frame_put(&pool, f);
        cr_assert_eq(pool.left, FRAME_COUNT, "%u frames are gone", FRAME_COUNT - pool.left);
        cr_assert_eq(lane_deadline(&lane, now), UINT64_MAX);
        frame_pool_fini(&pool);
}

TestSuite(badwire_lane, .init = setup, .fini = teardown);

static void want(enum fault f, uint32_t level, uint32_t extra)
{
        settings.of[f] = (struct setting){level, extra};
        lane_set(&lane, &settings, now);
}

/* A frame of so many bytes comes in; its number is written in it. */
static void take(uint32_t bytes)
{
        struct frame *f = frame_get(&pool);

        f->bytes = bytes;
        *(unsigned *)(void *)f->data = next_number++;
        lane_tick(&lane, now);
        lane_take(&lane, f, now);
}

/* The number of the next frame that goes now; -1: none. */
static int sent(void)
{
        struct frame *f = lane_next(&lane, now);
        int number = -1;

        if (f) {
                number = (int)*(unsigned *)(void *)f->data;
                frame_put(&pool, f);
        }
        return number;
}

Test(badwire_lane, carries_all_in_order)
{
        cr_assert_eq(lane_deadline(&lane, now), UINT64_MAX);
        for (int i = 0; i < FRAMES; i++)
                take(60);
        for (int i = 0; i < FRAMES; i++)
                cr_assert_eq(sent(), i);
        cr_assert_eq(sent(), -1);
        cr_assert_eq(lane.carried, FRAMES);
}

Test(badwire_lane, keeps_a_twin_with_its_frame)
{
        uint64_t twins = 0;

        want(FAULT_DUPLICATE, 300000, 0);
        want(FAULT_REORDER, 300000, 0);
        for (int i = 0; i < FRAMES; i++)
                take(60);
        now += 3 * MILLISECOND_NS;
        lane_tick(&lane, now);
        for (struct frame *f; (f = lane_next(&lane, now)); frame_put(&pool, f))
                twins += f->times == 2;
        cr_assert_eq(twins, lane.faults.applied[FAULT_DUPLICATE]);
        cr_assert_gt(twins, FRAMES / 5);
        cr_assert_eq(lane.carried, FRAMES);
}

Test(badwire_lane, lets_up_to_eight_pass)
{
        want(FAULT_REORDER, CHANCE_CERTAIN, 0);
        take(60);
        want(FAULT_REORDER, 0, 0);
        cr_assert_eq(sent(), -1);
        for (int passed = 1; passed <= 8; passed++) {
                take(60);
                cr_assert_eq(sent(), passed);
                if (sent() == 0)
                        return;
        }
        cr_assert_fail("eight passed, and it is held still");
}

Test(badwire_lane, holds_a_reordered_frame_for_three_milliseconds_at_most)
{
        want(FAULT_REORDER, CHANCE_CERTAIN, 0);
        take(60);
        want(FAULT_REORDER, 0, 0);
        cr_assert_eq(lane_deadline(&lane, now), START + 3 * MILLISECOND_NS);
        now = START + 3 * MILLISECOND_NS - 1;
        lane_tick(&lane, now);
        cr_assert_eq(sent(), -1);
        now++;
        take(60); /* what comes only now finds it gone before */
        cr_assert_eq(sent(), 0);
        cr_assert_eq(sent(), 1);
}

Test(badwire_lane, holds_a_stray_for_eight_milliseconds)
{
        want(FAULT_STRAY, CHANCE_CERTAIN, 0);
        take(60);
        want(FAULT_STRAY, 0, 0);
        for (int i = 1; i < 1000; i++) {
                take(60);
                cr_assert_eq(sent(), i);
                cr_assert_eq(sent(), -1);
        }
        now = lane_deadline(&lane, now);
        cr_assert_eq(now, START + 8 * MILLISECOND_NS);
        lane_tick(&lane, now);
        cr_assert_eq(sent(), 0);
}

Test(badwire_lane, loses_what_it_held_too_long)
{
        want(FAULT_STRAY, CHANCE_CERTAIN, 0);
        take(60);
        want(FAULT_STRAY, 0, 0);
        now += OVERTAKEN_NS_MAX + 1;
        take(60);
        cr_assert_eq(sent(), 1);
        cr_assert_eq(sent(), -1);
        cr_assert_eq(lane.given_up, 1);
}

Test(badwire_lane, delays_in_order)
{
        want(FAULT_DELAY, 1000, 0);
        take(60);
        now += 400 * MICROSECOND_NS;
        want(FAULT_DELAY, 100, 0); /* shorter: but not past the one before */
        take(60);
        cr_assert_eq(sent(), -1);
        now = lane_deadline(&lane, now);
        cr_assert_eq(now, START + 1000 * MICROSECOND_NS);
        cr_assert_eq(sent(), 0);
        cr_assert_eq(sent(), 1);
}

Test(badwire_lane, holds_everything_in_a_spike)
{
        want(FAULT_SPIKE, 50, 500);
        take(60);
        cr_assert_eq(sent(), 0);
        now = START + 450 * MILLISECOND_NS;
        take(60);
        now += 40 * MILLISECOND_NS;
        take(60);
        cr_assert_eq(sent(), -1);
        cr_assert_eq(lane.faults.applied[FAULT_SPIKE], 2);
        now = lane_deadline(&lane, now);
        cr_assert_eq(now, START + 500 * MILLISECOND_NS);
        cr_assert_eq(sent(), 1);
        cr_assert_eq(sent(), 2);
}

/* 1000 bytes at 100 Mbit/s take 80 us; 16 KiB of queue are 1311 us. */
Test(badwire_lane, has_a_rate_and_a_queue_that_drops_its_tail)
{
        int last = -1;

        want(FAULT_RATE, 100, 16);
        for (int i = 0; i < 30; i++)
                take(1000);
        cr_assert_eq(lane.faults.applied[FAULT_RATE], 30 - 17);
        for (int i = 0; i < 17; i++) {
                cr_assert_eq(sent(), -1);
                now = lane_deadline(&lane, now);
                cr_assert_eq(now, START + (uint64_t)(i + 1) * 80 * MICROSECOND_NS);
                last = sent();
        }
        cr_assert_eq(last, 16);
        cr_assert_eq(lane_deadline(&lane, now), UINT64_MAX);
}

Test(badwire_lane, lets_nothing_live_too_long)
{
        want(FAULT_DELAY, DELAY_US_MAX, 0);
        take(60);
        now += LIFE_NS_MAX + 1;
        cr_assert_eq(sent(), -1);
        cr_assert_eq(lane.given_up, 1);
}

Test(badwire_lane, leaves_frames_for_receiving)
{
        want(FAULT_DELAY, DELAY_US_MAX, 0);
        for (int i = 0; i < FRAME_COUNT + FRAME_BATCH; i++)
                take(60);
        cr_assert_geq(pool.left, FRAME_BATCH - 1); /* the one that was just taken came from them */
        cr_assert_gt(lane.given_up, FRAME_BATCH);
}
