/* SPDX-License-Identifier: MIT */
/* cli/argv.c: every way to write an option comes to GOption as the one way that it reads right. */
#include "cli/argv.h"

#include <criterion/criterion.h>
#include <string.h>

static const GOptionEntry entries[] = {
        {"options", 'o', 0, G_OPTION_ARG_STRING, NULL, NULL, NULL},
        {"interface", 'i', 0, G_OPTION_ARG_CALLBACK, NULL, NULL, NULL},
        {"foreground", 'f', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
        {"debug", 'd', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, NULL, NULL, NULL},
        {"ro", 0, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, NULL, NULL, NULL},
        {"mode", 0, 0, G_OPTION_ARG_STRING, NULL, NULL, NULL},
        {0},
};

struct line {
        const char *in; /* words with blanks between them */
        const char *out;
};

static const struct line lines[] = {
        {"mount /mnt", "mount /mnt"},
        {"mount -o ro /mnt", "mount -o ro /mnt"},
        {"mount -oro /mnt", "mount -o ro /mnt"},
        {"mount -fdoro /mnt", "mount -fdo ro /mnt"},
        {"mount -fd /mnt", "mount -fd /mnt"},
        {"mount -ieth0 -f", "mount -i eth0 -f"},
        {"mount -i -oro", "mount -i -oro"},
        {"mount --mode -oro", "mount --mode -oro"},
        {"mount --mode=1 -oro", "mount --mode=1 -o ro"},
        {"mount --ro -oro", "mount --ro -o ro"},
        {"mount -- -oro --ro=1 --", "mount -- -oro --ro=1 --"},
        {"mount - -oro", "mount - -o ro"},
        {"mount -x -oro", "mount -x -o ro"},
        {"mount --unknown=1 -oro", "mount --unknown=1 -o ro"},
        {"mount -o", "mount -o"},
        {"mount --mod=1", "mount --mod=1"},
};

Test(cli_argv, lines)
{
        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_auto(GStrv) in = g_strsplit(lines[i].in, " ", -1);
                g_autoptr(GError) why = NULL;
                g_auto(GStrv) out = argv_split(entries, in, &why);
                g_autofree char *joined = NULL;

                cr_assert_not_null(out, "%s", lines[i].in);
                joined = g_strjoinv(" ", out);
                cr_assert_str_eq(joined, lines[i].out, "%s: %s", lines[i].in, joined);
        }
}

Test(cli_argv, flags_take_no_value)
{
        static const char *const wrong[] = {"--ro=no", "--ro=", "--foreground=1", "--debug=1"};

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                char *in[] = {"mount", (char *)wrong[i], NULL};
                g_autoptr(GError) why = NULL;

                cr_assert_null(argv_split(entries, in, &why), "%s", wrong[i]);
                cr_assert_not_null(strstr(why->message, wrong[i]));
        }
}
