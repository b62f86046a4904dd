/* SPDX-License-Identifier: MIT */
/*
 * libfuse's own unmount is always lazy and cannot say that something is open, so only the mount is
 * libfuse's. Its session is never destroyed, since that would need the unmount; it is one a process
 * and is freed with it.
 */
#include "app/mounting.h"

#define FUSE_USE_VERSION 35

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/logging.h"
#include "app/runtime.h"
#include "io/autofd.h"

#define MOUNTING_FD_PREFIX      "/dev/fd/"
#define MOUNTING_READ_AHEAD_KIB "1024" /* of cache=read; the kernel's own is 128 */

struct Mounting {
        char *mountpoint; /* owned; NULL: the mount is somebody else's, we have its descriptor */
        char *device;     /* owned: "0:57", to know our mount again; NULL: not found */
        int fd;           /* owned */
};

/* What libfuse said last: its functions return no reason. */
static char mounting_said[256];
static struct fuse_session *mounting_session; /* kept for the process's life */

__attribute__((format(printf, 2, 0))) static void mounting_on_log(enum fuse_log_level level,
                                                                  const char *format, va_list args)
{
        (void)level;
        vsnprintf(mounting_said, sizeof(mounting_said), format, args);
        g_strchomp(mounting_said);
}

/* ---- before ---- */

static bool mounting_refuse(GError **error, int number, const char *text)
{
        g_set_error(error, RUNTIME_ERROR, number, "%s", text);
        return false;
}

/* The last line of mountinfo for a path is what is mounted on top. Its device, or NULL. Owned by
 * the caller. */
static char *mounting_device_at(const char *mountpoint)
{
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        char *device = NULL;

        if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
                return NULL;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = g_strsplit(*line, " ", 6);
                g_autofree char *at = NULL;

                if (g_strv_length(words) < 6)
                        continue;
                at = g_strcompress(words[4]); /* blanks are \040 there */
                if (!g_str_equal(at, mountpoint))
                        continue;
                g_free(device);
                device = g_strdup(words[2]);
        }
        return device;
}

static bool mounting_check_folder(const char *mountpoint, GError **error)
{
        g_autoptr(GDir) dir = NULL;
        struct stat st;

        if (stat(mountpoint, &st) < 0 && errno == ENOTCONN)
                return mounting_refuse(error, ENOTCONN,
                                       "a mount whose daemon is gone is in the way: end it with "
                                       "fusermount3 -u");
        if (stat(mountpoint, &st) < 0)
                return mounting_refuse(error, errno, g_strerror(errno));
        if (!S_ISDIR(st.st_mode))
                return mounting_refuse(error, ENOTDIR, "not a folder: give an empty one");
        dir = g_dir_open(mountpoint, 0, NULL);
        if (!dir)
                return mounting_refuse(error, EACCES, "the folder cannot be read");
        if (g_dir_read_name(dir))
                return mounting_refuse(error, ENOTEMPTY,
                                       "the folder is not empty: give an empty "
                                       "one");
        return true;
}

bool mounting_check(const char *mountpoint, GError **error)
{
        g_autoptr(RuntimeDaemon) other = NULL;

        if (g_str_has_prefix(mountpoint, MOUNTING_FD_PREFIX))
                return true;
        /* First of all: a mount of ours whose worker hangs would let us hang, too. */
        other = runtime_find(mountpoint, NULL);
        if (other) {
                g_set_error(error, RUNTIME_ERROR, EBUSY, "aoefs process %d is mounted here already",
                            (int)other->keeper);
                return false;
        }
        if (!mounting_check_folder(mountpoint, error))
                return false;
        if (access("/dev/fuse", F_OK) < 0)
                return mounting_refuse(error, ENOENT,
                                       "there is no /dev/fuse: load the module with "
                                       "modprobe fuse, or give the container the "
                                       "device");
        if (access("/dev/fuse", R_OK | W_OK) < 0)
                return mounting_refuse(error, errno,
                                       "no permission for /dev/fuse: it should have "
                                       "mode 0666");
        return true;
}

/* ---- the mount ---- */

/* In an option string a comma ends the option. */
static char *mounting_quote(const char *value)
{
        GString *quoted = g_string_new(NULL);

        for (const char *p = value; *p; p++) {
                if (*p == ',' || *p == '\\')
                        g_string_append_c(quoted, '\\');
                g_string_append_c(quoted, *p);
        }
        return g_string_free(quoted, FALSE);
}

static struct fuse_session *mounting_make_session(const Config *c)
{
        static const struct fuse_lowlevel_ops none;
        g_autofree char *name = mounting_quote(c->source);
        g_autofree char *options = g_strdup_printf(
                "default_permissions,subtype=aoefs,fsname=%s,max_read=%u%s%s", name, c->max_read,
                c->allow_other ? ",allow_other" : "", c->read_only ? ",ro" : "");
        char *argv[] = {"aoefs", "-o", options};
        struct fuse_args args = FUSE_ARGS_INIT(3, argv);
        struct fuse_session *session;

        session = fuse_session_new(&args, &none, sizeof(none), NULL);
        fuse_opt_free_args(&args);
        return session;
}

