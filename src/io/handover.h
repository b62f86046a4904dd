/* SPDX-License-Identifier: MIT */
/*
 * Messages between keeper and worker: fixed size, one descriptor at most, over a SOCK_SEQPACKET
 * pair. Either side treats a message that is not exactly of this form as the other's death.
 */
#pragma once

#include <net/if.h>
#include <stdint.h>

enum handover_kind {
        /* worker -> keeper */
        HANDOVER_OPEN_LINK = 1, /* number = ifindex, cookie: open a packet socket */
        HANDOVER_READY,         /* the mount is usable */
        HANDOVER_FAILED,        /* number = errno, text: why it never will be */
        HANDOVER_SIGNALLED,     /* the worker got SIGTERM or SIGINT: begin the shutdown; number 2:
                                   once more: abort */
        HANDOVER_DRAINED,       /* number = 0 or errno of the last flush, text: what failed */
        HANDOVER_UNMOUNTED, /* /dev/fuse says that somebody unmounted, or the last that was attached
                               is not any more */
        HANDOVER_LINKED,    /* the chosen interfaces are open: mount now */
        HANDOVER_ATTACHED,  /* the answer to HANDOVER_ATTACH: number = flags of the export and
                               value = its bytes, or number = -errno; text: its identifier */
        HANDOVER_RESIZED,   /* text: an attached device, value = its bytes now */
        HANDOVER_SYNCED,    /* the answer to HANDOVER_SYNC: number = 0 or errno, text */
        /* keeper -> worker */
        HANDOVER_FUSE = 32, /* descriptor: /dev/fuse, mounted */
        HANDOVER_LINK,      /* number = ifindex; descriptor, or value = -errno */
        HANDOVER_DRAIN,     /* finish and flush all; value 1: fail what waits for the silent */
        HANDOVER_QUIT,      /* unmounted: exit */
        HANDOVER_SYNC,      /* flush all that was written and go on serving; value as DRAIN */
        HANDOVER_NBD,       /* descriptor: the listening socket of the NBD server */
        HANDOVER_ATTACH, /* descriptor: a socket past its handshake, text: the device's name; value
                            1: the worker has ended when the last of them has */
        HANDOVER_COOKIE, /* descriptor that holds the tag cookie, value = cookie */
};

#define HANDOVER_TEXT_BYTES 256

struct handover {
        uint32_t kind; /* enum handover_kind */
        int32_t number;
        int64_t value;
        uint8_t cookie;
        char text[HANDOVER_TEXT_BYTES]; /* NUL-terminated */
};

/* Sends m, with fd unless it is -1 (the sender keeps its own copy); only FUSE, LINK, NBD, ATTACH
 * and COOKIE may carry one (CHECKed). Never blocks. 0 or -errno (-EPIPE: dead; -EAGAIN: it reads
 * too slowly). */
int handover_send(int socket, const struct handover *m, int fd);
/* Receives one message. *ret_fd is owned by the caller, -1 when none came. 0; -EAGAIN when none
 * waits; -EPIPE at the end; -EPROTO for anything that is not of our form, a descriptor with a kind
 * that carries none included (all that came are closed). */
int handover_receive(int socket, struct handover *ret, int *ret_fd);
/* A SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK pair. 0 or -errno. */
int handover_pair(int ret_fds[2]);
