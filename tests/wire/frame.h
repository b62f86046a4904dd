/* SPDX-License-Identifier: MIT */
/*
 * Frames that the wire carries, from a pool that gives the last one back first, so that a wire
 * without delay works in a few hot pages however large the pool is. A frame is in one place at a
 * time: the pool, the receiving batch, or a lane.
 */
#pragma once

#include <stdint.h>

#define FRAME_BYTES_MAX 9216 /* MTU 9000 with its Ethernet header, and some */
#define FRAME_COUNT     8192
#define FRAME_BATCH     64 /* received at once; a lane leaves so many for it */

struct frame {
        struct frame *next; /* in the pool or a lane */
        uint64_t arrived_ns;
        uint64_t due_ns;  /* when it goes on; of a held one: at the latest */
        uint32_t passing; /* held: how many later ones are still to pass it */
        unsigned times;   /* 2: a twin goes right behind it */
        uint32_t bytes;
        uint8_t data[FRAME_BYTES_MAX];
};

struct frame_pool {
        struct frame *frames; /* owned: all of them */
        struct frame *free;   /* given back */
        unsigned fresh;       /* from here on they were never taken, and no page of them is there */
        unsigned left;
};

/* Exits when there is no memory. */
void frame_pool_init(struct frame_pool *p);
void frame_pool_fini(struct frame_pool *p);
/* NULL when there is none left. */
struct frame *frame_get(struct frame_pool *p);
void frame_put(struct frame_pool *p, struct frame *f);
