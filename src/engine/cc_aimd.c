/* SPDX-License-Identifier: MIT */
/*
 * Additive increase, multiplicative decrease, made for short fat windows: the cut is to 3/4 (one
 * loss of 16 frames says little about the target's buffer), the floor is CC_FLOOR frames, since
 * below it a path cannot even see the gap that a loss leaves behind.
 *
 * A wire that loses frames whatever the window is would hold it down for nothing. So when many are
 * lost, a trial at the floor finds out how many of them the wire takes by itself: the base. Losses
 * cost no window as long as they are not half as many again. Among several hosts that fill one
 * buffer each takes the losses of all for the wire's, therefore the base is bounded.
 */
#include "engine/cc.h"

#include "base/check.h"

#define CC_FLOOR       4
#define CC_BLOCK       256         /* frames whose losses are counted together */
#define CC_RATE_MIN    (1024 / 32) /* lost of 1024 frames: worth a trial */
#define CC_BASE_MAX    (1024 / 8)
#define CC_CREDIT_MAX  (8 << 10) /* losses in a row that the base explains */
#define CC_TRIAL_EVERY 64        /* blocks */

static uint32_t cc_floor(const struct cc *c)
{
        return c->cap < CC_FLOOR ? c->cap : CC_FLOOR;
}

static uint32_t cc_clip(const struct cc *c, uint32_t window_x256)
{
        uint32_t floor = cc_floor(c) << 8;
        uint32_t ceiling = c->cap << 8;

        if (window_x256 < floor)
                return floor;
        return window_x256 < ceiling ? window_x256 : ceiling;
}

void cc_init(struct cc *c, uint32_t start, uint32_t cap)
{
        CHECK(cap > 0);
        *c = (struct cc){.cap = cap, .threshold_x256 = cap << 8};
        c->window_x256 = cc_clip(c, start << 8);
}

void cc_set_cap(struct cc *c, uint32_t cap)
{
        CHECK(cap > 0);
        if (cap == c->cap)
                return;
        c->cap = cap;
        c->threshold_x256 = cap << 8;
        c->window_x256 = cc_clip(c, c->window_x256);
        c->undo_window_x256 = 0;
}

void cc_on_send(struct cc *c, uint32_t in_flight, bool full)
{
        if (full)
                c->due = in_flight;
}

static void cc_begin_trial(struct cc *c)
{
        c->trial_window_x256 = c->window_x256;
        c->unsettled = cc_window(c);
        c->undo_window_x256 = 0;
        c->window_x256 = cc_floor(c) << 8;
        c->trial_wait = CC_TRIAL_EVERY;
}

static void cc_end_trial(struct cc *c, uint32_t rate)
{
        c->base_x1024 = rate < CC_BASE_MAX ? rate : CC_BASE_MAX;
        c->window_x256 = cc_clip(c, c->trial_window_x256);
        c->trial_window_x256 = 0;
}

static void cc_end_block(struct cc *c)
{
        uint32_t rate = c->block_lost * 1024 / CC_BLOCK;

        c->block_frames = c->block_lost = 0;
        if (c->trial_window_x256 > 0)
                cc_end_trial(c, rate);
        else if (c->trial_wait > 0)
                c->trial_wait--;
        else if (rate >= CC_RATE_MIN && rate > c->base_x1024 + c->base_x1024 / 2)
                cc_begin_trial(c);
        if (rate < c->base_x1024 / 2)
                c->base_x1024 = rate;
}

/* One more frame has come to its end. */
static void cc_count(struct cc *c, bool lost)
{
        c->credit_x1024 += c->base_x1024 + c->base_x1024 / 2;
        if (c->credit_x1024 > CC_CREDIT_MAX)
                c->credit_x1024 = CC_CREDIT_MAX;
        if (c->unsettled > 0) {
                c->unsettled--; /* it was sent before the trial */
                return;
        }
        c->block_lost += lost;
        if (++c->block_frames == CC_BLOCK)
                cc_end_block(c);
}

/* Is one more loss no more than the wire takes from any window? */
static bool cc_is_base(struct cc *c)
{
        if (c->credit_x1024 < 1024)
                return false;
        c->credit_x1024 -= 1024;
        return true;
}

void cc_on_answer(struct cc *c, uint32_t weight)
{
        cc_count(c, false);
        if (c->due == 0 || c->trial_window_x256 > 0)
                return; /* the window was not what held us back, or is to stay */
        c->due--;
        if (c->window_x256 < c->threshold_x256)
                c->window_x256 += 256;
        else
                c->window_x256 += weight * (256 * 256) / c->window_x256 + 1;
        c->window_x256 = cc_clip(c, c->window_x256);
}

void cc_cut(struct cc *c, uint32_t weight)
{
        CHECK(weight > 0);
        c->undo_window_x256 = c->window_x256;
        c->undo_threshold_x256 = c->threshold_x256;
        c->window_x256 = cc_clip(c, c->window_x256 - c->window_x256 / (4 * weight));
        c->threshold_x256 = c->window_x256;
}

bool cc_on_loss(struct cc *c, uint64_t serial, uint64_t serial_next)
{
        cc_count(c, true);
        if (cc_is_base(c) || serial < c->recovery || c->trial_window_x256 > 0)
                return false;
        cc_cut(c, 1);
        c->recovery = serial_next;
        return true;
}

void cc_on_spurious(struct cc *c)
{
        if (c->undo_window_x256 == 0)
                return;
        if (c->window_x256 < c->undo_window_x256)
                c->window_x256 = cc_clip(c, c->undo_window_x256);
        c->threshold_x256 = c->undo_threshold_x256;
        c->undo_window_x256 = 0;
}
