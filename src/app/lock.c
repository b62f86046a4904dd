/* SPDX-License-Identifier: MIT */
#include "app/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/autofd.h"

#define LOCK_TRIES_MAX 1000 /* the file was removed between open and flock, or is looked at */

static void lock_read(int fd, char *ret, size_t bytes)
{
        ssize_t n;

        if (!ret || bytes == 0)
                return;
        n = pread(fd, ret, bytes - 1, 0);
        ret[n > 0 ? n : 0] = 0;
}

/* Is fd still the file of that name? */
static bool lock_is_named(int folder_fd, const char *name, int fd)
{
        struct stat by_fd, by_name;

        return fstat(fd, &by_fd) == 0 &&
               fstatat(folder_fd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
               by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev;
}

static int lock_write(int fd, const char *holder)
{
        size_t bytes = strlen(holder);

        if (ftruncate(fd, 0) < 0)
                return -errno;
        return pwrite(fd, holder, bytes, 0) == (ssize_t)bytes ? 0 : -ENOSPC;
}

/* 0; -EAGAIN: again, the file of that name is another one now; -EBUSY; or -errno. */
static int lock_try(int folder_fd, const char *name, const char *holder, int *ret_fd,
                    char *ret_holder, size_t holder_bytes)
{
        autofd int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        int r;

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return -errno;
                lock_read(fd, ret_holder, holder_bytes);
                return -EBUSY;
        }
        if (!lock_is_named(folder_fd, name, fd))
                return -EAGAIN;
        r = lock_write(fd, holder);
        if (r < 0) {
                unlinkat(folder_fd, name, 0);
                return r;
        }
        *ret_fd = autofd_steal(&fd);
        return 0;
}

int lock_take(int folder_fd, const char *name, const char *holder, int *ret_fd, char *ret_holder,
              size_t holder_bytes)
{
        int r = -EAGAIN;

        for (int i = 0; i < LOCK_TRIES_MAX && r == -EAGAIN; i++)
                r = lock_try(folder_fd, name, holder, ret_fd, ret_holder, holder_bytes);
        return r;
}

int lock_take_own(int folder_fd, const char *name, const char *holder, int *ret_fd)
{
        int r = -EAGAIN;

        for (int i = 0; i < LOCK_TRIES_MAX && (r == -EAGAIN || r == -EBUSY); i++) {
                if (r == -EBUSY)
                        sched_yield(); /* lock_is_held() looks at it for a moment */
                r = lock_try(folder_fd, name, holder, ret_fd, NULL, 0);
        }
        return r;
}

void lock_drop(int folder_fd, const char *name, int fd)
{
        if (fd < 0)
                return;
        if (lock_is_named(folder_fd, name, fd))
                unlinkat(folder_fd, name, 0); /* while it is locked: nobody else can hold it */
        close(fd);
}

bool lock_is_held(int folder_fd, const char *name, char *ret_holder, size_t holder_bytes)
{
        autofd int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return false;
        if (flock(fd, LOCK_SH | LOCK_NB) < 0) { /* shared: two may look at once */
                lock_read(fd, ret_holder, holder_bytes);
                return true;
        }
        if (lock_is_named(folder_fd, name, fd))
                unlinkat(folder_fd, name, 0);
        return false;
}
