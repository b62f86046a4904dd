/* SPDX-License-Identifier: MIT */
/* pool: every object once, all of the block, last in first out; what is not ours traps. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/pool.h"

#define COUNT 7

static uint8_t block[COUNT * 32] __attribute__((aligned(16)));

Test(pool, rounds_up_to_16)
{
        cr_assert_eq(pool_bytes(1, 3), 48);
        cr_assert_eq(pool_bytes(16, 3), 48);
        cr_assert_eq(pool_bytes(17, 3), 96);
        cr_assert_eq(pool_bytes(0, 3), 48, "a free object holds a pointer");
        cr_assert_eq(pool_bytes(100, 0), 0);
}

Test(pool, gives_each_object_once)
{
        struct pool p;
        uint8_t *objects[COUNT];

        pool_init(&p, block, 20, COUNT);
        for (int i = 0; i < COUNT; i++) {
                objects[i] = pool_get(&p);
                cr_assert(pool_owns(&p, objects[i]));
                memset(objects[i], i, 20);
        }
        cr_assert_null(pool_get(&p), "full is not now");
        cr_assert_eq(p.used, COUNT);
        for (int i = 0; i < COUNT; i++) {
                for (int b = 0; b < 20; b++)
                        cr_assert_eq(objects[i][b], i, "object %d was written by another", i);
        }
}

Test(pool, last_back_is_first_out)
{
        struct pool p;
        void *a, *b;

        pool_init(&p, block, 20, COUNT);
        a = pool_get(&p);
        b = pool_get(&p);
        pool_put(&p, a);
        pool_put(&p, b);
        cr_assert_eq(pool_get(&p), b);
        cr_assert_eq(pool_get(&p), a);
        cr_assert_eq(p.touched, 2, "a third object was never touched");
}

Test(pool, comes_back_to_full)
{
        struct pool p;
        void *objects[COUNT];

        pool_init(&p, block, 32, COUNT);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < COUNT; i++)
                        cr_assert_not_null(objects[i] = pool_get(&p));
                cr_assert_null(pool_get(&p));
                for (int i = 0; i < COUNT; i++)
                        pool_put(&p, objects[(i * 3 + round) % COUNT]);
                cr_assert_eq(p.used, 0);
        }
}

Test(pool, knows_its_own)
{
        struct pool p;

        pool_init(&p, block, 32, COUNT - 1);
        cr_assert(pool_owns(&p, block));
        cr_assert(!pool_owns(&p, block + 1));
        cr_assert(!pool_owns(&p, block + 16));
        cr_assert(!pool_owns(&p, block + 32 * (COUNT - 1)), "one past the last");
        cr_assert(!pool_owns(&p, &p));
        cr_assert(!pool_owns(&p, NULL));
}

Test(pool, empty_pool)
{
        struct pool p;

        pool_init(&p, block, 32, 0);
        cr_assert_null(pool_get(&p));
        cr_assert(!pool_owns(&p, block));
}

Test(pool, foreign_object_traps, .signal = SIGILL)
{
        struct pool p;

        pool_init(&p, block, 32, COUNT);
        (void)pool_get(&p);
        pool_put(&p, block + 8);
}

Test(pool, more_back_than_out_traps, .signal = SIGILL)
{
        struct pool p;

        pool_init(&p, block, 32, COUNT);
        pool_put(&p, block);
}

Test(pool, unaligned_block_traps, .signal = SIGILL)
{
        struct pool p;

        pool_init(&p, block + 8, 32, COUNT - 1);
}
