/* SPDX-License-Identifier: MIT */
/*
 * GOption for all commands. Keys of the mount are not parsed here but in app/config.c, whatever way
 * they come in: --mode=0640, -o mode=0640, or the config file.
 */
#include "cli/options.h"

#include <string.h>

#include "cli/argv.h"

#define OPTIONS_SECONDS_MAX 31536000 /* a year */

/* The array of entries that GOption wants, ended by zeroes. */
#define ENTRY_KEY(name, letter, flags, text, value)                                                \
        {                                                                                          \
                name, letter, (flags) | G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK,             \
                        (void *)on_key, text, value                                                \
        }
#define ENTRY_FLAG(name, letter, text)                                                             \
        {                                                                                          \
                name, letter, G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (void *)on_key, text,   \
                        NULL                                                                       \
        }

void options_init(struct options *o)
{
        *o = (struct options){.config = config_new()};
}

void options_fini(struct options *o)
{
        config_free(o->config);
        g_free(o->config_path);
        g_strfreev(o->args);
}

/* ---- GOption's callbacks: its types are its own ---- */

static gboolean on_key(const gchar *name, const gchar *value, gpointer data, GError **error)
{
        struct options *o = data;

        if (g_str_equal(name, "-i"))
                name = "--interface";
        else if (g_str_equal(name, "-d"))
                name = "--debug";
        else if (g_str_equal(name, "-P"))
                name = "--pidfile";
        return config_set(o->config, name + strlen("--"), value, error);
}

static gboolean on_list(const gchar *name, const gchar *value, gpointer data, GError **error)
{
        struct options *o = data;

        (void)name;
        return config_set_list(o->config, value, error);
}

static gboolean on_foreground(const gchar *name, const gchar *value, gpointer data, GError **error)
{
        struct options *o = data;

        (void)name, (void)value, (void)error;
        o->config->foreground = true;
        return TRUE;
}

static gboolean on_quiet(const gchar *name, const gchar *value, gpointer data, GError **error)
{
        struct options *o = data;

        (void)name, (void)value, (void)error;
        o->config->quiet = true;
        o->config->verbose = 0;
        return TRUE;
}

static gboolean on_verbose(const gchar *name, const gchar *value, gpointer data, GError **error)
{
        struct options *o = data;

        (void)name, (void)value, (void)error;
        o->config->quiet = false;
        o->config->verbose++;
        return TRUE;
}

/* ---- entries ---- */

/* Of a daemon. */
static const GOptionEntry entries_serve[] = {
        {"options", 'o', G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, (void *)on_list,
         "The long options from --ro on, as mount(8) gives them", "KEY[=VALUE][,...]"},
        {"foreground", 'f', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (void *)on_foreground,
         "Stay in the foreground until the end", NULL},
        ENTRY_FLAG("debug", 'd', "Print every FUSE message of a mount"),
        ENTRY_KEY("pidfile", 'P', 0, "Write the worker's process number there when ready", "FILE"),
        ENTRY_FLAG("ro", 0, "Refuse all writes"),
        ENTRY_KEY("uid", 0, 0, "Owner of the files (default: who mounts)", "USER"),
        ENTRY_KEY("gid", 0, 0, "Group of the files (default: who mounts)", "GROUP"),
        ENTRY_KEY("mode", 0, 0, "Permissions of the files (0600)", "OCTAL"),
        ENTRY_KEY("on_loss", 0, 0, "What a request without an answer does (fail)", "fail|wait"),
        ENTRY_KEY("timeout", 0, 0, "When it fails (180)", "SEC"),
        ENTRY_KEY("memory", 0, 0, "Memory for requests (256)", "MIB"),
        ENTRY_KEY("window", 0, 0, "Most frames in flight a path (as the target says)", "FRAMES"),
        ENTRY_KEY("payload", 0, 0, "Most data a frame (as the path allows)", "BYTES"),
        ENTRY_KEY("only", 0, 0, "Use these devices only", "GLOB[,...]"),
        ENTRY_KEY("deny", 0, 0, "Never use these devices", "GLOB[,...]"),
        ENTRY_FLAG("shared", 0, "Write although another aoefs of this host does"),
        {0},
};

/* What a mount has besides. */
static const GOptionEntry entries_mount[] = {
        ENTRY_FLAG("allow_other", 0, "Let other users in, as far as uid, gid and mode do"),
        ENTRY_KEY("max_read", 0, 0, "Largest read of the kernel (524288)", "BYTES"),
        ENTRY_KEY("cache", 0, 0, "What the kernel keeps of the disks (none)", "none|read"),
        ENTRY_KEY("nbd", 0, 0, "Serve NBD clients at this socket, too", "PATH"),
        ENTRY_KEY("fsname", 0, 0, "Source shown in /proc/mounts (the interfaces)", "NAME"),
        {0},
};

static const GOptionEntry entries_probe[] = {
        ENTRY_KEY("interface", 'i', 0, "Use these, globs too (default: every Ethernet that is up)",
                  "IF[,IF...]"),
        {"quiet", 'q', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (void *)on_quiet,
         "No warnings, errors only", NULL},
        {"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, (void *)on_verbose,
         "Tell what happens", NULL},
        {0},
};

