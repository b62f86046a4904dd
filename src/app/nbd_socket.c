/* SPDX-License-Identifier: MIT */
#include "app/nbd_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "app/runtime.h"
#include "io/unix_path.h"

#define NBD_SOCKET_BACKLOG 128

struct NbdSocket {
        char *path; /* owned; NULL: systemd's */
        int fd;     /* owned */
        dev_t dev;  /* what we made at path */
        ino_t ino;
};

/* A socket at which nobody listens. */
static bool nbd_socket_is_dead(const char *path)
{
        struct stat st;
        int fd = -1, r;

        if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return false;
        r = unix_path_connect(path, SOCK_STREAM | SOCK_NONBLOCK, &fd);
        if (fd >= 0)
                close(fd);
        return r == -ECONNREFUSED;
}

/* To connect takes the right to write, so who may read the devices gets that. */
static mode_t nbd_socket_mode(mode_t mode)
{
        return (mode & 0666) | (mode & 0444) >> 1;
}

static int nbd_socket_listen(NbdSocket *s, const Config *c)
{
        mode_t mode = nbd_socket_mode(c->mode);
        struct stat st;
        int r;

        r = unix_path_listen(c->nbd, SOCK_STREAM, mode, NBD_SOCKET_BACKLOG, &s->fd);
        if (r == -EADDRINUSE && nbd_socket_is_dead(c->nbd)) {
                unlink(c->nbd);
                r = unix_path_listen(c->nbd, SOCK_STREAM, mode, NBD_SOCKET_BACKLOG, &s->fd);
        }
        if (r < 0)
                return r;
        s->path = g_strdup(c->nbd);
        if (lstat(c->nbd, &st) < 0)
                return -errno;
        s->dev = st.st_dev;
        s->ino = st.st_ino;
        return lchown(c->nbd, c->uid, c->gid) < 0 ? -errno : 0;
}

/* One stream socket that listens; anything else is not for us. */
static int nbd_socket_inherit(NbdSocket *s)
{
        int fd = SD_LISTEN_FDS_START;

        if (sd_listen_fds(1) != 1 || sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
                return -ENOENT;
        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) /* systemd-socket-activate's would block */
                return -errno;
        s->fd = fd;
        return 0;
}

NbdSocket *nbd_socket_new(const Config *c, GError **error)
{
        g_autoptr(NbdSocket) s = g_new0(NbdSocket, 1);
        int r;

        s->fd = -1;
        r = nbd_socket_inherit(s);
        if (r < 0)
                r = nbd_socket_listen(s, c);
        if (r == 0)
                return g_steal_pointer(&s);
        g_set_error(error, RUNTIME_ERROR, -r, "the NBD socket %s: %s: %s", c->nbd, g_strerror(-r),
                    r == -EADDRINUSE ? "give another path, or end who listens there"
                                     : "give a path in a folder that you may write to");
        return NULL;
}

int nbd_socket_fd(const NbdSocket *s)
{
        return s->fd;
}

void nbd_socket_free(NbdSocket *s)
{
        struct stat st;

        if (!s)
                return;
        if (s->path && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
                unlink(s->path);
        if (s->fd >= 0)
                close(s->fd);
        g_free(s->path);
        g_free(s);
}
