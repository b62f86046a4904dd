/* SPDX-License-Identifier: MIT */
/* What happens when: events of the virtual clock, in order of time and then of arrival. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/nsec.h"

struct world;

typedef void queue_handler(struct world *w, void *arg, uint64_t number);

struct queue_event {
        nsec at;
        uint64_t order;
        queue_handler *handler;
        void *arg;
        uint64_t number;
};

struct queue {
        struct queue_event *events; /* owned: a binary heap */
        size_t count, room;
        uint64_t order_next;
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);
void queue_add(struct queue *q, nsec at, queue_handler *handler, void *arg, uint64_t number);
/* NSEC_NEVER when empty. */
nsec queue_next(const struct queue *q);
/* The queue must not be empty. */
struct queue_event queue_pop(struct queue *q);
