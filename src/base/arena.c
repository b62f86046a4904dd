/* SPDX-License-Identifier: MIT */
/*
 * A block of order k is 2^k units. Its first unit carries the order and whether it is free; the
 * buddy of the block at unit u is at u ^ 2^k. A free block is in free[order].
 */
#include "base/arena.h"

#include "base/check.h"

enum arena_state { ARENA_INSIDE, ARENA_FREE, ARENA_USED };

struct arena_unit {
        struct list node;
        uint8_t order;
        uint8_t state; /* enum arena_state; INSIDE: not the first unit of a block */
};

#define ARENA_UNITS_OF_BLOCK ((size_t)1 << (ARENA_ORDERS - 1))

size_t arena_meta_bytes(size_t blocks)
{
        return blocks * ARENA_UNITS_OF_BLOCK * sizeof(struct arena_unit);
}

size_t arena_region_bytes(size_t blocks)
{
        return blocks * ARENA_BLOCK_BYTES;
}

static void arena_release(struct arena *a, size_t unit, unsigned order)
{
        struct arena_unit *u = &a->units[unit];

        u->order = (uint8_t)order;
        u->state = ARENA_FREE;
        list_add_head(&a->free[order], &u->node);
}

void arena_init(struct arena *a, void *region, void *meta, size_t blocks)
{
        *a = (struct arena){.region = region, .units = meta, .blocks = blocks};
        for (unsigned i = 0; i < ARENA_ORDERS; i++)
                list_init(&a->free[i]);
        for (size_t i = 0; i < blocks * ARENA_UNITS_OF_BLOCK; i++) {
                a->units[i] = (struct arena_unit){.state = ARENA_INSIDE};
                list_init(&a->units[i].node);
        }
        for (size_t i = blocks; i > 0; i--) /* lowest addresses first */
                arena_release(a, (i - 1) * ARENA_UNITS_OF_BLOCK, ARENA_ORDERS - 1);
}

static unsigned arena_order(size_t bytes)
{
        unsigned order = 0;

        while (ARENA_UNIT_BYTES << order < bytes)
                order++;
        return order;
}

void *arena_get(struct arena *a, size_t bytes)
{
        unsigned want = arena_order(bytes), order = want;
        struct arena_unit *u;
        size_t unit;

        CHECK(bytes > 0);
        CHECK(bytes <= ARENA_BLOCK_BYTES);
        while (order < ARENA_ORDERS && list_is_empty(&a->free[order]))
                order++;
        if (order == ARENA_ORDERS)
                return NULL;
        u = LIST_ENTRY(list_pop(&a->free[order]), struct arena_unit, node);
        unit = (size_t)(u - a->units);
        while (order > want) {
                order--;
                arena_release(a, unit + ((size_t)1 << order), order);
        }
        u->order = (uint8_t)want;
        u->state = ARENA_USED;
        a->units_used += (size_t)1 << want;
        return a->region + unit * ARENA_UNIT_BYTES;
}

static size_t arena_unit_at(const struct arena *a, const void *block)
{
        size_t offset = (size_t)((const uint8_t *)block - a->region);

        CHECK((const uint8_t *)block >= a->region);
        CHECK(offset < a->blocks * ARENA_BLOCK_BYTES);
        CHECK(offset % ARENA_UNIT_BYTES == 0);
        CHECK(a->units[offset / ARENA_UNIT_BYTES].state == ARENA_USED);
        return offset / ARENA_UNIT_BYTES;
}

void arena_put(struct arena *a, void *block)
{
        size_t unit = arena_unit_at(a, block);
        unsigned order = a->units[unit].order;

        a->units_used -= (size_t)1 << order;
        a->units[unit].state = ARENA_INSIDE;
        while (order < ARENA_ORDERS - 1) {
                struct arena_unit *buddy = &a->units[unit ^ (size_t)1 << order];

                if (buddy->state != ARENA_FREE || buddy->order != order)
                        break;
                list_del(&buddy->node);
                buddy->state = ARENA_INSIDE;
                unit &= ~((size_t)1 << order);
                order++;
        }
        arena_release(a, unit, order);
}

size_t arena_block_bytes(const struct arena *a, const void *block)
{
        return ARENA_UNIT_BYTES << a->units[arena_unit_at(a, block)].order;
}

bool arena_is_full(const struct arena *a)
{
        return a->units_used == 0;
}
