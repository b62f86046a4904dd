/* SPDX-License-Identifier: MIT */
/*
 * A received Ethernet frame: the unit of ownership on the way in. A link receives into frames of
 * the shard's pool; engine_input() either takes the frame over (its payload is part of a read) or
 * leaves it to be used for the next receive. A frame in a finished read goes back to the pool when
 * the reply has been written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/pool.h"

struct frame {
        struct list node;    /* in request.frames, or in no list */
        uint8_t *data;       /* owned: the frame's buffer, follows this header in the pool */
        uint32_t bytes;      /* received bytes, from the destination MAC on */
        uint32_t room_bytes; /* size of data */
        uint64_t at_byte;    /* in a request: where the part belongs, bytes from request.offset */
        const uint8_t *part; /* in a request: the payload of use, inside data */
        uint32_t part_bytes;
};

struct frame_pool {
        struct pool pool;
        uint32_t room_bytes;
};

/* Bytes of block for count frames that hold room_bytes each. */
size_t frame_pool_bytes(uint32_t room_bytes, size_t count);
void frame_pool_init(struct frame_pool *fp, void *block, uint32_t room_bytes, size_t count);
/* NULL when all are out. */
struct frame *frame_get(struct frame_pool *fp);
void frame_put(struct frame_pool *fp, struct frame *f);
