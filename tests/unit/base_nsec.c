/* SPDX-License-Identifier: MIT */
/* nsec: deadlines saturate, "how long ago" never wraps. */
#include <criterion/criterion.h>

#include "base/nsec.h"

Test(nsec, adds)
{
        cr_assert_eq(nsec_add(NSEC_SEC, NSEC_MS), 1001 * NSEC_MS);
        cr_assert_eq(nsec_add(0, 0), 0);
}

Test(nsec, never_plus_anything_is_never)
{
        cr_assert_eq(nsec_add(NSEC_NEVER, 0), NSEC_NEVER);
        cr_assert_eq(nsec_add(NSEC_NEVER, 1), NSEC_NEVER);
        cr_assert_eq(nsec_add(NSEC_NEVER, NSEC_NEVER), NSEC_NEVER);
        cr_assert_eq(nsec_add(1, NSEC_NEVER), NSEC_NEVER);
        cr_assert_eq(nsec_add(NSEC_NEVER - 5, 6), NSEC_NEVER);
        cr_assert_eq(nsec_add(NSEC_NEVER - 5, 4), NSEC_NEVER - 1);
}

Test(nsec, since)
{
        cr_assert_eq(nsec_since(10, 4), 6);
        cr_assert_eq(nsec_since(4, 4), 0);
        cr_assert_eq(nsec_since(4, 10), 0, "what lies ahead was not long ago");
        cr_assert_eq(nsec_since(0, NSEC_NEVER), 0);
}

Test(nsec, min_and_max)
{
        cr_assert_eq(nsec_min(1, NSEC_NEVER), 1);
        cr_assert_eq(nsec_min(3, 2), 2);
        cr_assert_eq(nsec_max(1, NSEC_NEVER), NSEC_NEVER);
        cr_assert_eq(nsec_max(3, 2), 3);
}
