/* SPDX-License-Identifier: MIT */
/*
 * The names of what the hostile target can do wrong: what it claims, the form of its answers, what
 * it answers, what it is silent about, and from QUIRK_BOGUS_FIRST on the bogus answers that take
 * the place of a true one.
 */
#pragma once

#include <stdbool.h>

enum quirk {
        QUIRK_SIZE_LARGE,
        QUIRK_SIZE_HUGE,
        QUIRK_SIZE_ZERO,
        QUIRK_SIZE_28,
        QUIRK_SIZE_48,
        QUIRK_SECTORS_LARGE,
        QUIRK_SECTORS_ZERO,
        QUIRK_BUFFERS,
        QUIRK_CCMD,
        QUIRK_EXACT,
        QUIRK_PADDED,
        QUIRK_LONG,
        QUIRK_VERSION_ZERO,
        QUIRK_COUNT_ECHO,
        QUIRK_COUNT_FF,
        QUIRK_COUNT_REST,
        QUIRK_NO_ECHO,
        QUIRK_STATUS_ZERO,
        QUIRK_BEACONS,
        QUIRK_DOUBLE,
        QUIRK_REORDER,
        QUIRK_ANY_ADDRESS,
        QUIRK_NEW_MAC,
        QUIRK_NO_FLUSH,
        QUIRK_ABORT_FLUSH,
        QUIRK_ECHO_FLUSH,
        QUIRK_RESERVED,
        QUIRK_ERROR_ZERO,
        QUIRK_ERROR_HIGH,
        QUIRK_ARGUMENT,
        QUIRK_ABORT,
        QUIRK_END_ARGUMENT,
        QUIRK_OVERSIZE_ABORT,
        QUIRK_SHORT_ERROR,
        QUIRK_SILENT_ERRORS,
        QUIRK_CONFIG_ONLY,
        QUIRK_MASKED,
        QUIRK_DROP_LARGE,
        QUIRK_CUT_LARGE,
        QUIRK_MUTE_LARGE,
        QUIRK_OVERFLOW,
        QUIRK_SHORT,
        QUIRK_FOREIGN,
        QUIRK_REFLECTED,
        QUIRK_FOREIGN_TAG,
        QUIRK_KERNEL_TAG,
        QUIRK_WRONG_MAC,
        QUIRK_WRONG_TAG,
        QUIRK_WRONG_COMMAND,
        QUIRK_VERSION_TWO,
        QUIRK_GARBAGE,
        QUIRK_SILENT,
        QUIRK_LATE,
};

#define QUIRK_BOGUS_FIRST QUIRK_SHORT
#define QUIRK_COUNT       (QUIRK_LATE + 1)

/* The quirk of that name; false when there is none. */
bool quirk_find(const char *name, enum quirk *ret);
const char *quirk_name(enum quirk q);
/* One line about each on stdout. */
void quirk_list(void);
