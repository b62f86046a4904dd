/* SPDX-License-Identifier: MIT */
#include "app/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/autofd.h"
#include "io/unix_path.h"

#define RUNTIME_ROOT_FOLDER "/run/aoefs"
#define RUNTIME_FILE_MAX    8192 /* bytes of a daemon file; a path has 4096 */
#define RUNTIME_PREFIX      "daemon-"
#define RUNTIME_GROUP       "daemon"
#define RUNTIME_BACKLOG     8 /* who wants to speak to a daemon at once */

G_DEFINE_QUARK(aoefs - runtime - error, runtime_error)

void runtime_daemon_free(RuntimeDaemon *d)
{
        if (!d)
                return;
        g_free(d->mountpoint);
        g_free(d->socket);
        g_free(d);
}

/* ---- the folder ---- */

/* Ours alone, also where everybody may make folders (/tmp). */
static int runtime_make_folder(const char *path, mode_t mode)
{
        struct stat st;

        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return -errno;
        if (lstat(path, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (st.st_uid != geteuid() || (st.st_mode & 022))
                return -EPERM;
        return access(path, W_OK | X_OK) < 0 ? -errno : 0;
}

char *runtime_folder(GError **error)
{
        const char *xdg = g_getenv("XDG_RUNTIME_DIR");
        g_autofree char *path = NULL;
        int r;

        if (geteuid() == 0 && runtime_make_folder(RUNTIME_ROOT_FOLDER, 0755) == 0)
                return g_strdup(RUNTIME_ROOT_FOLDER);
        /* Root of a user namespace has no right to /run; nobody's session has no XDG folder. */
        if (xdg && xdg[0] == '/')
                path = g_build_filename(xdg, "aoefs", NULL);
        else
                path = g_strdup_printf("/tmp/aoefs-%u", (unsigned)geteuid());
        r = runtime_make_folder(path, 0700);
        if (r == 0)
                return g_steal_pointer(&path);
        g_set_error(error, RUNTIME_ERROR, -r,
                    "the runtime folder %s cannot be used: %s: set XDG_RUNTIME_DIR to a folder of "
                    "yours",
                    path, g_strerror(-r));
        return NULL;
}

uint64_t runtime_netns(void)
{
        struct stat st;

        return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

char *runtime_holder(pid_t pid, const char *place)
{
        return g_strdup_printf("aoefs process %d, serving %s", (int)pid, place);
}

/* ---- who runs ---- */

static RuntimeDaemon *runtime_parse(const char *text, const char *folder)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(RuntimeDaemon) d = g_new0(RuntimeDaemon, 1);

        if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL))
                return NULL; /* not written yet */
        d->keeper = g_key_file_get_integer(file, RUNTIME_GROUP, "keeper", NULL);
        d->worker = g_key_file_get_integer(file, RUNTIME_GROUP, "worker", NULL);
        d->mountpoint = g_key_file_get_string(file, RUNTIME_GROUP, "mountpoint", NULL);
        if (d->keeper <= 0 || !d->mountpoint)
                return NULL;
        d->socket = g_strdup_printf("%s/" RUNTIME_PREFIX "%d.sock", folder, (int)d->keeper);
        return g_steal_pointer(&d);
}

static void runtime_list_one(GPtrArray *list, const char *folder, int folder_fd, const char *name)
{
        g_autofree char *text = g_malloc0(RUNTIME_FILE_MAX);
        g_autofree char *socket_name = g_strconcat(name, ".sock", NULL);
        RuntimeDaemon *d;

        if (!lock_is_held(folder_fd, name, text, RUNTIME_FILE_MAX)) {
                unlinkat(folder_fd, socket_name, 0); /* left by a crash */
                return;
        }
        d = runtime_parse(text, folder);
        if (d)
                g_ptr_array_add(list, d);
}

GPtrArray *runtime_list(GError **error)
{
        g_autofree char *folder = runtime_folder(error);
        g_autoptr(GPtrArray) list =
                g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))runtime_daemon_free);
        g_autoptr(GDir) dir = NULL;
        autofd int folder_fd = -1;
        const char *name;

        if (!folder)
                return NULL;
        folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        dir = g_dir_open(folder, 0, error);
        if (!dir)
                return NULL;
        while ((name = g_dir_read_name(dir)))
                if (g_str_has_prefix(name, RUNTIME_PREFIX) && !g_str_has_suffix(name, ".sock"))
                        runtime_list_one(list, folder, folder_fd, name);
        return g_steal_pointer(&list);
}

