/* SPDX-License-Identifier: MIT */
/* settings: a line changes the lanes that it names, and a wrong one changes nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

static bool parse(const char *line, struct settings lanes[LANE_COUNT])
{
        const char *reason = NULL;
        char copy[256];
        bool good;

        snprintf(copy, sizeof copy, "%s", line);
        good = settings_parse(copy, lanes, &reason);
        cr_assert(good || reason, "'%s' was refused without a reason", line);
        return good;
}

static void assert_setting(const struct settings *s, enum fault f, uint32_t level, uint32_t extra)
{
        cr_assert_eq(s->of[f].level, level, "%s: %u", fault_name(f), s->of[f].level);
        cr_assert_eq(s->of[f].extra, extra, "%s: %u", fault_name(f), s->of[f].extra);
}

Test(badwire_settings, changes_the_lanes_that_are_named)
{
        struct settings lanes[LANE_COUNT] = {0};

        cr_assert(parse("both loss=0.5 spike=50:500", lanes));
        cr_assert(parse("out hole=5000", lanes));
        cr_assert(parse("back loss=1000  rate=200:64", lanes));
        assert_setting(&lanes[LANE_OUT], FAULT_LOSS, 500, 0);
        assert_setting(&lanes[LANE_OUT], FAULT_SPIKE, 50, 500);
        assert_setting(&lanes[LANE_OUT], FAULT_HOLE, 5000, 0);
        assert_setting(&lanes[LANE_OUT], FAULT_RATE, 0, 0);
        assert_setting(&lanes[LANE_BACK], FAULT_LOSS, CHANCE_CERTAIN, 0);
        assert_setting(&lanes[LANE_BACK], FAULT_SPIKE, 50, 500);
        assert_setting(&lanes[LANE_BACK], FAULT_HOLE, 0, 0);
        assert_setting(&lanes[LANE_BACK], FAULT_RATE, 200, 64);
}

Test(badwire_settings, ends_faults)
{
        struct settings lanes[LANE_COUNT] = {0};

        cr_assert(parse("both loss=10 spike=50:500 delay=100", lanes));
        cr_assert(parse("out loss=0 spike=0", lanes));
        assert_setting(&lanes[LANE_OUT], FAULT_LOSS, 0, 0);
        assert_setting(&lanes[LANE_OUT], FAULT_SPIKE, 0, 0);
        assert_setting(&lanes[LANE_OUT], FAULT_DELAY, 100, 0);
        cr_assert(parse("both clean reorder=1", lanes));
        for (int f = 0; f < FAULT_COUNT; f++)
                for (int way = 0; way < LANE_COUNT; way++)
                        assert_setting(&lanes[way], (enum fault)f, f == FAULT_REORDER ? 1000 : 0,
                                       0);
}

Test(badwire_settings, changes_nothing_when_refused)
{
        static const char *const wrong[] = {
                "",
                "loss=1",
                "sideways loss=1",
                "both nothing=1",
                "both loss",
                "both loss=",
                "both loss=x",
                "both loss=-1",
                "both loss=nan",
                "both loss=1000.1",
                "both loss=1:2",
                "both loss=1x",
                "both hole=63",
                "both spike=50",
                "both spike=50:399",
                "both spike=301:1000",
                "both rate=9:64",
                "both rate=200:257",
                "both burst=1:1",
                "both delay=200001",
                "both delay=7 loss=2000",
        };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct settings lanes[LANE_COUNT] = {{{{1, 2}}}}, before[LANE_COUNT];

                memcpy(before, lanes, sizeof before);
                cr_assert(!parse(wrong[i], lanes), "'%s' was taken", wrong[i]);
                cr_assert_eq(memcmp(lanes, before, sizeof before), 0, "'%s'", wrong[i]);
        }
}
