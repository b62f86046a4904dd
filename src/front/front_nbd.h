/* SPDX-License-Identifier: MIT */
/*
 * The NBD front end: a server on a Unix socket inside the shard's loop, with one export for each
 * device. Fixed newstyle, simple and structured replies, base:allocation; no TLS and no TCP
 * (nbdkit in front does both).
 */
#pragma once

#include <sys/stat.h>

#include "front/front.h"

#define NBD_CONNECTIONS_MAX 128

struct front_nbd_options {
        int listen_fd; /* taken: a listening Unix stream socket; -1: none */
        uid_t uid;     /* who may connect, beside root: as if the socket were a file of theirs */
        gid_t gid;
        mode_t mode;
        bool read_only; /* -o ro */
};

/* 0 or -errno. On success the front owns listen_fd. */
int front_nbd_new(const struct front_nbd_options *o, const struct front_host *host,
                  struct front **ret);
/* One more client, whoever it is: fd is a connected stream socket that does not block. 0, then the
 * front owns fd, or -errno (-EBUSY: there are NBD_CONNECTIONS_MAX). */
int front_nbd_attach(struct front *front, int fd, bool read_only);
