/* SPDX-License-Identifier: MIT */
/*
 * The data thread: one engine, its links and its fronts, and the only place where they meet. The
 * control thread speaks to it through a ring each way and never touches what it owns; a probe runs
 * the same turns in its own thread.
 *
 *   control --shard_post()--> commands          the shard owns: engine, request memory, links,
 *   control <--shard_pop_x()-- news, log lines, fronts (after shard_front), the loop
 *                              FUSE notices
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/drain.h"
#include "app/logging.h"
#include "app/writers.h"
#include "front/front.h"
#include "io/link.h"

#define SHARD_MTU_DEFAULT 9216
#define SHARD_MTU_MAX     65535
#define SHARD_FRONTS_MAX  4

struct shard;

struct shard_options {
        unsigned memory_mib;
        uint32_t mtu_max; /* largest of the links at start; at least SHARD_MTU_DEFAULT is taken */
        bool lock_memory; /* touch and lock the first part: a daemon, not a probe */
        uint8_t cookie;
        uint64_t seed;
        unsigned window;        /* 0: no limit of ours */
        unsigned payload_bytes; /* 0: as the path allows */
        bool loss_waits;
        nsec timeout;
        bool (*is_allowed)(void *, aoe_addr); /* pure; NULL: all */
        void *allowed_arg;
        struct writers *writers; /* borrowed; NULL: no lock is taken */
        /* From the data thread: something waits to be popped. Must not block. */
        void (*on_news)(void *arg); /* news and log lines; NULL: nobody waits */
        void (*on_notice)(void *arg);
        void *wake_arg;
};

enum shard_command_kind {
        SHARD_LINK_ADD,    /* takes link */
        SHARD_LINK_CHANGE, /* info or name of ifindex */
        SHARD_LINK_GONE,   /* ifindex was deleted; its link comes back as news */
        SHARD_SYNC,        /* flush all that was written and go on: SHARD_SYNCED */
        SHARD_DRAIN,       /* fronts stop, requests end, flush, linger: SHARD_DRAINED */
        SHARD_DISCOVER,
        SHARD_ATTACH, /* fd to the front that serves such clients: SHARD_ATTACHED */
        SHARD_QUIT,
};

struct shard_command {
        enum shard_command_kind kind;
        bool force; /* SYNC, DRAIN: see drain.h; ATTACH: the front ends with the last of them */
        int ifindex;
        char name[IF_NAMESIZE];
        struct link *link;
        int fd;                /* ATTACH: taken */
        aoe_addr addr;         /* ATTACH: the client's device */
        bool is_packet;        /* link is from link_packet_new(): its kernel counts drops */
        struct link_info info; /* its MTU is clipped to what a frame holds */
};

enum shard_news_kind {
        SHARD_SETTLED, /* once: fronts serve and the first round of discovery is over */
        SHARD_SYNCED,
        SHARD_DRAINED,
        SHARD_ATTACHED,
        SHARD_RESIZED,   /* addr has so many bytes now */
        SHARD_ENDED,     /* a front ended by itself: somebody unmounted */
        SHARD_LINK_FREE, /* link is out of use: the receiver frees it */
};

struct shard_news {
        enum shard_news_kind kind;
        int error; /* SYNCED, DRAINED, ATTACHED: 0 or -errno */
        struct front_attached attached;
        aoe_addr addr;
        uint64_t bytes;
        char text[DRAIN_TEXT_BYTES];
        struct link *link;
};

/* 0 or -errno. */
int shard_new(const struct shard_options *o, struct shard **ret);
/* Not while its thread runs. Frees links and fronts. */
void shard_free(struct shard *s);
/* What fronts are made with. */
const struct front_host *shard_host(struct shard *s);
/* Takes a front; before the first turn. 0 or -errno. */
int shard_front(struct shard *s, struct front *f);
/* A descriptor whose readiness only ends the wait (probe). 0 or -errno. */
int shard_watch(struct shard *s, int fd);

/* From one other thread. false: full, try again later. */
bool shard_post(struct shard *s, const struct shard_command *c);
bool shard_pop_news(struct shard *s, struct shard_news *ret);
bool shard_pop_log(struct shard *s, struct logging_entry *ret);
/* From one thread that may block. */
bool shard_pop_notice(struct shard *s, struct front_notice *ret);

/* Only where no thread of its own runs. Does what is to be done; returns the turn's clock. */
nsec shard_turn(struct shard *s);
/* After it: sleeps until there is something to do, at most until `until`. */
void shard_wait(struct shard *s, nsec now, nsec until);
struct engine *shard_engine(struct shard *s);
/* "" when it is unknown. */
const char *shard_link_name(struct shard *s, unsigned link);

/* The thread: turns until SHARD_QUIT. 0 or -errno. */
int shard_start(struct shard *s);
void shard_join(struct shard *s);
