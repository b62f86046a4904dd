/* SPDX-License-Identifier: MIT */
/*
 * Who may write: one lock file a device and network namespace, taken when this daemon first opens
 * the device for writing. Two daemons on one host that write to one disk would each keep to the
 * order of their own writes only. Data thread; no allocation after writers_init().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/lock.h"
#include "wire/aoe.h"

#define WRITERS_MAX 512 /* devices open for writing at once; each costs a descriptor */

struct writers {
        int folder_fd; /* borrowed: the runtime folder; -1: no locks */
        uint64_t netns;
        bool shared;                    /* --shared: take none */
        char holder[LOCK_HOLDER_BYTES]; /* what others are told about us */
        unsigned count;
        struct {
                aoe_addr addr;
                int fd;         /* owned */
                unsigned users; /* fronts and connections that took it */
        } held[WRITERS_MAX];
};

void writers_init(struct writers *w, int folder_fd, uint64_t netns, bool shared,
                  const char *holder);
/* 0; -EBUSY with the holder in words; -EMFILE: too many at once; or -errno of the file system: no
 * lock, which is no reason to refuse. */
int writers_take(struct writers *w, aoe_addr addr, char *ret_holder, size_t holder_bytes);
void writers_drop(struct writers *w, aoe_addr addr);
void writers_fini(struct writers *w);