RuntimeDaemon *runtime_find(const char *mountpoint, GError **error)
{
        g_autoptr(GPtrArray) list = runtime_list(error);
        g_autofree char *absolute = g_canonicalize_filename(mountpoint, NULL);
        char *real = realpath(mountpoint, NULL); /* fails on a mount whose daemon is gone */

        if (real) {
                g_free(absolute);
                absolute = g_strdup(real);
                free(real);
        }
        if (!list)
                return NULL;
        for (unsigned i = 0; i < list->len; i++) {
                RuntimeDaemon *d = g_ptr_array_index(list, i);

                if (g_str_equal(d->mountpoint, absolute))
                        return g_ptr_array_steal_index(list, i);
        }
        g_set_error(error, RUNTIME_ERROR, ENOENT, "no aoefs of this user is mounted here");
        return NULL;
}

/* ---- the end of a daemon ---- */

/* The process that listens, by the kernel's word. */
static int runtime_peer_pidfd(int fd)
{
        struct ucred cred;
        socklen_t len = sizeof(cred);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return -1;
        return pidfd_open(cred.pid, 0);
}

static void runtime_wait_gone(int fd, int pidfd)
{
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        char rest[RUNTIME_PACKET_BYTES];

        while (recv(fd, rest, sizeof(rest), 0) > 0 || errno == EINTR)
                errno = 0;
        while (pidfd >= 0 && poll(&p, 1, -1) < 0 && errno == EINTR)
                ;
}

static bool runtime_fail_answer(GError **error, int number, const char *text)
{
        g_set_error(error, RUNTIME_ERROR, number, "%s", text);
        return false;
}

/* Understands "stays 16 busy" and "ends 0 ". */
static bool runtime_on_answer(const char *answer, bool *ret_ends, int *ret_number,
                              const char **ret_text)
{
        char *end;
        long number;

        *ret_ends = g_str_has_prefix(answer, "ends ");
        if (!*ret_ends && !g_str_has_prefix(answer, "stays "))
                return false;
        answer = strchr(answer, ' ') + 1;
        number = strtol(answer, &end, 10);
        if (end == answer || *end != ' ' || number < 0 || number > 4095)
                return false;
        *ret_number = (int)number;
        *ret_text = end + 1;
        return true;
}

bool runtime_shutdown(const RuntimeDaemon *d, bool force, GError **error)
{
        const char *question = force ? "umount force" : "umount", *text;
        char answer[RUNTIME_PACKET_BYTES];
        autofd int fd = -1, pidfd = -1;
        bool ends;
        ssize_t n;
        int number, r;

        r = unix_path_connect(d->socket, SOCK_SEQPACKET, &fd);
        if (r < 0)
                return runtime_fail_answer(error, -r,
                                           "the daemon does not listen: it may be "
                                           "ending; try again");
        pidfd = runtime_peer_pidfd(fd);
        if (send(fd, question, strlen(question), MSG_NOSIGNAL) < 0)
                return runtime_fail_answer(error, errno, "the daemon hung up");
        do
                n = recv(fd, answer, sizeof(answer) - 1, 0);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return runtime_fail_answer(error, EPIPE,
                                           "the daemon ended without an answer: see its log");
        answer[n] = 0;
        if (!runtime_on_answer(answer, &ends, &number, &text))
                return runtime_fail_answer(error, EPROTO,
                                           "the daemon's answer makes no sense: is "
                                           "it of another version?");
        if (ends)
                runtime_wait_gone(fd, pidfd);
        return number == 0 || runtime_fail_answer(error, number, text);
}

/* ---- the daemon's side ---- */

struct RuntimeEntry {
        int folder_fd;    /* owned */
        char *name;       /* owned: of the daemon file */
        int fd;           /* owned: the daemon file, locked */
        char *mountpoint; /* owned */
        char *socket;     /* owned: path */
        int listen_fd;    /* owned */
        GArray *links;    /* owned: struct runtime_link */
};

struct runtime_link {
        char name[LOCK_NAME_BYTES];
        int fd; /* owned, locked */
};

