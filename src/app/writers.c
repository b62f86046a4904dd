/* SPDX-License-Identifier: MIT */
#include "app/writers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void writers_name(const struct writers *w, aoe_addr addr, char name[LOCK_NAME_BYTES])
{
        char device[AOE_NAME_BYTES];

        aoe_addr_format(addr, device);
        snprintf(name, LOCK_NAME_BYTES, "writer-%" PRIu64 "-%s", w->netns, device);
}

void writers_init(struct writers *w, int folder_fd, uint64_t netns, bool shared, const char *holder)
{
        *w = (struct writers){.folder_fd = folder_fd, .netns = netns, .shared = shared};
        snprintf(w->holder, sizeof(w->holder), "%s", holder);
}

int writers_take(struct writers *w, aoe_addr addr, char *ret_holder, size_t holder_bytes)
{
        char name[LOCK_NAME_BYTES];
        int fd, r;

        if (w->shared || w->folder_fd < 0)
                return 0;
        for (unsigned i = 0; i < w->count; i++)
                if (w->held[i].addr == addr) {
                        w->held[i].users++;
                        return 0;
                }
        if (w->count == WRITERS_MAX)
                return -EMFILE;
        writers_name(w, addr, name);
        r = lock_take(w->folder_fd, name, w->holder, &fd, ret_holder, holder_bytes);
        if (r < 0)
                return r;
        w->held[w->count].addr = addr;
        w->held[w->count].fd = fd;
        w->held[w->count].users = 1;
        w->count++;
        return 0;
}

void writers_drop(struct writers *w, aoe_addr addr)
{
        char name[LOCK_NAME_BYTES];

        for (unsigned i = 0; i < w->count; i++) {
                if (w->held[i].addr != addr)
                        continue;
                if (--w->held[i].users > 0)
                        return;
                writers_name(w, addr, name);
                lock_drop(w->folder_fd, name, w->held[i].fd);
                w->held[i] = w->held[--w->count];
                return;
        }
}

void writers_fini(struct writers *w)
{
        while (w->count > 0) {
                w->held[w->count - 1].users = 1;
                writers_drop(w, w->held[w->count - 1].addr);
        }
}
