/* SPDX-License-Identifier: MIT */
#include "base/frame.h"

static size_t frame_object_bytes(uint32_t room_bytes)
{
        return sizeof(struct frame) + room_bytes;
}

size_t frame_pool_bytes(uint32_t room_bytes, size_t count)
{
        return pool_bytes(frame_object_bytes(room_bytes), count);
}

void frame_pool_init(struct frame_pool *fp, void *block, uint32_t room_bytes, size_t count)
{
        *fp = (struct frame_pool){.room_bytes = room_bytes};
        pool_init(&fp->pool, block, frame_object_bytes(room_bytes), count);
}

struct frame *frame_get(struct frame_pool *fp)
{
        struct frame *f = pool_get(&fp->pool);

        if (!f)
                return NULL;
        *f = (struct frame){.data = (uint8_t *)(f + 1), .room_bytes = fp->room_bytes};
        list_init(&f->node);
        return f;
}

void frame_put(struct frame_pool *fp, struct frame *f)
{
        CHECK(!list_is_linked(&f->node));
        pool_put(&fp->pool, f);
}
