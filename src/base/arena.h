/* SPDX-License-Identifier: MIT */
/*
 * Request memory: a buddy allocator over one region that is reserved at start and never grows.
 * The unit is 4 KiB plus room for a header, so that a FUSE or NBD message with a payload of 2^k
 * times 4 KiB fits a block exactly. O(log n), no system call; NULL means "not now".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define ARENA_UNIT_BYTES  ((size_t)4096 + 256)
#define ARENA_ORDERS      9 /* the largest block holds 1 MiB and a header */
#define ARENA_BLOCK_BYTES (ARENA_UNIT_BYTES << (ARENA_ORDERS - 1))

struct arena_unit; /* bookkeeping of one unit, beside the region */

struct arena {
        uint8_t *region;          /* borrowed from the caller, for the arena's life */
        struct arena_unit *units; /* borrowed: the caller's meta block */
        size_t blocks;            /* of the largest order */
        size_t units_used;
        struct list free[ARENA_ORDERS];
};

/* Sizes of the two blocks that an arena of `blocks` largest blocks needs. */
size_t arena_meta_bytes(size_t blocks);
size_t arena_region_bytes(size_t blocks);
/* region and meta: aligned to 16; the region is not touched before it is handed out. */
void arena_init(struct arena *a, void *region, void *meta, size_t blocks);
/* 1 <= bytes <= ARENA_BLOCK_BYTES; aligned to 16. NULL when no block is free. */
void *arena_get(struct arena *a, size_t bytes);
/* block: from arena_get of the same arena. */
void arena_put(struct arena *a, void *block);
/* Real size of a block that is out. */
size_t arena_block_bytes(const struct arena *a, const void *block);
/* Is everything back? */
bool arena_is_full(const struct arena *a);
