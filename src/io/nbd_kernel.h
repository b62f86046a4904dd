/* SPDX-License-Identifier: MIT */
/*
 * The kernel's NBD client, by generic netlink (linux/nbd-netlink.h) and sysfs: sockets that are
 * past their handshake become a block device. It takes CAP_SYS_ADMIN in the first user namespace,
 * and works in the first network namespace only: the family is nowhere else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NBD_KERNEL_SOCKETS_MAX 16
#define NBD_KERNEL_ID_BYTES    128

struct nbd_kernel_device {
        int index;              /* N of /dev/nbdN; -1: the first that is free */
        uint64_t bytes;         /* size */
        uint32_t block_bytes;   /* 512, ... */
        uint64_t flags;         /* of the export, as in the handshake */
        uint32_t dead_sec;      /* how long requests wait for other sockets when all have failed */
        const char *identifier; /* borrowed: who is behind it; the same one may come again */
        const int *sockets;     /* borrowed: the kernel takes its own hold of them */
        unsigned socket_count;  /* 1..NBD_KERNEL_SOCKETS_MAX */
};

/* Makes the device. 0 or -errno: -ENOENT: no NBD client (modprobe nbd); -EPERM: no right; -EBUSY:
 * in use. */
int nbd_kernel_connect(const struct nbd_kernel_device *d, int *ret_index);
/* Gives the device, which has the same identifier, other sockets for those that have failed. */
int nbd_kernel_reconnect(const struct nbd_kernel_device *d);
/* It has another size now. */
int nbd_kernel_resize(int index, uint64_t bytes);
/* Takes it away: requests that are not answered fail. */
int nbd_kernel_disconnect(int index);
/* The identifier with which /dev/nbdN is connected. -ENOENT: it is not, or there is none. */
int nbd_kernel_identifier(int index, char ret[NBD_KERNEL_ID_BYTES]);
/* "/dev/nbd3" -> 3; false: not such a name. */
bool nbd_kernel_index(const char *path, int *ret);
