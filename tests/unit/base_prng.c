/* SPDX-License-Identifier: MIT */
/* prng: the published numbers of splitmix64, so that a seed replays on every machine for ever. */
#include <criterion/criterion.h>

#include "base/prng.h"

Test(prng, is_splitmix64)
{
        struct prng zero = {.state = 0}, other = {.state = 1234567};

        cr_assert_eq(prng_next(&zero), UINT64_C(0xe220a8397b1dcdaf));
        cr_assert_eq(prng_next(&zero), UINT64_C(0x6e789e6aa1b965f4));
        cr_assert_eq(prng_next(&zero), UINT64_C(0x06c45d188009454f));
        cr_assert_eq(prng_next(&other), UINT64_C(6457827717110365317));
        cr_assert_eq(prng_next(&other), UINT64_C(3203168211198807973));
}

Test(prng, same_seed_same_dice)
{
        struct prng a = {.state = 42}, b = {.state = 42};

        for (int i = 0; i < 1000; i++)
                cr_assert_eq(prng_next(&a), prng_next(&b));
}

Test(prng, stays_below_and_reaches_all)
{
        struct prng p = {.state = 7};
        unsigned seen[6] = {0};

        for (int i = 0; i < 6000; i++) {
                uint64_t n = prng_below(&p, 6);

                cr_assert_lt(n, 6);
                seen[n]++;
        }
        for (int i = 0; i < 6; i++)
                cr_assert(seen[i] > 800 && seen[i] < 1200, "face %d: %u of 6000", i, seen[i]);
        cr_assert_eq(prng_below(&p, 1), 0);
}
