/* SPDX-License-Identifier: MIT */
/*
 * The FUSE front end: a low-level libfuse session inside the shard's loop. nodeid and fh are pure
 * functions of the device's name: nothing has to be saved to survive the worker.
 */
#pragma once

#include <sys/stat.h>

#include "front/front.h"

struct front_fuse_options {
        int fuse_fd; /* taken: /dev/fuse of a mount that exists already */
        uid_t uid;   /* owner of the files */
        gid_t gid;
        mode_t mode;                  /* permission bits of device files */
        bool read_only;               /* -o ro */
        bool debug;                   /* -d: libfuse prints each message */
        unsigned requests_max;        /* in flight, all devices */
        unsigned requests_device_max; /* in flight for one device; more wait in front of the engine
                                       */
        uint32_t max_read;            /* bytes a request, as in the mount's max_read= */
        bool cache_reads;             /* cache=read: devices may stay in the kernel's page cache */
};

/* 0 or -errno. On success the front owns fuse_fd. */
int front_fuse_new(const struct front_fuse_options *o, const struct front_host *host,
                   struct front **ret);
/* From the control thread: sends one notice to the kernel; may block for as long as the inode is
 * locked. 0 or -errno (-ENOENT when the kernel does not know the inode: fine). */
int front_fuse_notify(struct front *f, const struct front_notice *n);
