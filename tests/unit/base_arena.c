/* SPDX-License-Identifier: MIT */
/* arena: exact fits, no two blocks over each other, everything melts together again. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/prng.h"

#define BLOCKS 3
#define LIVE   400
#define STEPS  40000

struct fixture {
        struct arena arena;
        uint8_t *region, *meta;
};

static void fixture_init(struct fixture *f, size_t blocks)
{
        f->region = aligned_alloc(16, arena_region_bytes(blocks));
        f->meta = aligned_alloc(16, (arena_meta_bytes(blocks) + 15) & ~(size_t)15);
        cr_assert(f->region && f->meta);
        memset(f->meta, 0xff, arena_meta_bytes(blocks));
        arena_init(&f->arena, f->region, f->meta, blocks);
}

static void fixture_fini(struct fixture *f)
{
        free(f->region);
        free(f->meta);
}

/* The largest blocks can all be had: nothing is out and nothing stayed split. */
static void assert_whole(struct arena *a)
{
        void *all[BLOCKS];

        cr_assert(arena_is_full(a));
        for (size_t i = 0; i < a->blocks; i++)
                cr_assert_not_null(all[i] = arena_get(a, ARENA_BLOCK_BYTES));
        cr_assert_null(arena_get(a, 1));
        for (size_t i = 0; i < a->blocks; i++)
                arena_put(a, all[i]);
        cr_assert(arena_is_full(a));
}

Test(arena, a_payload_of_2_to_the_k_fits_exactly)
{
        struct fixture f;

        fixture_init(&f, BLOCKS);
        for (int k = 0; k < ARENA_ORDERS; k++) {
                size_t bytes = ((size_t)4096 << k) + 256;
                void *block = arena_get(&f.arena, bytes);

                cr_assert_eq(arena_block_bytes(&f.arena, block), ARENA_UNIT_BYTES << k);
                cr_assert_eq((uintptr_t)block % 16, 0);
                arena_put(&f.arena, block);
        }
        assert_whole(&f.arena);
        fixture_fini(&f);
}

Test(arena, rounds_up)
{
        struct fixture f;
        void *one, *two;

        fixture_init(&f, 1);
        one = arena_get(&f.arena, 1);
        two = arena_get(&f.arena, ARENA_UNIT_BYTES + 1);
        cr_assert_eq(arena_block_bytes(&f.arena, one), ARENA_UNIT_BYTES);
        cr_assert_eq(arena_block_bytes(&f.arena, two), 2 * ARENA_UNIT_BYTES);
        cr_assert(!arena_is_full(&f.arena));
        arena_put(&f.arena, one);
        arena_put(&f.arena, two);
        assert_whole(&f.arena);
        fixture_fini(&f);
}

Test(arena, all_units_at_once)
{
        enum { UNITS = 1 << (ARENA_ORDERS - 1) };
        struct fixture f;
        void *units[UNITS];

        fixture_init(&f, 1);
        for (int i = 0; i < UNITS; i++)
                cr_assert_not_null(units[i] = arena_get(&f.arena, 4096));
        cr_assert_null(arena_get(&f.arena, 1));
        for (int i = 0; i < UNITS; i += 2)
                arena_put(&f.arena, units[i]);
        cr_assert_null(arena_get(&f.arena, ARENA_UNIT_BYTES + 1), "no two neighbours are free");
        for (int i = 1; i < UNITS; i += 2)
                arena_put(&f.arena, units[i]);
        assert_whole(&f.arena);
        fixture_fini(&f);
}

struct block {
        uint8_t *at;
        size_t bytes;
        uint8_t mark;
};

static void block_get(struct arena *a, struct block *b, struct prng *dice)
{
        size_t most = ARENA_UNIT_BYTES << prng_below(dice, ARENA_ORDERS);

        b->bytes = 1 + prng_below(dice, most);
        b->mark = (uint8_t)prng_next(dice);
        b->at = arena_get(a, b->bytes);
        if (!b->at)
                return;
        cr_assert_geq(arena_block_bytes(a, b->at), b->bytes);
        memset(b->at, b->mark, b->bytes);
}

static void block_put(struct arena *a, struct block *b)
{
        for (size_t i = 0; i < b->bytes; i += i % 61 + 1) {
                if (b->at[i] != b->mark)
                        cr_assert_fail("somebody wrote into a block of %zu bytes", b->bytes);
        }
        arena_put(a, b->at);
        b->at = NULL;
}

Test(arena, random_lives)
{
        struct fixture f;
        struct prng dice = {.state = 21};
        static struct block blocks[LIVE];
        int full = 0;

        fixture_init(&f, BLOCKS);
        for (int i = 0; i < STEPS; i++) {
                struct block *b = &blocks[prng_below(&dice, LIVE)];

                if (b->at)
                        block_put(&f.arena, b);
                else
                        block_get(&f.arena, b, &dice);
                full += !b->at;
        }
        cr_assert_gt(full, 0, "the arena was never full: the test is too kind");
        for (int i = 0; i < LIVE; i++) {
                if (blocks[i].at)
                        block_put(&f.arena, &blocks[i]);
        }
        assert_whole(&f.arena);
        fixture_fini(&f);
}

Test(arena, zero_bytes_trap, .signal = SIGILL)
{
        struct fixture f;

        fixture_init(&f, 1);
        (void)arena_get(&f.arena, 0);
}

Test(arena, too_many_bytes_trap, .signal = SIGILL)
{
        struct fixture f;

        fixture_init(&f, 1);
        (void)arena_get(&f.arena, ARENA_BLOCK_BYTES + 1);
}

Test(arena, twice_back_traps, .signal = SIGILL)
{
        struct fixture f;
        void *block;

        fixture_init(&f, 1);
        block = arena_get(&f.arena, 1);
        arena_put(&f.arena, block);
        arena_put(&f.arena, block);
}

/* The upper of two blocks that melted together is no block any more. */
Test(arena, twice_back_after_melting_traps, .signal = SIGILL)
{
        struct fixture f;
        void *lower, *upper;

        fixture_init(&f, 1);
        lower = arena_get(&f.arena, 1);
        upper = arena_get(&f.arena, 1);
        arena_put(&f.arena, lower);
        arena_put(&f.arena, upper);
        arena_put(&f.arena, upper > lower ? upper : lower);
}

Test(arena, crooked_pointer_traps, .signal = SIGILL)
{
        struct fixture f;
        uint8_t *block;

        fixture_init(&f, 1);
        block = arena_get(&f.arena, 1);
        arena_put(&f.arena, block + 16);
}

Test(arena, inner_pointer_traps, .signal = SIGILL)
{
        struct fixture f;
        uint8_t *block;

        fixture_init(&f, 1);
        block = arena_get(&f.arena, 2 * ARENA_UNIT_BYTES);
        arena_put(&f.arena, block + ARENA_UNIT_BYTES);
}

Test(arena, foreign_pointer_traps, .signal = SIGILL)
{
        struct fixture f;

        fixture_init(&f, 1);
        arena_put(&f.arena, f.region + arena_region_bytes(1));
}
