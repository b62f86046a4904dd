/* SPDX-License-Identifier: MIT */
/*
 * A link: one Ethernet interface as the data thread sees it. A vtable, so that tests plug in fakes
 * and a ring can come back behind it where a benchmark says so.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"
#include "engine/engine.h"

#define LINK_BATCH_MAX 64 /* frames a call */

struct link;

struct link_ops {
        /* Up to max frames (of them LINK_BATCH_MAX a call) into frames[] (each empty, room_bytes
         * of room): sets frame.bytes. A frame that does not fit is dropped and counted; frames[]
         * may be reordered, so that the received ones come first. Returns how many, 0 when none
         * waits, or -errno. ENETDOWN: the interface went down, told once per event; whether it is
         * down now says netmon, and the link works again after it is up. */
        int (*receive)(struct link *l, struct frame **frames, size_t max);
        /* Sends tx[0..n) in order. Returns how many left; fewer than n: the next one met ENOBUFS
         * or EAGAIN (back-pressure), or -errno when none left for another reason (ENETDOWN: is
         * down; ENXIO: the interface is deleted, only a new link helps). A frame that the kernel
         * refuses for its own size (EMSGSIZE) counts as sent: for the engine it is lost. */
        int (*send)(struct link *l, const struct tx *tx, size_t n);
        void (*free)(struct link *l);
};

struct link_counters {
        uint64_t received, sent;
        uint64_t kernel_drops; /* PACKET_STATISTICS: our socket's buffer was full */
        uint64_t truncated;
        uint64_t refused;       /* EMSGSIZE: longer than the MTU of that moment */
        uint64_t back_pressure; /* ENOBUFS, EAGAIN */
};

struct link {
        const struct link_ops *ops;
        int fd; /* to be waited for; owned by the link */
        struct link_counters counters;
};

/*
 * The privileged half: an AF_PACKET socket bound to ifindex, non-blocking, with the filter for the
 * cookie attached and locked before it is bound, PACKET_IGNORE_OUTGOING set, and buffers as large
 * as the system allows (SO_RCVBUFFORCE where permitted, else SO_RCVBUF). 0 or -errno.
 */
int link_packet_open(int ifindex, uint8_t cookie, int *ret_fd);
/* Real size of the receive buffer of a packet socket (getsockopt), 0 on error. */
uint32_t link_packet_receive_bytes(int fd);
/* The unprivileged half: takes fd (closed by ops->free). NULL and errno when out of memory: fd is
 * then still the caller's. */
struct link *link_packet_new(int fd);
/* Adds the kernel's drops since the last call to counters.kernel_drops (reading resets them there).
 * One system call: now and then, not per turn. */
void link_packet_statistics(struct link *l);

struct sock_filter;
#define LINK_FILTER_MAX 16 /* instructions */

/* The classic BPF program: AoE, R flag, addressed to this host (no PACKET_OTHERHOST: on a veth, a
 * hub or a promiscuous interface the neighbour's answers pass by, and its cookie may be ours), and
 * (our cookie in the tag's top byte, or tag 0 and Query Config). Returns the number of
 * instructions written; CHECKs that they are <= max. Pure; for the socket and for tests. */
size_t link_packet_filter(uint8_t cookie, struct sock_filter *prog, size_t max);

/*
 * Takes a tag cookie that no other process of this network namespace has: binds the abstract Unix
 * socket "\0aoefs.tag.N", first choice drawn from seed. The descriptor holds it until closed.
 * 0, -EADDRINUSE when all 127 are taken, or -errno.
 */
int link_cookie_take(uint64_t seed, uint8_t *ret_cookie, int *ret_fd);
