/* SPDX-License-Identifier: MIT */
/* How commands speak: errors are one line on stderr, output is whole or a failure. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

void cli_error(const char *format, ...)
{
        g_autofree char *raw = NULL;
        g_autofree char *line = NULL;
        va_list args;

        va_start(args, format);
        raw = g_strdup_vprintf(format, args);
        va_end(args);
        line = text_safe(raw, strlen(raw));
        fprintf(stderr, "aoefs: %s\n", line);
}

int cli_print(const char *text)
{
        if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
                return CLI_DONE;
        cli_error("standard output: %s: the output is not complete", g_strerror(errno));
        return CLI_FAILED;
}
