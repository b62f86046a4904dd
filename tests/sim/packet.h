/* SPDX-License-Identifier: MIT */
/*
 * A frame in the simulated network: on a lane, in a target's queue, or waiting in the host's
 * socket. It is in one of these places at a time and is owned by it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/nsec.h"

#define PACKET_BYTES_MAX 9600

struct packet {
        struct list node; /* packets.free, or a queue of its owner */
        nsec sent_at;     /* when its first sender let it go */
        uint64_t id;      /* the same in copies that the wire makes */
        uint64_t serial;  /* order of sending; larger is later */
        unsigned link;
        uint32_t bytes;
        uint8_t copies; /* in a target's queue: how many arrived */
        bool is_ours;   /* made from what the engine sent, or its true answer */
        uint8_t data[PACKET_BYTES_MAX];
};

struct packets {
        struct list free;
        struct list all; /* struct packet_chunk: owned */
        uint64_t next_id;
        uint32_t out;
};

void packets_init(struct packets *ps);
void packets_fini(struct packets *ps);
/* Never NULL. Everything but data is set. */
struct packet *packet_get(struct packets *ps, nsec now);
/* A second one with the same bytes, id and age. */
struct packet *packet_copy(struct packets *ps, const struct packet *p);
void packet_put(struct packets *ps, struct packet *p);
