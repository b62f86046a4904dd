/* SPDX-License-Identifier: MIT */
/* What the commands share: exit codes (face.md), their table's entry, and how an error is said. */
#pragma once

#include <glib.h>

enum cli_exit {
        CLI_DONE = 0,
        CLI_FAILED = 1,
        CLI_USAGE = 2,     /* wrong words: of the command line or of the config file */
        CLI_REFUSED = 3,   /* by the device */
        CLI_NO_DEVICE = 4, /* nobody answers to that name */
};

struct command {
        const char *name;
        const char *arguments; /* as --help shows them */
        const char *summary;
        /* argv[0] is the command's name, the last one is NULL. Returns an enum cli_exit. */
        int (*run)(const struct command *self, char **argv);
};

int cmd_list(const struct command *self, char **argv);
int cmd_mount(const struct command *self, char **argv);
int cmd_nbd(const struct command *self, char **argv);
int cmd_umount(const struct command *self, char **argv);
int cmd_wait(const struct command *self, char **argv);

/* One line on stderr: "aoefs: ", the text, a newline; nothing in it can steer a terminal. */
void cli_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* All of it to stdout, told apart from a full disk or a closed pipe. An enum cli_exit. */
int cli_print(const char *text);
