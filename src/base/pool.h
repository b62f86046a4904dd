/* SPDX-License-Identifier: MIT */
/*
 * A fixed number of objects of one size in a block that the caller owns. The last one put back is
 * the first to be handed out again, which keeps the touched part of a large block small.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
        uint8_t *block; /* borrowed from the caller, for the pool's life */
        size_t object_bytes;
        size_t count;
        size_t used;
        size_t touched;  /* objects at and above it were never handed out */
        void *free_head; /* list through the first word of each free object */
};

/* Bytes of block that count objects need; object_bytes is rounded up to 16. */
size_t pool_bytes(size_t object_bytes, size_t count);
/* block: aligned to 16, pool_bytes() long, need not be zeroed or touched. */
void pool_init(struct pool *p, void *block, size_t object_bytes, size_t count);
/* NULL when all are out: "not now". Contents are undefined. */
void *pool_get(struct pool *p);
/* object must come from pool_get of the same pool. */
void pool_put(struct pool *p, void *object);
bool pool_owns(const struct pool *p, const void *object);
