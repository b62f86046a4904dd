/* SPDX-License-Identifier: MIT */
/*
 * A set of ranges that may overlap: "who touches [first, end)?" in O(log n) expected, one O(log n)
 * step a further answer. A treap ordered by first, each node knowing the largest end below it.
 */
#pragma once

#include <stdint.h>

struct range_node {
        uint64_t first;
        uint64_t end; /* one past the last; > first */
        uint64_t end_max;
        uint32_t priority;
        struct range_node *parent, *left, *right;
};

struct range_set {
        struct range_node *root;
        uint64_t dice; /* state of the priorities' generator */
};

void range_set_init(struct range_set *s, uint64_t seed);
/* node->first and node->end are set by the caller; the node is the caller's memory. */
void range_insert(struct range_set *s, struct range_node *node);
void range_remove(struct range_set *s, struct range_node *node);
/* The first node in order of `first` that shares a unit with [first, end), or NULL. */
struct range_node *range_overlap_first(const struct range_set *s, uint64_t first, uint64_t end);
/* The next such node after `node`, or NULL. The set must not have changed in between. */
struct range_node *range_overlap_next(const struct range_node *node, uint64_t first, uint64_t end);
