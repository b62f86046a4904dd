/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: how many frames a path, or a station, may have in flight. Facts go in, a
 * window comes out; an algorithm never sees a path. The cap is the target's buffer count: above it
 * frames are lost silently (aoe.md 4.1). A loss proved spurious by a late answer is undone.
 *
 * Weight: a window that stands for several grows and shrinks as their sum would.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cc {
        uint32_t window_x256;      /* frames, 8 fractional bits */
        uint32_t threshold_x256;   /* below it the window grows by one an answer */
        uint32_t cap;              /* frames, >= 1 */
        uint32_t due;              /* answers to come that make it grow */
        uint64_t recovery;         /* sends before this serial belong to the last loss event */
        uint32_t undo_window_x256; /* as before that event; 0: nothing to undo */
        uint32_t undo_threshold_x256;
        uint32_t block_frames; /* of the present block: answered and lost */
        uint32_t block_lost;
        uint32_t trial_window_x256; /* what the window was before the trial; 0: none is made */
        uint32_t trial_wait;        /* blocks until the next one may be made */
        uint32_t unsettled;         /* frames to come that were sent before it */
        uint32_t base_x1024;        /* losses that are not ours, of 1024 frames */
        uint32_t credit_x1024;      /* losses that cost nothing yet */
};

void cc_init(struct cc *c, uint32_t start, uint32_t cap);
void cc_set_cap(struct cc *c, uint32_t cap);
/* A frame was sent; in_flight with it. full: the window is what holds back more. */
void cc_on_send(struct cc *c, uint32_t in_flight, bool full);
/* A frame was answered. The window grows only for those that were out while it was full. */
void cc_on_answer(struct cc *c, uint32_t weight);
/* The frame of this serial was lost; serial_next: of the next send. true: a new loss event, for
 * which the window was cut. */
bool cc_on_loss(struct cc *c, uint64_t serial, uint64_t serial_next);
/* The cut itself, where somebody else tells loss events apart. */
void cc_cut(struct cc *c, uint32_t weight);
/* A frame was called lost, but the answer to that very transmission came. */
void cc_on_spurious(struct cc *c);

static inline uint32_t cc_window(const struct cc *c)
{
        uint32_t frames = c->window_x256 >> 8;

        return frames < c->cap ? frames : c->cap;
}
