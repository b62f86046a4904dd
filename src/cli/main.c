/* SPDX-License-Identifier: MIT */
/*
 * aoefs: the commands' table. A first word that is no command is the source of the fstab form,
 * aoefs SOURCE MOUNTPOINT -o OPTIONS, which mount(8) uses for type fuse.aoefs.
 */
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "cli/cli.h"

static const struct command commands[] = {
        {"list", "[eX.Y ...]", "Show the devices that answer now.", cmd_list},
        {"mount", "MOUNTPOINT", "Mount every device as a file; returns when the mount is usable.",
         cmd_mount},
        {"nbd", "[/dev/nbdN] [eX.Y ...]",
         "Serve devices as NBD exports; returns when the server is usable.", cmd_nbd},
        {"umount", "MOUNTPOINT|SOCKET",
         "Write everything, unmount, and wait until the daemon is gone.", cmd_umount},
        {"wait", "eX.Y", "Wait until a device answers and is identified.", cmd_wait},
};

static const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                if (g_str_equal(commands[i].name, name))
                        return &commands[i];
        return NULL;
}

static int help(void)
{
        g_autoptr(GString) text = g_string_new(
                "Usage:\n"
                "  aoefs COMMAND [OPTION...] [ARGUMENT...]\n"
                "  aoefs SOURCE MOUNTPOINT [-o KEY[=VALUE][,...]]   (fstab's form of mount)\n"
                "\n"
                "ATA over Ethernet disks as files, without a kernel module.\n"
                "\n"
                "Commands:\n");

        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                g_string_append_printf(text, "  %-20s %s\n", commands[i].name, commands[i].summary);
        g_string_append(text, "\n"
                              "Options:\n"
                              "  -h, --help           Show this text\n"
                              "  --version            Show the version\n"
                              "\n"
                              "aoefs COMMAND --help shows a command's options; man aoefs has the "
                              "rest.\n");
        return cli_print(text->str);
}

static bool is_fstab_form(char **argv)
{
        return argv[0][0] != '-' && argv[1] && argv[1][0] != '-' &&
               (strchr(argv[1], '/') || (argv[2] && argv[2][0] == '-'));
}

/* SOURCE MOUNTPOINT ... -> mount --interface=SOURCE --fsname=SOURCE MOUNTPOINT ... */
static char **fstab_argv(char **argv)
{
        GPtrArray *words = g_ptr_array_new();

        g_ptr_array_add(words, g_strdup("mount"));
        if (!g_str_equal(argv[0], "any"))
                g_ptr_array_add(words, g_strdup_printf("--interface=%s", argv[0]));
        g_ptr_array_add(words, g_strdup_printf("--fsname=%s", argv[0]));
        for (char **word = argv + 1; *word; word++)
                g_ptr_array_add(words, g_strdup(*word));
        g_ptr_array_add(words, NULL);
        return (char **)g_ptr_array_free(words, FALSE);
}

static int run_fstab_form(char **argv)
{
        g_auto(GStrv) words = fstab_argv(argv);
        const struct command *mount = command_find(words[0]);

        return mount->run(mount, words);
}

static int run(char **argv)
{
        const struct command *command = argv[0] ? command_find(argv[0]) : NULL;

        if (command)
                return command->run(command, argv);
        if (!argv[0]) {
                cli_error("a command is missing: aoefs --help lists them");
                return CLI_USAGE;
        }
        if (g_str_equal(argv[0], "--help") || g_str_equal(argv[0], "-h"))
                return help();
        if (g_str_equal(argv[0], "--version"))
                return cli_print("aoefs " AOEFS_VERSION "\n");
        if (is_fstab_form(argv))
                return run_fstab_form(argv);
        cli_error("%s: no such %s: aoefs --help lists them", argv[0],
                  argv[0][0] == '-' ? "option" : "command");
        return CLI_USAGE;
}

int main(int argc, char **argv)
{
        /* Only what is printed depends on the locale; messages and numbers do not. */
        setlocale(LC_CTYPE, "");
        return run(argc > 0 ? argv + 1 : argv);
}
