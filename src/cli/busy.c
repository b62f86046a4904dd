/* SPDX-License-Identifier: MIT */
/*
 * Who keeps a mount busy: the kernel only says EBUSY. Links in /proc and /sys are read and never
 * followed, since following would ask the daemon, and it may be the one that does not answer.
 */
#include "cli/busy.h"

#include <fnmatch.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The part of path below the mount point, "" for the point itself, NULL for something else. */
static const char *path_below(const char *path, const char *mountpoint)
{
        size_t bytes = strlen(mountpoint);

        if (strncmp(path, mountpoint, bytes) != 0)
                return NULL;
        if (path[bytes] == '/')
                return path + bytes + 1;
        return path[bytes] == '\0' ? path + bytes : NULL;
}

/* What a message calls it. */
static const char *below_name(const char *below)
{
        return *below ? below : "the mount point";
}

static char *link_read(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);

        return g_file_read_link(path, NULL);
}

static char *line_read(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        char *text = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return NULL;
        text[strcspn(text, "\n")] = '\0';
        return text;
}

/* ---- loop devices ---- */

static char *find_loop(const char *block, const char *mountpoint)
{
        g_autoptr(GDir) dir = g_dir_open(block, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *loop = g_build_filename(block, name, "loop", NULL);
                g_autofree char *file = NULL;
                const char *below;

                if (!g_str_has_prefix(name, "loop"))
                        continue;
                file = line_read(loop, "backing_file");
                below = file ? path_below(file, mountpoint) : NULL;
                if (below)
                        return g_strdup_printf("/dev/%s uses %s: detach it with losetup -d /dev/%s",
                                               name, below_name(below), name);
        }
        return NULL;
}

/* ---- mounts on the mount ---- */

static char *find_mount(const char *proc, const char *mountpoint)
{
        g_autofree char *path = g_build_filename(proc, "self", "mountinfo", NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return NULL;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) fields = g_strsplit(*line, " ", 6);
                g_autofree char *point = NULL;
                const char *below;

                if (g_strv_length(fields) < 6)
                        continue;
                point = g_strcompress(fields[4]); /* \040 is a blank */
                below = path_below(point, mountpoint);
                if (below && *below)
                        return g_strdup_printf("%s is mounted on %s: unmount that first", point,
                                               below);
        }
        return NULL;
}

/* ---- processes ---- */

/* A process of another mount namespace has other mounts, whatever they are called. */
static bool is_elsewhere(const char *proc, const char *dir)
{
        g_autofree char *self = g_build_filename(proc, "self", NULL);
        g_autofree char *ours = link_read(self, "ns/mnt");
        g_autofree char *theirs = link_read(dir, "ns/mnt");

        return ours && theirs && !g_str_equal(ours, theirs);
}

static char *find_fd(const char *dir, const char *mountpoint)
{
        g_autofree char *fds = g_build_filename(dir, "fd", NULL);
        g_autoptr(GDir) list = g_dir_open(fds, 0, NULL);
        const char *name;

        while (list && (name = g_dir_read_name(list))) {
                g_autofree char *path = link_read(fds, name);
                const char *below = path ? path_below(path, mountpoint) : NULL;

                if (below)
                        return g_strdup_printf("has %s open: end it first", below_name(below));
        }
        return NULL;
}

static char *find_map(const char *dir, const char *mountpoint)
{
        g_autofree char *path = g_build_filename(dir, "maps", NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return NULL;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                const char *file = strchr(*line, '/');
                const char *below = file ? path_below(file, mountpoint) : NULL;

                if (below)
                        return g_strdup_printf("maps %s: end it first", below_name(below));
        }
        return NULL;
}

/* How a process holds the mount, in words, or NULL. */
static char *find_hold(const char *dir, const char *mountpoint)
{
        g_autofree char *cwd = link_read(dir, "cwd");
        g_autofree char *root = link_read(dir, "root");
        char *how = find_fd(dir, mountpoint);

        if (how)
                return how;
        if (cwd && path_below(cwd, mountpoint))
                return g_strdup("has its working folder there: leave it, or end the process");
        if (root && path_below(root, mountpoint))
                return g_strdup("has its root folder there: end it first");
        return find_map(dir, mountpoint);
}

static char *find_process(const char *proc, const char *mountpoint)
{
        g_autoptr(GDir) list = g_dir_open(proc, 0, NULL);
        const char *name;

        while (list && (name = g_dir_read_name(list))) {
                g_autofree char *dir = g_build_filename(proc, name, NULL);
                g_autofree char *how = NULL;
                g_autofree char *comm = NULL;

                if (name[strspn(name, "0123456789")] || atoi(name) == getpid() ||
                    is_elsewhere(proc, dir))
                        continue;
                how = find_hold(dir, mountpoint);
                if (!how)
                        continue;
                comm = line_read(dir, "comm");
                return g_strdup_printf("process %s (%s) %s", name, comm ? comm : "?", how);
        }
        return NULL;
}

char *busy_find(const struct busy_roots *roots, const char *mountpoint)
{
        char *holder = find_loop(roots->block, mountpoint);

        if (!holder)
                holder = find_mount(roots->proc, mountpoint);
        if (!holder)
                holder = find_process(roots->proc, mountpoint);
        return holder;
}
