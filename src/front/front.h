/* SPDX-License-Identifier: MIT */
/*
 * What a front end is to the shard, and the shard to a front end. A front never knows app/: all it
 * may use of it is struct front_host. Everything here runs in the data thread unless it says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/frame.h"
#include "base/nsec.h"
#include "engine/engine.h"

struct front;

/* A FUSE notification: it may block on an inode lock whose holder waits for the data thread, so
 * the control thread sends it (front_fuse_notify). */
enum front_notice_kind {
        FRONT_NOTICE_APPEARED, /* a negative entry may be cached nowhere; kept for by-serial links
                                */
        FRONT_NOTICE_GONE,     /* inval the entry of addr */
        FRONT_NOTICE_SIZE,     /* inval the attributes of addr */
};

struct front_notice {
        enum front_notice_kind kind;
        aoe_addr addr;
};

/* What the shard offers. All pointers are borrowed and live longer than the front. */
struct front_host {
        struct engine *engine;
        struct arena *arena; /* request memory */
        struct frame_pool *frames;
        void *arg; /* handed to the functions below */
        /* One transition for an operator; copied, never blocks. level: 0 error .. 3 info. */
        void (*log)(void *arg, int level, aoe_addr addr, const char *text);
        /* Queue a notice for the control thread. false: full, try again next turn. */
        bool (*notify)(void *arg, const struct front_notice *n);
        /* The first opening for writing in this daemon: take the host-wide writer's lock of addr.
         * 0, or -EBUSY with the holder in words (pid and mount point). */
        int (*writer_take)(void *arg, aoe_addr addr, char *ret_holder, size_t holder_bytes);
        void (*writer_drop)(void *arg, aoe_addr addr);
        /* A device that clients without a handshake have has another size now. */
        void (*resized)(void *arg, aoe_addr addr, uint64_t bytes);
        /* The front is finished: the kernel unmounted it, or its socket died. */
        void (*ended)(void *arg, struct front *f);
        /* Text of .aoefs/stats: the shard's own counters in Prometheus format, written into
         * buf; returns the bytes it needs (like snprintf). The front adds nothing to it. */
        size_t (*stats_text)(void *arg, char *buf, size_t bytes, nsec now);
        /* The interface's name of a link number, for .aoefs/eX.Y/paths; "" when it is unknown. */
        const char *(*link_name)(void *arg, unsigned link);
};

/* What a client that has no handshake has to know. */
struct front_attached {
        uint64_t bytes;
        uint16_t flags;      /* of the export */
        char identifier[96]; /* the name and the serial number */
};

struct front_ops {
        /* Read and submit, at most `budget` requests. Returns how many were taken; a return equal
         * to budget means that more may wait. */
        unsigned (*turn)(struct front *f, unsigned budget, nsec now);
        /* rq (this front's: rq->user says which) is popped: reply and give everything back,
         * engine_release() included. */
        void (*complete)(struct front *f, struct request *rq, nsec now);
        /* The turn's end: send what is left to be sent. true: what became free by that has let
         * requests go, or may let others go: another turn is due. NULL: nothing is ever left. */
        bool (*send)(struct front *f, nsec now);
        /* A connected socket, past the handshake, of a client of addr; taken when it returns 0,
         * else -errno. last: the front has ended when the last such client has. NULL: they are not
         * served. */
        int (*attach)(struct front *f, int fd, aoe_addr addr, bool last,
                      struct front_attached *ret);
        /* The engine's event about a device. */
        void (*on_event)(struct front *f, const struct event *ev, nsec now);
        /* Whatever answers at the start is known by now, once. NULL: it does not matter. */
        void (*on_settled)(struct front *f);
        /* Take no new requests from now on (shutdown); those in flight still complete. */
        void (*stop)(struct front *f);
        /* Requests taken and not yet answered. */
        unsigned (*open_count)(const struct front *f);
        void (*free)(struct front *f);
};

struct front {
        const struct front_ops *ops;
        int fd; /* readable: call turn; -1 none */
        /* A hint: the front reads nothing from fd until one of its requests is complete (it may be
         * level-triggered and readable meanwhile: watch it again when this is false). */
        bool paused;
        bool is_begun_by_peer; /* not usable before something came to fd: FUSE's INIT */
};

/* request.user of every request points at one of these, first member of the front's own. */
struct front_request {
        struct front *front; /* borrowed */
};
