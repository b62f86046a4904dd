/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include "base/check.h"

static size_t pool_round(size_t object_bytes)
{
        size_t least = object_bytes < sizeof(void *) ? sizeof(void *) : object_bytes;

        return (least + 15) & ~(size_t)15;
}

size_t pool_bytes(size_t object_bytes, size_t count)
{
        return pool_round(object_bytes) * count;
}

void pool_init(struct pool *p, void *block, size_t object_bytes, size_t count)
{
        CHECK(((uintptr_t)block & 15) == 0);
        *p = (struct pool){
                .block = block,
                .object_bytes = pool_round(object_bytes),
                .count = count,
        };
}

bool pool_owns(const struct pool *p, const void *object)
{
        const uint8_t *at = object;

        return at >= p->block && at < p->block + p->count * p->object_bytes &&
               (size_t)(at - p->block) % p->object_bytes == 0;
}

void *pool_get(struct pool *p)
{
        void *object = p->free_head;

        if (object) {
                p->free_head = *(void **)object;
        } else {
                if (p->touched == p->count)
                        return NULL;
                object = p->block + p->touched++ * p->object_bytes;
        }
        p->used++;
        return object;
}

void pool_put(struct pool *p, void *object)
{
        CHECK(pool_owns(p, object));
        CHECK(p->used > 0);
        *(void **)object = p->free_head;
        p->free_head = object;
        p->used--;
}
