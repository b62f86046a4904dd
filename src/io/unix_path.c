/* SPDX-License-Identifier: MIT */
#include "io/unix_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/autofd.h"

/* The folder's descriptor must stay open as long as the address is used. */
static int unix_path_address(const char *path, struct sockaddr_un *ret, int *ret_folder_fd)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char folder[PATH_MAX];
        autofd int fd = -1;
        int n;

        n = slash ? snprintf(folder, sizeof(folder), "%.*s", (int)(slash + 1 - path), path)
                  : snprintf(folder, sizeof(folder), ".");
        if (n < 0 || (size_t)n >= sizeof(folder))
                return -ENAMETOOLONG;
        fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", fd, name);
        if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
                return -ENAMETOOLONG;
        *ret_folder_fd = autofd_steal(&fd);
        return 0;
}

int unix_path_connect(const char *path, int type, int *ret_fd)
{
        autofd int folder_fd = -1;
        autofd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        struct sockaddr_un at;
        int r;

        if (fd < 0)
                return -errno;
        r = unix_path_address(path, &at, &folder_fd);
        if (r < 0)
                return r;
        if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
                return -errno;
        *ret_fd = autofd_steal(&fd);
        return 0;
}

int unix_path_listen(const char *path, int type, mode_t mode, int backlog, int *ret_fd)
{
        autofd int folder_fd = -1;
        autofd int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un at;
        mode_t mask;
        int r;

        if (fd < 0)
                return -errno;
        r = unix_path_address(path, &at, &folder_fd);
        if (r < 0)
                return r;
        mask = umask(~mode & 0777);
        r = bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        if (listen(fd, backlog) < 0)
                return -errno;
        *ret_fd = autofd_steal(&fd);
        return 0;
}
