/* SPDX-License-Identifier: MIT */
/* A deadline of a device, a path or of discovery in the engine's one heap. */
#pragma once

#include "base/heap.h"

enum timer_kind { TIMER_DEVICE, TIMER_PATH, TIMER_DISCOVER };

struct timer {
        struct heap_node node;
        enum timer_kind kind;
};

static inline void timer_init(struct timer *t, enum timer_kind kind)
{
        heap_node_init(&t->node);
        t->kind = kind;
}

/*
 * Deadlines that move later are left as they are: the heap then wakes early once, and the owner
 * says what is really next. A busy path would otherwise move its timer with every answer.
 */
static inline void timer_want(struct heap *h, struct timer *t, nsec at)
{
        if (at < t->node.at)
                heap_set(h, &t->node, at);
}
