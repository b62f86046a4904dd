/* SPDX-License-Identifier: MIT */
/* lived: gaps in which nobody ran are no time; everything else is. */
#include <criterion/criterion.h>

#include "base/lived.h"

Test(lived, is_the_clock_while_turns_come_in_time)
{
        struct lived l = {.planned = NSEC_NEVER};

        cr_assert_eq(lived_at(&l, NSEC_SEC), NSEC_SEC);
        l.planned = NSEC_SEC + 5 * NSEC_MS;
        cr_assert_eq(lived_at(&l, NSEC_SEC + NSEC_MS), NSEC_SEC + NSEC_MS, "a frame came");
        cr_assert_eq(lived_at(&l, l.planned + LIVED_LATE_MAX), l.planned + LIVED_LATE_MAX,
                     "late, as a scheduler is");
        cr_assert_eq(l.gap, 0);
}

Test(lived, a_long_gap_ends_when_the_turn_was_planned)
{
        struct lived l = {.planned = NSEC_SEC};

        cr_assert_eq(lived_at(&l, 200 * NSEC_SEC), NSEC_SEC, "199 s were slept");
        cr_assert_eq(l.gap, 199 * NSEC_SEC);
        l.planned = 2 * NSEC_SEC;
        cr_assert_eq(lived_at(&l, 201 * NSEC_SEC), 2 * NSEC_SEC, "from here on it runs as before");
        l.planned = 3 * NSEC_SEC;
        cr_assert_eq(lived_at(&l, 300 * NSEC_SEC), 3 * NSEC_SEC, "and gaps add up");
        cr_assert_eq(l.gap, 297 * NSEC_SEC);
}

Test(lived, never_goes_back)
{
        struct lived l = {.planned = 0};
        nsec last = 0, clock = NSEC_SEC;

        for (unsigned i = 0; i < 1000; i++) {
                nsec at = lived_at(&l, clock);

                cr_assert_geq(at, last);
                last = at;
                l.planned = i % 7 == 0 ? NSEC_NEVER : at + i % 5 * 100 * NSEC_MS;
                clock += (nsec)(i * 7919 % 900) * NSEC_MS;
        }
}

Test(lived, without_a_plan_nothing_is_late)
{
        struct lived l = {.planned = NSEC_NEVER};

        cr_assert_eq(lived_at(&l, 1000 * NSEC_SEC), 1000 * NSEC_SEC);
}
