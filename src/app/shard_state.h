/* SPDX-License-Identifier: MIT */
/* The shard's insides. Only shard.c and turn.c include this. */
#pragma once

#include <pthread.h>

#include "app/complaints.h"
#include "app/drain.h"
#include "app/memory.h"
#include "app/shard.h"
#include "base/lived.h"
#include "base/ring.h"
#include "engine/engine.h"
#include "io/loop.h"

#define SHARD_FRAME_EXTRA 64 /* of a frame beside its MTU: headers, and room for a tag */

#define SHARD_LOG_ENTRIES      512 /* rings: powers of two */
#define SHARD_NEWS_ENTRIES     64
#define SHARD_NOTICE_ENTRIES   256
#define SHARD_COMMANDS_ENTRIES 64

/* Keys in the loop: links by index, then fronts, then what is only watched. */
#define SHARD_KEY_FRONT ENGINE_LINKS_MAX
#define SHARD_KEY_WATCH (SHARD_KEY_FRONT + SHARD_FRONTS_MAX)

_Static_assert(SHARD_KEY_WATCH < LOOP_FDS_MAX, "all can be watched");

struct shard_link {
        struct link *link; /* owned; NULL: the number is free, or its interface is gone */
        int ifindex;
        char name[IF_NAMESIZE]; /* kept when gone: its paths are still told by it */
        struct link_info info;
        bool is_packet;
        bool watched;       /* its descriptor is in the loop */
        nsec watch_again;   /* after an error; NSEC_NEVER */
        nsec send_after;    /* back-pressure: nothing is sent before */
        nsec pressed_since; /* nothing has left since; NSEC_NEVER */
        uint64_t gone_at;   /* turn number; the longest gone number is reused first */
};

struct shard_front {
        struct front *front; /* owned */
        bool watched;
        bool ended;  /* said so itself */
        bool served; /* had a turn */
};

struct shard {
        struct shard_options options;
        struct memory memory;
        void *engine_block; /* owned: mmap */
        size_t engine_bytes;
        struct engine *engine; /* lies in engine_block */
        struct loop loop;
        struct lived lived; /* what turns call now */
        struct shard_link links[ENGINE_LINKS_MAX];
        struct shard_front fronts[SHARD_FRONTS_MAX];
        unsigned front_count;
        struct front_host host;
        struct drain drain;

        struct frame *rx[LINK_BATCH_MAX]; /* owned: empty frames to receive into */
        unsigned rx_count;
        struct tx tx[LINK_BATCH_MAX];
        uint64_t turns;
        nsec send_after; /* back-pressure: nothing is sent before */
        nsec started_at; /* of the first turn */
        nsec settle_at;  /* when the engine is asked again whether it is settled */
        bool more;       /* this turn left work: do not sleep */
        bool settled;
        bool stopping; /* fronts take nothing more */
        bool quit;
        bool news_wake, notice_wake; /* told at the end of the turn */
        uint64_t log_lost;
        struct complaints complaints;

        struct ring commands, news, logs, notices;
        struct shard_command command_entries[SHARD_COMMANDS_ENTRIES];
        struct shard_news news_entries[SHARD_NEWS_ENTRIES];
        struct logging_entry log_entries[SHARD_LOG_ENTRIES];
        struct front_notice notice_entries[SHARD_NOTICE_ENTRIES];

        pthread_t thread;
        bool running;
};

/* Data thread. */
void shard_log(struct shard *s, int level, aoe_addr addr, const char *text);
/* CHECKs that there is room: what is told is told a bounded number of times a command. */
void shard_tell(struct shard *s, const struct shard_news *n);
