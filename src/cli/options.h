/* SPDX-License-Identifier: MIT */
/*
 * A command's words -> struct options, by GOption: the common options of face.md, the command's
 * own, --help, and the config file behind them.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "app/config.h"
#include "cli/cli.h"

struct options {
        Config *config;    /* owned */
        char *config_path; /* owned, or NULL: the default file */
        char **args;       /* owned: what is not an option; never NULL after options_parse() */
        int help;          /* gboolean of GOption */
};

void options_init(struct options *o);
void options_fini(struct options *o);

enum options_kind {
        OPTIONS_PLAIN, /* only the command's own */
        OPTIONS_PROBE, /* and those of commands that use the network */
        OPTIONS_NBD,   /* and those of a daemon */
        OPTIONS_MOUNT, /* and those of its mount */
};

/*
 * own: the command's entries with pointers to its variables, or NULL; arguments_min and _max: how
 * many words that are no options. false: *ret_exit says how the command ends, and everything has
 * been said (--help, or an error).
 */
bool options_parse(struct options *o, enum options_kind kind, const struct command *command,
                   const GOptionEntry *own, unsigned args_min, unsigned args_max, char **argv,
                   int *ret_exit);
/* "2.5" -> nanoseconds. name: of the option, for the error line, which is printed. */
bool options_seconds(const char *command, const char *value, bool may_be_zero, nsec *ret);
/* "e7.1" -> address, else the error line is printed. */
bool options_address(const char *command, const char *value, aoe_addr *ret);
