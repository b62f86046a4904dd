/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of many owners: an intrusive binary heap, the earliest on top. Asking a thousand
 * devices for their next deadline each turn would make a turn's cost grow with their number.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/nsec.h"

#define HEAP_NONE SIZE_MAX

struct heap_node {
        nsec at;
        size_t idx; /* place in the heap, HEAP_NONE when not in it */
};

struct heap {
        struct heap_node **nodes; /* borrowed: the caller's array of room pointers */
        size_t count;
        size_t room;
};

void heap_init(struct heap *h, struct heap_node **nodes, size_t room);
void heap_node_init(struct heap_node *n);
/* Puts n in, or moves it: its deadline is at. NSEC_NEVER takes it out. */
void heap_set(struct heap *h, struct heap_node *n, nsec at);
/* NULL when nothing is due at all. */
struct heap_node *heap_top(const struct heap *h);
