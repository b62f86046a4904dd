/* SPDX-License-Identifier: MIT */
/*
 * What the front remembers of devices, beside what the engine knows: who has them open, which
 * requests wait in front of the engine, which notices the control thread still has to send. A fixed
 * hash table by address; an entry that nobody needs is reused for another address when the table
 * is full, and only then, so that the time of the last write stays known for long.
 */
#pragma once

#include <time.h>

#include "base/list.h"
#include "front/front.h"

#define FUSE_DEVICES_BUCKETS 4096 /* a power of two */

struct fuse_device {
        struct list bucket;   /* fuse_devices.buckets[...], or .free */
        struct list recent;   /* fuse_devices.recent while it has an address */
        struct list requests; /* struct fuse_io_request, all, oldest first */
        struct list queue;    /* struct fuse_io_request that wait in front of the engine */
        struct list busy;     /* fuse_io.busy while requests is not empty */
        struct list refused;  /* fuse_io.refused: the engine had no room for the first of queue */
        struct list pending;  /* fuse_devices.pending while notices is not 0 */
        aoe_addr addr;
        unsigned submitted; /* requests inside the engine, at most the quota */
        unsigned opens;     /* in total, writers included */
        unsigned writers;
        unsigned notices;        /* 1 << enum front_notice_kind, not yet handed over */
        struct timespec written; /* last write through this mount; 0: none */
};

struct fuse_devices {
        struct list *buckets;        /* owned */
        struct fuse_device *entries; /* owned */
        size_t count;                /* of entries */
        size_t touched;              /* entries at and above it were never used */
        struct list free;
        struct list recent; /* all with an address, the least recently asked for first */
        struct list pending;
};

/* The wall clock, for a file: as exact as the stamps of the kernel's own file systems are. */
static inline void fuse_devices_stamp(struct timespec *ret)
{
        clock_gettime(CLOCK_REALTIME_COARSE, ret);
}

/* 0 or -ENOMEM; count entries for the table's life. */
int fuse_devices_init(struct fuse_devices *t, size_t count);
void fuse_devices_fini(struct fuse_devices *t);
/* NULL when nothing is remembered of addr. */
struct fuse_device *fuse_devices_find(const struct fuse_devices *t, aoe_addr addr);
/* The entry of addr, made if need be; NULL when every entry is needed. */
struct fuse_device *fuse_devices_get(struct fuse_devices *t, aoe_addr addr);
/* Note that the control thread is to send a notice of this kind. */
void fuse_devices_note(struct fuse_devices *t, struct fuse_device *d, enum front_notice_kind kind);
/* Hands over what was noted, as long as the host takes it. */
void fuse_devices_tell(struct fuse_devices *t, const struct front_host *host);
