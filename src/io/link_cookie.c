/* SPDX-License-Identifier: MIT */
/*
 * Who has which tag cookie on this host: the kernel keeps the list as names of abstract Unix
 * sockets, one namespace of names per network namespace, and a name goes when its process dies. The
 * type is SOCK_STREAM (names are kept apart by type), never listening: nobody can send anything to
 * it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io/autofd.h"
#include "io/link.h"

#define COOKIES (ENGINE_COOKIE_MAX - ENGINE_COOKIE_MIN + 1)

static int bind_name(int fd, unsigned cookie)
{
        struct sockaddr_un sun = {.sun_family = AF_UNIX};
        /* sun_path[0] stays NUL: abstract. The length ends the name, no NUL does. */
        int n = snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, "aoefs.tag.%u", cookie);
        socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

        return bind(fd, (const struct sockaddr *)&sun, bytes) < 0 ? -errno : 0;
}

int link_cookie_take(uint64_t seed, uint8_t *ret_cookie, int *ret_fd)
{
        autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        for (unsigned i = 0; i < COOKIES; i++) {
                unsigned cookie = ENGINE_COOKIE_MIN + (unsigned)((seed % COOKIES + i) % COOKIES);
                int r = bind_name(fd, cookie);

                if (r == -EADDRINUSE)
                        continue;
                if (r < 0)
                        return r;
                *ret_cookie = (uint8_t)cookie;
                *ret_fd = autofd_steal(&fd);
                return 0;
        }
        return -EADDRINUSE;
}
