/* SPDX-License-Identifier: MIT */
/* aoefs umount: the exit code says whether everything was written and the daemon is gone. */
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/runtime.h"
#include "cli/busy.h"
#include "cli/cli.h"
#include "cli/options.h"

static const struct busy_roots roots = {.block = "/sys/block", .proc = "/proc"};

/* Is somebody named who is in the way? */
static bool is_held(const char *mountpoint)
{
        g_autofree char *holder = busy_find(&roots, mountpoint);

        if (holder)
                cli_error("%s: busy: %s", mountpoint, holder);
        return holder;
}

/* Without symbolic links, as the daemon is registered; what cannot be followed keeps its name. */
static char *mount_point(const char *path)
{
        char *real = realpath(path, NULL);
        char *point = real ? g_strdup(real) : g_canonicalize_filename(path, NULL);

        free(real);
        return point;
}

/* An aoefs that no daemon of this user answers for. */
static bool is_aoefs(const char *mountpoint)
{
        FILE *mounts = setmntent("/proc/self/mounts", "r");
        const struct mntent *m = NULL;
        bool found = false;

        while (mounts && !found && (m = getmntent(mounts)))
                found = !strcmp(m->mnt_dir, mountpoint) && !strcmp(m->mnt_type, "fuse.aoefs");
        if (mounts)
                endmntent(mounts);
        return found;
}

static int umount_run(const char *mountpoint, bool force)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(RuntimeDaemon) daemon = runtime_find(mountpoint, &why);

        if (!daemon) {
                if (is_aoefs(mountpoint))
                        cli_error("%s: its daemon is gone, or another user's: take it away with "
                                  "umount -l %s",
                                  mountpoint, mountpoint);
                else
                        cli_error("%s: %s: findmnt -t fuse.aoefs lists all", mountpoint,
                                  why->message);
                return CLI_FAILED;
        }
        /* With --force only afterwards: those who wait for dead targets let go when they fail. */
        if (!force && is_held(mountpoint))
                return CLI_FAILED;
        if (runtime_shutdown(daemon, force, &why))
                return CLI_DONE;
        if (why->code != EBUSY || !is_held(mountpoint))
                cli_error("%s: %s", mountpoint, why->message);
        return CLI_FAILED;
}

int cmd_umount(const struct command *self, char **argv)
{
        __attribute__((cleanup(options_fini))) struct options o;
        g_autofree char *mountpoint = NULL;
        int force = 0;
        const GOptionEntry own[] = {
                {"force", 0, 0, G_OPTION_ARG_NONE, &force,
                 "First fail what waits for targets that do not answer", NULL},
                {0},
        };
        int result;

        options_init(&o);
        if (!options_parse(&o, OPTIONS_PLAIN, self, own, 1, 1, argv, &result))
                return result;
        mountpoint = mount_point(o.args[0]);
        /* Started from inside of the mount, we would be in our own way. */
        if (chdir("/") < 0)
                cli_error("/: %s: going on", g_strerror(errno));
        return umount_run(mountpoint, force);
}
