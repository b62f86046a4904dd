/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void disk_open(struct target *t)
{
        int fd = open(t->path, O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st))
                die(t->path);
        t->sectors = (uint64_t)st.st_size / SECTOR;
        t->image = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (t->image == MAP_FAILED)
                die(t->path);
        close(fd);
}
