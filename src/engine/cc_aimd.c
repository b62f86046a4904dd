/* SPDX-License-Identifier: MIT */
/*
 * Additive increase, multiplicative decrease, made for short fat windows: the cut is to 3/4 (one
 * loss of 16 frames says little about the target's buffer), the floor is CC_FLOOR frames, since
 * below it a path cannot even see the gap that a loss leaves behind.
 */
#include "engine/cc.h"

#include "base/check.h"

#define CC_FLOOR 4

static uint32_t cc_clip(const struct cc *c, uint32_t window_x256)
{
        uint32_t floor = (c->cap < CC_FLOOR ? c->cap : CC_FLOOR) << 8;
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

void cc_on_answer(struct cc *c, uint32_t weight)
{
        if (c->due == 0)
                return; /* the window was not what held us back */
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
        if (serial < c->recovery)
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