static bool runtime_entry_write(RuntimeEntry *e, pid_t worker)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *text = NULL;
        gsize bytes;

        g_key_file_set_integer(file, RUNTIME_GROUP, "keeper", getpid());
        g_key_file_set_integer(file, RUNTIME_GROUP, "worker", worker);
        g_key_file_set_string(file, RUNTIME_GROUP, "mountpoint", e->mountpoint);
        text = g_key_file_to_data(file, &bytes, NULL);
        return ftruncate(e->fd, 0) == 0 && pwrite(e->fd, text, bytes, 0) == (ssize_t)bytes;
}

/* Takes away what crashed daemons left of their links. */
static void runtime_sweep(const RuntimeEntry *e, const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (g_str_has_prefix(name, "link-"))
                        lock_is_held(e->folder_fd, name, NULL, 0);
}

RuntimeEntry *runtime_entry_new(const char *mountpoint, GError **error)
{
        g_autofree char *folder = runtime_folder(error);
        g_autoptr(RuntimeEntry) e = NULL;
        int r;

        if (!folder)
                return NULL;
        e = g_new0(RuntimeEntry, 1);
        e->fd = e->listen_fd = -1;
        e->mountpoint = g_strdup(mountpoint);
        e->links = g_array_new(FALSE, FALSE, sizeof(struct runtime_link));
        e->name = g_strdup_printf(RUNTIME_PREFIX "%d", (int)getpid());
        e->socket = g_strdup_printf("%s/%s.sock", folder, e->name);
        e->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = lock_take_own(e->folder_fd, e->name, "", &e->fd);
        if (r == 0) {
                unlink(e->socket); /* of an earlier process of this number */
                r = unix_path_listen(e->socket, SOCK_SEQPACKET, 0600, RUNTIME_BACKLOG,
                                     &e->listen_fd);
        }
        if (r == 0 && !runtime_entry_write(e, 0))
                r = -errno;
        if (r == 0) {
                runtime_sweep(e, folder);
                return g_steal_pointer(&e);
        }
        g_set_error(error, RUNTIME_ERROR, -r, "the runtime folder %s: %s", folder, g_strerror(-r));
        return NULL;
}

bool runtime_entry_set_worker(RuntimeEntry *e, pid_t worker)
{
        return runtime_entry_write(e, worker);
}

int runtime_entry_socket(const RuntimeEntry *e)
{
        return e->listen_fd;
}

/* Other daemons' files of the link: the first that is held. */
static bool runtime_link_other(RuntimeEntry *e, const char *prefix, const char *own,
                               char *ret_holder, size_t holder_bytes)
{
        autofd int fd = openat(e->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autoptr(GDir) dir = fd < 0 ? NULL : g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                if (!g_str_has_prefix(name, prefix) || g_str_equal(name, own))
                        continue;
                if (lock_is_held(e->folder_fd, name, ret_holder, holder_bytes))
                        return true;
        }
        return false;
}

bool runtime_entry_use_link(RuntimeEntry *e, int ifindex, char *ret_holder, size_t holder_bytes)
{
        g_autofree char *prefix =
                g_strdup_printf("link-%" G_GUINT64_FORMAT "-%d.", runtime_netns(), ifindex);
        g_autofree char *holder = runtime_holder(getpid(), e->mountpoint);
        struct runtime_link l;
        bool other;

        snprintf(l.name, sizeof(l.name), "%s%d", prefix, (int)getpid());
        for (unsigned i = 0; i < e->links->len; i++)
                if (g_str_equal(g_array_index(e->links, struct runtime_link, i).name, l.name))
                        return false; /* opened again after it was gone */
        other = runtime_link_other(e, prefix, l.name, ret_holder, holder_bytes);
        if (lock_take_own(e->folder_fd, l.name, holder, &l.fd) == 0)
                g_array_append_val(e->links, l);
        return other;
}

void runtime_entry_free(RuntimeEntry *e)
{
        if (!e)
                return;
        for (unsigned i = 0; i < e->links->len; i++) {
                struct runtime_link *l = &g_array_index(e->links, struct runtime_link, i);

                lock_drop(e->folder_fd, l->name, l->fd);
        }
        g_array_unref(e->links);
        if (e->listen_fd >= 0) {
                unlink(e->socket);
                close(e->listen_fd);
        }
        lock_drop(e->folder_fd, e->name, e->fd);
        if (e->folder_fd >= 0)
                close(e->folder_fd);
        g_free(e->socket);
        g_free(e->mountpoint);
        g_free(e->name);
        g_free(e);
}
