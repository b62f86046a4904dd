/* SPDX-License-Identifier: MIT */
/*
 * struct Config -> the command line of the worker. Everything is said, uid too: the worker may be
 * another user in another folder, and the config file may have changed (or be broken) when it is
 * started again.
 */
#include "app/config.h"

static void argv_add(GPtrArray *argv, const char *key, const char *value)
{
        g_ptr_array_add(argv, g_strdup_printf("--%s=%s", key, value));
}

static void argv_add_number(GPtrArray *argv, const char *key, uint64_t value)
{
        g_ptr_array_add(argv, g_strdup_printf("--%s=%" G_GUINT64_FORMAT, key, value));
}

static void argv_add_flag(GPtrArray *argv, const char *key, bool value)
{
        if (value)
                g_ptr_array_add(argv, g_strdup_printf("--%s", key));
}

static void argv_add_list(GPtrArray *argv, const char *key, const GPtrArray *list)
{
        for (unsigned i = 0; i < list->len; i++)
                argv_add(argv, key, g_ptr_array_index(list, i));
}

static void argv_add_mount(GPtrArray *argv, const Config *c)
{
        argv_add_flag(argv, "allow_other", c->allow_other);
        argv_add_number(argv, "max_read", c->max_read);
        argv_add(argv, "cache", c->cache_reads ? "read" : "none");
        argv_add(argv, "fsname", c->source);
        g_ptr_array_add(argv, g_strdup("--"));
        g_ptr_array_add(argv, g_strdup(c->mountpoint));
}

char **config_to_argv(const Config *c, const char *program)
{
        GPtrArray *argv = g_ptr_array_new();

        g_ptr_array_add(argv, g_strdup(program));
        g_ptr_array_add(argv, g_strdup(c->mountpoint ? "mount" : "nbd"));
        argv_add(argv, "config", "/dev/null");
        argv_add_list(argv, "interface", c->interfaces);
        argv_add_list(argv, "only", c->only);
        argv_add_list(argv, "deny", c->deny);
        argv_add_flag(argv, "foreground", c->foreground);
        argv_add_flag(argv, "debug", c->debug);
        argv_add_flag(argv, "quiet", c->quiet);
        for (unsigned i = 0; i < c->verbose; i++)
                argv_add_flag(argv, "verbose", true);
        argv_add_flag(argv, "ro", c->read_only);
        argv_add_flag(argv, "shared", c->shared);
        argv_add_number(argv, "uid", c->uid);
        argv_add_number(argv, "gid", c->gid);
        g_ptr_array_add(argv, g_strdup_printf("--mode=%04o", (unsigned)c->mode));
        argv_add(argv, "on_loss", c->loss_waits ? "wait" : "fail");
        argv_add_number(argv, "timeout", c->timeout / NSEC_SEC);
        argv_add_number(argv, "memory", c->memory_mib);
        if (c->window)
                argv_add_number(argv, "window", c->window);
        if (c->payload_bytes)
                argv_add_number(argv, "payload", c->payload_bytes);
        if (c->nbd)
                argv_add(argv, c->mountpoint ? "nbd" : "socket", c->nbd);
        if (c->pidfile)
                argv_add(argv, "pidfile", c->pidfile);
        if (c->mountpoint)
                argv_add_mount(argv, c);
        g_ptr_array_add(argv, NULL);
        return (char **)g_ptr_array_free(argv, FALSE);
}
