/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include "base/check.h"

void heap_init(struct heap *h, struct heap_node **nodes, size_t room)
{
        *h = (struct heap){.nodes = nodes, .room = room};
}

void heap_node_init(struct heap_node *n)
{
        *n = (struct heap_node){.at = NSEC_NEVER, .idx = HEAP_NONE};
}

static void heap_place(struct heap *h, struct heap_node *n, size_t idx)
{
        h->nodes[idx] = n;
        n->idx = idx;
}

static void heap_up(struct heap *h, struct heap_node *n)
{
        size_t i = n->idx;

        while (i > 0 && h->nodes[(i - 1) / 2]->at > n->at) {
                heap_place(h, h->nodes[(i - 1) / 2], i);
                i = (i - 1) / 2;
        }
        heap_place(h, n, i);
}

static void heap_down(struct heap *h, struct heap_node *n)
{
        size_t i = n->idx;

        for (;;) {
                size_t child = 2 * i + 1;

                if (child >= h->count)
                        break;
                if (child + 1 < h->count && h->nodes[child + 1]->at < h->nodes[child]->at)
                        child++;
                if (h->nodes[child]->at >= n->at)
                        break;
                heap_place(h, h->nodes[child], i);
                i = child;
        }
        heap_place(h, n, i);
}

static void heap_remove(struct heap *h, struct heap_node *n)
{
        struct heap_node *last = h->nodes[--h->count];
        size_t hole = n->idx;

        n->idx = HEAP_NONE;
        if (last == n)
                return;
        heap_place(h, last, hole);
        heap_up(h, last);
        heap_down(h, last);
}

void heap_set(struct heap *h, struct heap_node *n, nsec at)
{
        n->at = at;
        if (at == NSEC_NEVER) {
                if (n->idx != HEAP_NONE)
                        heap_remove(h, n);
                return;
        }
        if (n->idx == HEAP_NONE) {
                CHECK(h->count < h->room);
                heap_place(h, n, h->count++);
        }
        CHECK(h->nodes[n->idx] == n);
        heap_up(h, n);
        heap_down(h, n);
}

struct heap_node *heap_top(const struct heap *h)
{
        return h->count ? h->nodes[0] : NULL;
}
