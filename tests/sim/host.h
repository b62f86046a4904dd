/* SPDX-License-Identifier: MIT */
/*
 * The host: what app/shard.c is to the real engine. It owns the engine and its pools, receives
 * into frames, runs turns in the shard's order, and checks after each what must always hold.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/frame.h"
#include "base/prng.h"
#include "engine/engine.h"
#include "packet.h"
#include "plan.h"

#define HOST_BATCH     64
#define HOST_TAGS      65536 /* places of the table of tags seen */
#define HOST_PATHS_MAX (PLAN_DEVICES_MAX * PLAN_PORTS_MAX)

struct world;
struct target_device;

struct host_link {
        struct link_info info; /* as the engine was told */
        struct list socket;    /* struct packet: owned */
        uint32_t socket_bytes;
};

struct host_tag {
        uint32_t tag;
        nsec at;
};

struct host {
        struct engine *engine;
        void *block, *region, *meta, *frame_block; /* owned */
        struct arena arena;
        struct frame_pool frames;
        struct host_link links[PLAN_LINKS_MAX];
        struct prng dice;
        nsec turn_at;               /* the next turn; NSEC_NEVER */
        nsec blocked_until;         /* back-pressure: nothing is sent before */
        nsec turns_since;           /* the virtual millisecond in which turns are counted */
        unsigned turns, idle_turns; /* in that millisecond; idle: nothing came in or went out */
        uint64_t turn_count;
        struct host_tag *tags;              /* owned */
        unsigned in_flight[HOST_PATHS_MAX]; /* before the turn sent anything */
        bool is_shown[PLAN_DEVICES_MAX];
        unsigned events_seen[PLAN_DEVICES_MAX]; /* enum event_change bits */
        uint64_t frames_sent;
};

void host_init(struct world *w);
/* CHECKs through the engine that nothing is out. */
void host_fini(struct world *w);
/* A frame reached the host's side of its link. */
void host_receive(struct world *w, struct packet *p);
/* ... and waits in the socket. */
void host_enqueue(struct world *w, struct packet *p);
/* A turn is wanted: soon. */
void host_wake(struct world *w);
/* One turn at w->now, as shard_turn does it; sets turn_at. */
void host_turn(struct world *w);
/* The link's state or MTU changes. */
void host_set_link(struct world *w, unsigned link, bool running, uint32_t mtu);
/* A target's queue overflowed: may that be? */
void host_on_overrun(struct world *w, const struct target_device *d);
/* What the engine says of a device. false: it does not know it. */
bool host_device_info(struct world *w, unsigned device, struct device_info *ret);
