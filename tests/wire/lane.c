/* SPDX-License-Identifier: MIT */
#include "lane.h"

#include <stddef.h>

#include "dice.h"

#define REORDER_PASSING_MAX 8

void lane_init(struct lane *l, struct frame_pool *pool, uint64_t seed)
{
        *l = (struct lane){.pool = pool};
        l->queue_end = &l->queue;
        faults_init(&l->faults, seed);
}

void lane_set(struct lane *l, const struct settings *s, uint64_t now_ns)
{
        const struct setting *before = &l->faults.settings.of[FAULT_SPIKE];
        const struct setting *after = &s->of[FAULT_SPIKE];

        if (before->level != after->level || before->extra != after->extra)
                l->spike_epoch_ns = now_ns;
        faults_set(&l->faults, s);
}

static void lane_give_up(struct lane *l, struct frame *f)
{
        l->given_up++;
        frame_put(l->pool, f);
}

/* Does f find the queue before a slow lane full? Else it is through at busy_until. */
static bool rate_drops(struct lane *l, const struct frame *f, uint64_t now_ns)
{
        const struct setting *rate = &l->faults.settings.of[FAULT_RATE];
        uint64_t begin, queue_ns;

        if (rate->level == 0)
                return false;
        begin = l->busy_until_ns > now_ns ? l->busy_until_ns : now_ns;
        queue_ns = rate->extra * UINT64_C(1024) * 8 * 1000 / rate->level;
        if (begin - now_ns > queue_ns) {
                l->faults.applied[FAULT_RATE]++;
                return true;
        }
        l->busy_until_ns = begin + f->times * f->bytes * UINT64_C(8) * 1000 / rate->level;
        return false;
}

/* When the spike that is on ends; now when there is none. */
static uint64_t spike_end(const struct lane *l, uint64_t now_ns)
{
        const struct setting *spike = &l->faults.settings.of[FAULT_SPIKE];
        uint64_t every_ns = spike->extra * MILLISECOND_NS, phase_ns;

        if (spike->level == 0)
                return now_ns;
        phase_ns = (now_ns - l->spike_epoch_ns) % every_ns;
        if (phase_ns < every_ns - spike->level * MILLISECOND_NS)
                return now_ns;
        return now_ns + every_ns - phase_ns;
}

/* The frame enters the queue. One that is due before those ahead of it waits for them. */
static void lane_queue(struct lane *l, struct frame *f, uint64_t now_ns)
{
        uint32_t delay_us = l->faults.settings.of[FAULT_DELAY].level;

        if (rate_drops(l, f, now_ns)) {
                frame_put(l->pool, f);
                return;
        }
        f->due_ns = now_ns > l->busy_until_ns ? now_ns : l->busy_until_ns;
        if (delay_us > 0) {
                f->due_ns += delay_us * MICROSECOND_NS;
                l->faults.applied[FAULT_DELAY]++;
        }
        if (spike_end(l, now_ns) > now_ns)
                l->faults.applied[FAULT_SPIKE]++;
        f->next = NULL;
        *l->queue_end = f;
        l->queue_end = &f->next;
}

/* Is f to be held? Then it is, in order of arrival; there are never many. */
static bool lane_hold(struct lane *l, struct frame *f, uint64_t now_ns)
{
        struct frame **end = &l->held;

        if (faults_strike(&l->faults, FAULT_STRAY)) {
                f->passing = UINT32_MAX;
                f->due_ns = now_ns + STRAY_NS;
        } else if (faults_strike(&l->faults, FAULT_REORDER)) {
                f->passing = 1 + (uint32_t)dice_roll(&l->faults.dice, REORDER_PASSING_MAX);
                f->due_ns = now_ns + REORDER_NS_MAX;
        } else {
                return false;
        }
        while (*end)
                end = &(*end)->next;
        f->next = NULL;
        *end = f;
        return true;
}

/* A frame went past the held ones: those that had their number follow it. */
static void lane_pass_held(struct lane *l, uint64_t now_ns)
{
        struct frame **at = &l->held, *f;

        while ((f = *at)) {
                if (--f->passing > 0) {
                        at = &f->next;
                        continue;
                }
                *at = f->next;
                lane_queue(l, f, now_ns);
        }
}

void lane_tick(struct lane *l, uint64_t now_ns)
{
        struct frame **at = &l->held, *f;

        while ((f = *at)) {
                if (f->due_ns > now_ns) {
                        at = &f->next;
                        continue;
                }
                *at = f->next;
                if (now_ns - f->arrived_ns > OVERTAKEN_NS_MAX)
                        lane_give_up(l, f);
                else
                        lane_queue(l, f, now_ns);
        }
}

void lane_take(struct lane *l, struct frame *f, uint64_t now_ns)
{
        f->arrived_ns = now_ns;
        if (l->pool->left < FRAME_BATCH) {
                lane_give_up(l, f);
                return;
        }
        if (faults_lose(&l->faults, f)) {
                frame_put(l->pool, f);
                return;
        }
        faults_alter(&l->faults, f);
        if (lane_hold(l, f, now_ns))
                return;
        lane_queue(l, f, now_ns);
        lane_pass_held(l, now_ns);
}

struct frame *lane_next(struct lane *l, uint64_t now_ns)
{
        struct frame *f;

        if (spike_end(l, now_ns) > now_ns)
                return NULL;
        while ((f = l->queue) && f->due_ns <= now_ns) {
                l->queue = f->next;
                if (!l->queue)
                        l->queue_end = &l->queue;
                if (now_ns - f->arrived_ns <= LIFE_NS_MAX) {
                        l->carried++;
                        return f;
                }
                lane_give_up(l, f);
        }
        return NULL;
}

uint64_t lane_deadline(const struct lane *l, uint64_t now_ns)
{
        uint64_t at = UINT64_MAX;

        if (l->queue) {
                uint64_t spike_ns = spike_end(l, now_ns);

                at = l->queue->due_ns > spike_ns ? l->queue->due_ns : spike_ns;
        }
        for (const struct frame *f = l->held; f; f = f->next)
                if (f->due_ns < at)
                        at = f->due_ns;
        return at;
}
