/* SPDX-License-Identifier: MIT */
/*
 * What the wire may do to frames, and the lines that say so: "LANE WORD...", where LANE is out
 * (initiator to target), back or both, and WORD is FAULT=LEVEL, FAULT=LEVEL:EXTRA, or clean for
 * "no faults at all". Level 0 ends a fault. "relay -l" lists them.
 *
 * The limits of the levels keep what aoefs's man page counts on (GUARANTEES): no copy lives longer
 * than 1000 ms on a wire, none is overtaken by more than 10 ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SECOND_NS        UINT64_C(1000000000)
#define MILLISECOND_NS   UINT64_C(1000000)
#define MICROSECOND_NS   UINT64_C(1000)
#define CHANCE_CERTAIN   1000000 /* chances are in millionths */
#define REORDER_NS_MAX   (3 * MILLISECOND_NS)
#define STRAY_NS         (8 * MILLISECOND_NS)
#define OVERTAKEN_NS_MAX (9 * MILLISECOND_NS) /* kept longer (we got no CPU): lost instead */
#define LIFE_NS_MAX      (900 * MILLISECOND_NS)
#define DELAY_US_MAX     200000
#define SPIKE_MS_MAX     300
#define SPIKE_EVERY_MIN  400 /* ms; more than SPIKE_MS_MAX, or nothing would ever pass */
#define RATE_MBIT_MIN    10
#define RATE_KIB_MAX     256

/* In the order in which they strike a frame. */
enum fault {
        FAULT_HOLE,
        FAULT_LOSS,
        FAULT_BURST,
        FAULT_CORRUPT,
        FAULT_TRUNCATE,
        FAULT_DUPLICATE,
        FAULT_REORDER,
        FAULT_STRAY,
        FAULT_RATE,
        FAULT_DELAY,
        FAULT_SPIKE,
};

#define FAULT_COUNT (FAULT_SPIKE + 1)

/* The two lanes of a wire. */
enum lane_way {
        LANE_OUT,
        LANE_BACK,
};

#define LANE_COUNT (LANE_BACK + 1)

struct setting {
        uint32_t level; /* a chance in millionths, or a number in the fault's unit; 0: off */
        uint32_t extra;
};

struct settings {
        struct setting of[FAULT_COUNT];
};

/* Changes the lanes that the line names; false: *ret_reason says why, and nothing was changed. The
 * line is taken to pieces. */
bool settings_parse(char *line, struct settings lanes[LANE_COUNT], const char **ret_reason);
const char *fault_name(enum fault f);
const char *lane_name(enum lane_way way);
/* One line about each fault on stdout. */
void fault_list(void);
