/* SPDX-License-Identifier: MIT */
/*
 * The disk behind the fake engine: the byte at each place is known, reads are answered with it in
 * frames or in a buffer, and what was handed out is counted when it comes back.
 */
#pragma once

#include "base/check.h"
#include "front_fake.h"

#define DISK_PERIOD      65521 /* prime, so that what is moved by a power of two shows */
#define DISK_FRAME_BYTES 4096

static struct frame_pool disk_frames;
static uint8_t disk_pattern[REQUEST_BYTES_MAX + DISK_PERIOD];
static bool disk_is_written; /* the pattern, once a process */

/* What stands at offset, for at most REQUEST_BYTES_MAX. */
static inline const uint8_t *disk_at(uint64_t offset)
{
        return disk_pattern + offset % DISK_PERIOD;
}

static inline void disk_on_release(struct request *rq)
{
        struct list *node;

        if (rq->op != REQUEST_READ)
                return;
        if (rq->buffer)
                arena_put(&fake_arena, rq->buffer);
        rq->buffer = NULL;
        while ((node = list_pop(&rq->frames)))
                frame_put(&disk_frames, LIST_ENTRY(node, struct frame, node));
}

/* The data of a READ in one buffer. false: no memory. */
static inline bool disk_fill_buffer(struct request *rq)
{
        rq->buffer = arena_get(&fake_arena, rq->bytes);
        if (!rq->buffer)
                return false;
        memcpy(rq->buffer, disk_at(rq->offset), rq->bytes);
        return true;
}

/* ... in frames. false: there are not so many. */
static inline bool disk_fill_frames(struct request *rq)
{
        const struct pool *pool = &disk_frames.pool;
        uint32_t at = 0;

        if ((pool->count - pool->used) * DISK_FRAME_BYTES < rq->bytes)
                return false;
        for (; at < rq->bytes; rq->frame_count++) {
                struct frame *f = frame_get(&disk_frames);
                uint32_t left = rq->bytes - at;

                CHECK(f);
                f->part = f->data;
                f->part_bytes = left < DISK_FRAME_BYTES ? left : DISK_FRAME_BYTES;
                memcpy(f->data, disk_at(rq->offset + at), f->part_bytes);
                list_init(&f->node);
                list_add_tail(&rq->frames, &f->node);
                at += f->part_bytes;
        }
        return true;
}

/* block: frame_pool_bytes(DISK_FRAME_BYTES, frames), borrowed. */
static inline void disk_init(struct front_host *h, void *block, size_t frames)
{
        for (size_t i = 0; i < sizeof(disk_pattern) && !disk_is_written; i++) {
                uint32_t at = (uint32_t)(i % DISK_PERIOD);

                disk_pattern[i] = (uint8_t)(at * 2654435761U >> 17);
        }
        disk_is_written = true;
        frame_pool_init(&disk_frames, block, DISK_FRAME_BYTES, frames);
        h->frames = &disk_frames;
        fake_engine.on_release = disk_on_release;
}