static bool mounting_take_fd(Mounting *m, const char *mountpoint, GError **error)
{
        const char *number = mountpoint + strlen(MOUNTING_FD_PREFIX);
        int fd = atoi(number);

        m->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (m->fd >= 0) {
                close(fd); /* the mount ends with the last descriptor: have one */
                return true;
        }
        g_set_error(error, RUNTIME_ERROR, errno,
                    "%s: %s: pass a descriptor of /dev/fuse that is "
                    "mounted",
                    mountpoint, g_strerror(errno));
        return false;
}

/* A container's /sys cannot be written: then reading is a little slower. */
static void mounting_read_ahead(const Mounting *m)
{
        g_autofree char *path = NULL;
        autofd int fd = -1;

        if (!m->device)
                return;
        path = g_strdup_printf("/sys/class/bdi/%s/read_ahead_kb", m->device);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, MOUNTING_READ_AHEAD_KIB, strlen(MOUNTING_READ_AHEAD_KIB)) < 0)
                logging_say(LOGGING_INFO, "%s: %s", path, g_strerror(errno));
}

static bool mounting_mount(Mounting *m, const Config *c, GError **error)
{
        m->mountpoint = g_strdup(c->mountpoint);
        fuse_set_log_func(mounting_on_log);
        mounting_session = mounting_make_session(c);
        if (!mounting_session)
                return mounting_refuse(error, EINVAL, mounting_said);
        errno = 0;
        if (fuse_session_mount(mounting_session, c->mountpoint) < 0) {
                g_set_error(error, RUNTIME_ERROR, errno ? errno : EIO, "cannot mount: %s",
                            mounting_said[0] ? mounting_said : "fusermount3 refused");
                return false;
        }
        m->fd = fuse_session_fd(mounting_session);
        fcntl(m->fd, F_SETFD, FD_CLOEXEC);
        m->device = mounting_device_at(c->mountpoint);
        if (c->cache_reads)
                mounting_read_ahead(m);
        return true;
}

Mounting *mounting_new(const Config *c, GError **error)
{
        Mounting *m = g_new0(Mounting, 1);
        bool good;

        m->fd = -1;
        good = g_str_has_prefix(c->mountpoint, MOUNTING_FD_PREFIX)
                       ? mounting_take_fd(m, c->mountpoint, error)
                       : mounting_mount(m, c, error);
        if (good)
                return m;
        mounting_free(m);
        return NULL;
}

int mounting_fd(const Mounting *m)
{
        return m->fd;
}

/* ---- the end ---- */

/* Fails all requests of the connection: whoever waits for us lets go. */
static void mounting_abort(const Mounting *m)
{
        g_autofree char *path = NULL;
        autofd int fd = -1;

        if (!m->device || !strchr(m->device, ':'))
                return;
        path = g_strdup_printf("/sys/fs/fuse/connections/%s/abort", strchr(m->device, ':') + 1);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) < 0)
                logging_say(LOGGING_INFO, "%s: %s", path, g_strerror(errno));
}

/* What an ordinary user may not do by himself. */
static int mounting_end_by_helper(const Mounting *m, enum mounting_end how)
{
        char *argv[] = {"fusermount3", how == MOUNTING_END_POLITE ? "-u" : "-uz", "--",
                        m->mountpoint, NULL};
        g_autofree char *said = NULL;
        int status;

        if (!g_spawn_sync("/", argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                          NULL, NULL, &said, &status, NULL))
                return -ENOENT;
        if (g_spawn_check_wait_status(status, NULL))
                return 0;
        if (said && strstr(said, "busy")) /* it speaks English only */
                return -EBUSY;
        logging_say(LOGGING_WARNING, "%s", said && said[0] ? g_strchomp(said) : "fusermount3");
        return -EPERM;
}

/* Somebody may have unmounted ours and mounted another on the same folder. */
static bool mounting_is_ours(const Mounting *m)
{
        g_autofree char *device = mounting_device_at(m->mountpoint);

        return !m->device || g_strcmp0(device, m->device) == 0;
}

int mounting_end(Mounting *m, enum mounting_end how)
{
        int flags = UMOUNT_NOFOLLOW;

        if (!m->mountpoint || !mounting_is_ours(m))
                return 0;
        if (how == MOUNTING_END_FORCE) {
                mounting_abort(m);
                flags |= MNT_FORCE | MNT_DETACH;
        }
        if (umount2(m->mountpoint, flags) == 0)
                return 0;
        /* Root of a user namespace may take it out, but not force it. */
        if (errno == EPERM && (flags & MNT_FORCE) &&
            umount2(m->mountpoint, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
                return 0;
        if (errno == EPERM)
                return mounting_end_by_helper(m, how);
        /* EINVAL: it is no mount point any more. */
        return errno == EINVAL || errno == ENOENT ? 0 : -errno;
}

void mounting_free(Mounting *m)
{
        if (!m)
                return;
        if (m->fd >= 0)
                close(m->fd);
        g_free(m->mountpoint);
        g_free(m->device);
        g_free(m);
}
