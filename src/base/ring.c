/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <string.h>

#include "base/check.h"

void ring_init(struct ring *r, void *entries, size_t entry_bytes, size_t count)
{
        CHECK(count > 0);
        CHECK((count & (count - 1)) == 0);
        r->entries = entries;
        r->entry_bytes = entry_bytes;
        r->count = count;
        atomic_init(&r->head, 0);
        atomic_init(&r->tail, 0);
}

bool ring_push(struct ring *r, const void *entry)
{
        size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
        size_t head = atomic_load_explicit(&r->head, memory_order_acquire);

        if (tail - head == r->count)
                return false;
        memcpy(r->entries + (tail & (r->count - 1)) * r->entry_bytes, entry, r->entry_bytes);
        atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
        return true;
}

bool ring_pop(struct ring *r, void *ret_entry)
{
        size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
        size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

        if (head == tail)
                return false;
        memcpy(ret_entry, r->entries + (head & (r->count - 1)) * r->entry_bytes, r->entry_bytes);
        atomic_store_explicit(&r->head, head + 1, memory_order_release);
        return true;
}
