/* SPDX-License-Identifier: MIT */
/* A descriptor that closes itself when its scope ends: autofd int fd = ...; autofd_steal(&fd). */
#pragma once

#include <unistd.h>

static inline void autofd_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

#define autofd __attribute__((cleanup(autofd_close)))

/* Takes the descriptor out of *fd: the caller owns it now. */
static inline int autofd_steal(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}
