/* SPDX-License-Identifier: MIT */
#include "base/range.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/prng.h"

void range_set_init(struct range_set *s, uint64_t seed)
{
        *s = (struct range_set){.dice = seed};
}

static void range_update(struct range_node *n)
{
        n->end_max = n->end;
        if (n->left && n->left->end_max > n->end_max)
                n->end_max = n->left->end_max;
        if (n->right && n->right->end_max > n->end_max)
                n->end_max = n->right->end_max;
}

static void range_update_up(struct range_node *n)
{
        for (; n; n = n->parent)
                range_update(n);
}

/* Puts child where node hangs. */
static void range_replace(struct range_set *s, struct range_node *node, struct range_node *child)
{
        if (!node->parent)
                s->root = child;
        else if (node->parent->left == node)
                node->parent->left = child;
        else
                node->parent->right = child;
        if (child)
                child->parent = node->parent;
}

/* Lifts a child above its parent, keeping the order. */
static void range_rotate(struct range_set *s, struct range_node *child)
{
        struct range_node *parent = child->parent, *moved;

        range_replace(s, parent, child);
        if (parent->left == child) {
                moved = child->right;
                child->right = parent;
                parent->left = moved;
        } else {
                moved = child->left;
                child->left = parent;
                parent->right = moved;
        }
        parent->parent = child;
        if (moved)
                moved->parent = parent;
        range_update(parent);
        range_update(child);
}

void range_insert(struct range_set *s, struct range_node *node)
{
        struct range_node **at = &s->root, *parent = NULL;
        struct prng dice = {.state = s->dice};

        CHECK(node->end > node->first);
        while (*at) {
                parent = *at;
                at = node->first < parent->first ? &parent->left : &parent->right;
        }
        node->priority = (uint32_t)prng_next(&dice);
        s->dice = dice.state;
        node->left = node->right = NULL;
        node->parent = parent;
        *at = node;
        range_update_up(node);
        while (node->parent && node->parent->priority < node->priority)
                range_rotate(s, node);
}

void range_remove(struct range_set *s, struct range_node *node)
{
        while (node->left && node->right) {
                bool left = node->left->priority > node->right->priority;

                range_rotate(s, left ? node->left : node->right);
        }
        range_replace(s, node, node->left ? node->left : node->right);
        range_update_up(node->parent);
        node->parent = node->left = node->right = NULL;
}

/* The leftmost node of the subtree that overlaps, or NULL; end_max leads the way. */
static struct range_node *range_leftmost(struct range_node *n, uint64_t first, uint64_t end)
{
        while (n && n->end_max > first) {
                if (n->left && n->left->end_max > first) {
                        n = n->left;
                        continue;
                }
                if (n->first >= end)
                        return NULL;
                if (n->end > first)
                        return n;
                n = n->right;
        }
        return NULL;
}

struct range_node *range_overlap_first(const struct range_set *s, uint64_t first, uint64_t end)
{
        return range_leftmost(s->root, first, end);
}

struct range_node *range_overlap_next(const struct range_node *node, uint64_t first, uint64_t end)
{
        struct range_node *n = range_leftmost(node->right, first, end);

        if (n)
                return n;
        for (;;) {
                while (node->parent && node->parent->right == node)
                        node = node->parent;
                node = node->parent;
                if (!node || node->first >= end)
                        return NULL;
                if (node->end > first)
                        return (struct range_node *)node;
                n = range_leftmost(node->right, first, end);
                if (n)
                        return n;
        }
}
