/* SPDX-License-Identifier: MIT */
/*
 * The table of faults: name, help, and which levels there are.
 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANCE 1000 /* what was written in per mille becomes millionths */
#define NUMBER 1

static const struct {
        const char *name;
        const char *help;
        uint32_t scale; /* CHANCE, with decimals, or NUMBER */
        uint32_t level_min, level_max;
        uint32_t extra_min, extra_max; /* 0, 0: it takes none */
} rules[] = {
        [FAULT_HOLE] = {"hole", "BYTES: frames larger than that vanish", NUMBER, 64, 9216, 0, 0},
        [FAULT_LOSS] = {"loss", "PERMILLE: lost", CHANCE, 1, CHANCE_CERTAIN, 0, 0},
        [FAULT_BURST] = {"burst", "PERMILLE:FRAMES: so many in a row are lost from here on", CHANCE,
                         1, CHANCE_CERTAIN, 2, 1000},
        [FAULT_CORRUPT] = {"corrupt",
                           "PERMILLE: version, R flag, shelf, command, tag or source MAC is wrong",
                           CHANCE, 1, CHANCE_CERTAIN, 0, 0},
        [FAULT_TRUNCATE] = {"truncate", "PERMILLE: the end is cut off", CHANCE, 1, CHANCE_CERTAIN,
                            0, 0},
        [FAULT_DUPLICATE] = {"duplicate", "PERMILLE: a twin goes right behind it", CHANCE, 1,
                             CHANCE_CERTAIN, 0, 0},
        [FAULT_REORDER] = {"reorder", "PERMILLE: held until 1 to 8 later ones passed, or 3 ms",
                           CHANCE, 1, CHANCE_CERTAIN, 0, 0},
        [FAULT_STRAY] = {"stray", "PERMILLE: held for 8 ms, however many pass", CHANCE, 1,
                         CHANCE_CERTAIN, 0, 0},
        [FAULT_RATE] = {"rate", "MBIT:KIB: bandwidth, and the queue before it, whose tail drops",
                        NUMBER, RATE_MBIT_MIN, 1000000, 16, RATE_KIB_MAX},
        [FAULT_DELAY] = {"delay", "MICROSECONDS: all are late by that", NUMBER, 1, DELAY_US_MAX, 0,
                         0},
        [FAULT_SPIKE] = {"spike", "MS:EVERY_MS: nothing passes for so long, then all in order",
                         NUMBER, 1, SPIKE_MS_MAX, SPIKE_EVERY_MIN, 3600000},
};
_Static_assert(sizeof rules / sizeof *rules == FAULT_COUNT, "a rule for each fault");
_Static_assert(OVERTAKEN_NS_MAX + DELAY_US_MAX * MICROSECOND_NS + SPIKE_MS_MAX * MILLISECOND_NS +
                               (RATE_KIB_MAX * UINT64_C(1024) * 8 * 1000) / RATE_MBIT_MIN <
                       LIFE_NS_MAX,
               "all faults at their worst keep no frame too long");
_Static_assert(SPIKE_EVERY_MIN > SPIKE_MS_MAX, "something passes between two spikes");
_Static_assert(REORDER_NS_MAX < OVERTAKEN_NS_MAX && STRAY_NS < OVERTAKEN_NS_MAX,
               "what is held on time is not lost");

static const char *const lane_names[] = {[LANE_OUT] = "out", [LANE_BACK] = "back"};
_Static_assert(sizeof lane_names / sizeof *lane_names == LANE_COUNT, "a name for each lane");

const char *fault_name(enum fault f)
{
        return rules[f].name;
}

const char *lane_name(enum lane_way way)
{
        return lane_names[way];
}

void fault_list(void)
{
        for (int f = 0; f < FAULT_COUNT; f++)
                printf("%-10s %s\n", rules[f].name, rules[f].help);
}

static bool fault_find(const char *name, enum fault *ret)
{
        for (int f = 0; f < FAULT_COUNT; f++)
                if (!strcmp(rules[f].name, name)) {
                        *ret = (enum fault)f;
                        return true;
                }
        return false;
}

/* "LEVEL" or "LEVEL:EXTRA" of fault f. */
static bool setting_parse(enum fault f, const char *text, struct setting *ret)
{
        char *end;
        double level = strtod(text, &end) * rules[f].scale;
        struct setting s = {0};

        if (end == text || !(level >= 0 && level <= rules[f].level_max))
                return false;
        s.level = (uint32_t)(level + 0.5);
        if (*end == ':' && rules[f].extra_max > 0) {
                unsigned long extra = strtoul(end + 1, &end, 10);

                if (extra < rules[f].extra_min || extra > rules[f].extra_max)
                        return false;
                s.extra = (uint32_t)extra;
        }
        if (*end || (s.level > 0 && s.level < rules[f].level_min))
                return false;
        if (s.level > 0 && rules[f].extra_max > 0 && s.extra == 0)
                return false;
        *ret = s;
        return true;
}

static bool word_parse(char *word, struct settings *s, const char **ret_reason)
{
        char *value = strchr(word, '=');
        enum fault f;

        if (!strcmp(word, "clean")) {
                *s = (struct settings){0};
                return true;
        }
        if (value)
                *value++ = '\0';
        *ret_reason = "no such fault";
        if (!value || !fault_find(word, &f))
                return false;
        *ret_reason = "no such level";
        return setting_parse(f, value, &s->of[f]);
}

bool settings_parse(char *line, struct settings lanes[LANE_COUNT], const char **ret_reason)
{
        struct settings next[LANE_COUNT];
        char *rest, *lane = strtok_r(line, " \t", &rest), *word;
        bool named[LANE_COUNT], any = false;

        for (int way = 0; way < LANE_COUNT; way++) {
                next[way] = lanes[way];
                named[way] = lane && (!strcmp(lane, lane_names[way]) || !strcmp(lane, "both"));
                any |= named[way];
        }
        *ret_reason = "no such lane";
        if (!any)
                return false;
        while ((word = strtok_r(NULL, " \t", &rest)))
                for (int way = 0; way < LANE_COUNT; way++) {
                        char copy[64];

                        snprintf(copy, sizeof copy, "%s", word);
                        if (named[way] && !word_parse(copy, &next[way], ret_reason))
                                return false;
                }
        memcpy(lanes, next, sizeof next);
        return true;
}
