/* SPDX-License-Identifier: MIT */
/*
 * Request memory of a shard: one region reserved at start, `memory_mib` large, a quarter of it
 * frames for what comes in, the rest an arena for what front ends read and write. Only the first
 * MEMORY_LOCKED_BYTES are touched and locked: an idle daemon stays small, a busy one needs no page
 * from the system for ordinary work, and the rest serves requests that are parked on devices that
 * are not up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/frame.h"

#define MEMORY_LOCKED_BYTES        ((size_t)16 << 20)
#define MEMORY_LOCKED_FRAMES_BYTES ((size_t)4 << 20) /* of them; the rest is arena */
#define MEMORY_FRAMES_MIN          96                /* a batch being received, and some in reads */

struct memory {
        void *region; /* owned: mmap */
        size_t region_bytes;
        void *meta; /* owned: mmap, the arena's bookkeeping */
        size_t meta_bytes;
        struct frame_pool frames;
        size_t frame_count;
        struct arena arena;
        size_t arena_at; /* offset of the arena in region */
};

/* room_bytes: of a frame. 0 or -errno (-ENOMEM, also when mib is too small for such frames). */
int memory_init(struct memory *m, unsigned mib, uint32_t room_bytes);
/* Touches and locks the first part as far as the system allows. 0 or -errno: worth a line. */
int memory_lock(struct memory *m);
/* Takes a zeroed or half-built one. */
void memory_fini(struct memory *m);
/* Anonymous memory that is not touched before it is used. 0 or -errno. */
int memory_map(size_t bytes, void **ret);
void memory_unmap(void *p, size_t bytes);
