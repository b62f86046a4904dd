/* SPDX-License-Identifier: MIT */
/*
 * aoefs mount: the daemon. The same command is the worker's program, when the keeper has set
 * AOEFS_WORKER; the worker must not touch the mount point, which waits for the worker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/keeper.h"
#include "cli/cli.h"
#include "cli/options.h"

/* The mount point without symbolic links, so that it is found again whatever it is called. */
static bool mount_point(Config *c, const char *path)
{
        g_autofree char *absolute = g_canonicalize_filename(path, NULL);
        char *real;

        /* realpath() would follow the descriptor's link to /dev/fuse. */
        if (getenv("AOEFS_WORKER") || g_str_has_prefix(absolute, "/dev/fd/")) {
                c->mountpoint = g_steal_pointer(&absolute);
                return true;
        }
        real = realpath(absolute, NULL);
        if (real) {
                c->mountpoint = g_strdup(real);
                free(real);
                return true;
        }
        cli_error("%s: %s: give an empty folder to mount on", absolute, g_strerror(errno));
        return false;
}

/* Without fsname= the mount is called by its interfaces, as the line in fstab would be. */
static void mount_source(Config *c)
{
        g_autoptr(GPtrArray) names = NULL;

        if (c->interfaces->len == 0 || strcmp(c->source, "any") != 0)
                return;
        names = g_ptr_array_new();
        for (unsigned i = 0; i < c->interfaces->len; i++)
                g_ptr_array_add(names, g_ptr_array_index(c->interfaces, i));
        g_ptr_array_add(names, NULL);
        g_free(c->source);
        c->source = g_strjoinv(",", (char **)names->pdata);
}

static bool mount_is_coherent(const struct command *self, const Config *c)
{
        if (!c->cache_reads || !c->nbd)
                return true;
        cli_error("%s: cache=read with nbd=: the kernel would not see what NBD clients write: give "
                  "cache=none, or leave nbd= out",
                  self->name);
        return false;
}

int cmd_mount(const struct command *self, char **argv)
{
        __attribute__((cleanup(options_fini))) struct options o;
        g_auto(GStrv) worker_argv = NULL;
        g_autoptr(GError) why = NULL;
        int result;

        options_init(&o);
        if (!options_parse(&o, OPTIONS_MOUNT, self, NULL, 1, 1, argv, &result))
                return result;
        if (!mount_is_coherent(self, o.config))
                return CLI_USAGE;
        if (!mount_point(o.config, o.args[0]))
                return CLI_FAILED;
        mount_source(o.config);
        if (getenv("AOEFS_WORKER"))
                return worker_main(o.config);
        worker_argv = config_to_argv(o.config, "aoefs");
        if (keeper_mount(o.config, worker_argv, &why))
                return CLI_DONE;
        cli_error("%s: %s", o.config->mountpoint, why->message);
        return CLI_FAILED;
}