/* ---- parsing ---- */

static void usage(const struct command *command, const char *text)
{
        g_autofree char *first = g_strdup(text); /* GOption begins with a capital letter */

        first[0] = g_ascii_tolower(first[0]);
        cli_error("%s: %s: aoefs %s --help shows what there is", command->name, first,
                  command->name);
}

/* All entries of a command in the order of --help, ended by zeroes. */
static GArray *entries_new(struct options *o, enum options_kind kind, const GOptionEntry *own)
{
        const GOptionEntry last[] = {
                {"config", 0, 0, G_OPTION_ARG_FILENAME, &o->config_path,
                 "Read this file instead of " CONFIG_FILE_DEFAULT, "FILE"},
                {"help", 'h', 0, G_OPTION_ARG_NONE, &o->help, "Show this text", NULL},
                {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->args, NULL, NULL},
                {0},
        };
        const GOptionEntry *parts[] = {own, kind >= OPTIONS_NBD ? entries_serve : NULL,
                                       kind == OPTIONS_MOUNT ? entries_mount : NULL,
                                       kind != OPTIONS_PLAIN ? entries_probe : NULL,
                                       kind != OPTIONS_PLAIN ? last : last + 1};
        GArray *entries = g_array_new(TRUE, FALSE, sizeof(GOptionEntry));

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
                for (const GOptionEntry *entry = parts[i]; entry && entry->long_name; entry++)
                        g_array_append_vals(entries, entry, 1);
        return entries;
}

static GOptionContext *context_new(struct options *o, const struct command *command,
                                   const GArray *entries)
{
        GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, o, NULL);
        GOptionContext *context = g_option_context_new(command->arguments);

        g_option_group_add_entries(group, (const GOptionEntry *)entries->data);
        g_option_context_set_main_group(context, group);
        g_option_context_set_help_enabled(context, FALSE);
        g_option_context_set_summary(context, command->summary);
        return context;
}

static int help(GOptionContext *context)
{
        g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
        g_auto(GStrv) parts = g_strsplit(text, "…", -1); /* not every terminal has that letter */
        g_autofree char *plain = g_strjoinv("...", parts);

        return cli_print(plain);
}

static bool argv_parse(GOptionContext *context, const GArray *entries,
                       const struct command *command, char **argv)
{
        g_autofree char *program = g_strdup_printf("aoefs %s", command->name);
        g_autoptr(GError) why = NULL;
        g_auto(GStrv) words = argv_split((const GOptionEntry *)entries->data, argv, &why);

        g_set_prgname(program); /* the first words of --help */
        if (words && g_option_context_parse_strv(context, &words, &why))
                return true;
        if (why->domain == CONFIG_ERROR)
                cli_error("%s: %s", command->name, why->message);
        else
                usage(command, why->message);
        return false;
}

static bool has_args(const struct options *o, const struct command *command, unsigned args_min,
                     unsigned args_max)
{
        unsigned count = g_strv_length(o->args);

        if (count < args_min)
                usage(command, "an argument is missing");
        if (count > args_max)
                usage(command, "too many arguments");
        return count >= args_min && count <= args_max;
}

static bool config_file(struct options *o, const struct command *command)
{
        g_autoptr(GError) why = NULL;

        if (config_load(o->config, o->config_path ? o->config_path : CONFIG_FILE_DEFAULT,
                        o->config_path, &why))
                return true;
        cli_error("%s: %s", command->name, why->message);
        return false;
}

bool options_parse(struct options *o, enum options_kind kind, const struct command *command,
                   const GOptionEntry *own, unsigned args_min, unsigned args_max, char **argv,
                   int *ret_exit)
{
        g_autoptr(GArray) entries = entries_new(o, kind, own);
        g_autoptr(GOptionContext) context = context_new(o, command, entries);

        *ret_exit = CLI_USAGE;
        if (!argv_parse(context, entries, command, argv))
                return false;
        if (o->help) {
                *ret_exit = help(context);
                return false;
        }
        if (!o->args)
                o->args = g_new0(char *, 1);
        return has_args(o, command, args_min, args_max) &&
               (kind == OPTIONS_PLAIN || config_file(o, command));
}

bool options_seconds(const char *command, const char *value, bool may_be_zero, nsec *ret)
{
        char *end;
        double sec = g_ascii_strtod(value, &end);

        /* Digits first: strtod would take " 1", "+1", "nan" and hexadecimal. */
        if (!g_ascii_isdigit(*value) || *end || value[strspn(value, "0123456789.")] ||
            sec > OPTIONS_SECONDS_MAX || (sec <= 0 && !may_be_zero)) {
                cli_error("%s: --timeout=%s: is not a time in seconds: give a number %s %u",
                          command, value, may_be_zero ? "from 0 to" : "above 0 and up to",
                          OPTIONS_SECONDS_MAX);
                return false;
        }
        *ret = (nsec)(sec * (double)NSEC_SEC);
        return true;
}

bool options_address(const char *command, const char *value, aoe_addr *ret)
{
        if (aoe_addr_parse(value, ret))
                return true;
        cli_error("%s: %s: is not the name of a device: write shelf and slot as eX.Y, such as e7.1",
                  command, value);
        return false;
}
