/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void disk_map(struct target *t, int fd)
{
        t->image = mmap(NULL, t->sectors * SECTOR, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (t->image == MAP_FAILED)
                die(t->path);
        close(fd);
}

void disk_open(struct target *t)
{
        int fd = open(t->path, O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st))
                die(t->path);
        t->sectors = (uint64_t)st.st_size / SECTOR;
        disk_map(t, fd);
}

void disk_resize(struct target *t, uint64_t sectors)
{
        int fd = open(t->path, O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st))
                die(t->path);
        if (sectors > (uint64_t)st.st_size / SECTOR && ftruncate(fd, (off_t)(sectors * SECTOR)))
                die(t->path);
        munmap(t->image, t->sectors * SECTOR);
        t->sectors = sectors;
        disk_map(t, fd);
}
