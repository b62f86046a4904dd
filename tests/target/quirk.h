/* SPDX-License-Identifier: MIT */
/*
 * The names of what the hostile target can do wrong: claims, ways to answer, and from
 * QUIRK_BOGUS_FIRST on the bogus answers that replace a true one.
 */
#pragma once

#include <stdbool.h>

enum quirk {
        QUIRK_SIZE_LARGE,
        QUIRK_SIZE_HUGE,
        QUIRK_SIZE_ZERO,
        QUIRK_SECTORS_LARGE,
        QUIRK_SECTORS_ZERO,
        QUIRK_VERSION_ZERO,
        QUIRK_COUNT_ECHO,
        QUIRK_NO_ECHO,
        QUIRK_LONG,
        QUIRK_DOUBLE,
        QUIRK_ANY_ADDRESS,
        QUIRK_NO_FLUSH,
        QUIRK_ABORT_FLUSH,
        QUIRK_ECHO_FLUSH,
        QUIRK_RESERVED,
        QUIRK_ERROR_ZERO,
        QUIRK_ABORT,
        QUIRK_SHORT,
        QUIRK_FOREIGN,
        QUIRK_REFLECTED,
        QUIRK_WRONG_MAC,
        QUIRK_WRONG_TAG,
        QUIRK_WRONG_COMMAND,
        QUIRK_VERSION_TWO,
        QUIRK_GARBAGE,
        QUIRK_SILENT,
};

#define QUIRK_BOGUS_FIRST QUIRK_SHORT
#define QUIRK_COUNT       (QUIRK_SILENT + 1)

/* The quirk of that name; false when there is none. */
bool quirk_find(const char *name, enum quirk *ret);
const char *quirk_name(enum quirk q);
/* One line about each on stdout. */
void quirk_list(void);
