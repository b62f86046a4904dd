/* SPDX-License-Identifier: MIT */
/*
 * One direction of the wire. A frame that is not lost goes
 *
 *   lane_take --> faults --> [held] --> queue (rate, delay, spikes) --> lane_next
 *
 * Only the held place lets frames pass each other; the queue is first in, first out. So that no
 * copy is overtaken for longer than aoefs counts on, however long this process got no CPU:
 *   - lane_tick comes before what was received after it: a held frame whose time is over is in the
 *     queue before them;
 *   - one that was held for OVERTAKEN_NS_MAX is lost, for another wire of the same disk may have
 *     been faster, and so is one that grew as old as LIFE_NS_MAX in the queue.
 * A twin shares its frame, and so its place. The answer to a frame comes back through the same
 * thread, which has sent the twin by then: no twin is younger than the answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "frame.h"
#include "settings.h"

struct lane {
        struct faults faults;
        struct frame_pool *pool; /* borrowed */
        struct frame *queue;     /* owned, in order; linked by next */
        struct frame **queue_end;
        struct frame *held;     /* owned */
        uint64_t busy_until_ns; /* rate: when what was taken is through */
        uint64_t spike_epoch_ns;
        uint64_t carried;  /* went on, twins not counted */
        uint64_t given_up; /* grew too old, or no room */
};

void lane_init(struct lane *l, struct frame_pool *pool, uint64_t seed);
void lane_set(struct lane *l, const struct settings *s, uint64_t now_ns);
/* Before the frames that were received at now: what was held for its time goes on. */
void lane_tick(struct lane *l, uint64_t now_ns);
/* A frame that came in; the lane owns it from here on. */
void lane_take(struct lane *l, struct frame *f, uint64_t now_ns);
/* The next frame that is to be sent now, the caller's to give back; NULL. */
struct frame *lane_next(struct lane *l, uint64_t now_ns);
/* When there is something to do next; UINT64_MAX: not by the clock. */
uint64_t lane_deadline(const struct lane *l, uint64_t now_ns);
