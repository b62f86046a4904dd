/* SPDX-License-Identifier: MIT */
/*
 * The words of a command line in the form that GOption reads right. Left alone it takes -oro for -o
 * with the next word as its value, and --ro=no for --ro.
 */
#pragma once

#include <glib.h>

/* entries: ended by zeroes. NULL with error (of G_OPTION_ERROR): a flag was given a value. */
char **argv_split(const GOptionEntry *entries, char *const argv[], GError **error);
