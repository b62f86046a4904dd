/* SPDX-License-Identifier: MIT */
/* heap: the top is the least of a plain array's, whatever was set, moved and taken out. */
#include <criterion/criterion.h>
#include <signal.h>

#include "base/heap.h"
#include "base/prng.h"

#define NODES 64
#define STEPS 200000

struct fixture {
        struct heap heap;
        struct heap_node *places[NODES];
        struct heap_node nodes[NODES];
};

static void fixture_init(struct fixture *f)
{
        heap_init(&f->heap, f->places, NODES);
        for (int i = 0; i < NODES; i++)
                heap_node_init(&f->nodes[i]);
}

/* What the heap must hold, by brute force. */
static void assert_heap(const struct fixture *f)
{
        const struct heap_node *top = heap_top(&f->heap);
        nsec least = NSEC_NEVER;
        size_t count = 0;

        for (int i = 0; i < NODES; i++) {
                const struct heap_node *n = &f->nodes[i];

                least = nsec_min(least, n->at);
                count += n->at != NSEC_NEVER;
                if (n->at == NSEC_NEVER)
                        cr_assert_eq(n->idx, HEAP_NONE);
                else if (n->idx >= f->heap.count || f->places[n->idx] != n)
                        cr_assert_fail("node %d is not where it says", i);
        }
        cr_assert_eq(f->heap.count, count);
        cr_assert_eq(top ? top->at : NSEC_NEVER, least);
        for (size_t i = 1; i < count; i++)
                cr_assert_leq(f->places[(i - 1) / 2]->at, f->places[i]->at);
}

Test(heap, starts_empty)
{
        struct fixture f;

        fixture_init(&f);
        cr_assert_null(heap_top(&f.heap));
        heap_set(&f.heap, &f.nodes[0], NSEC_NEVER);
        assert_heap(&f);
}

Test(heap, moves_up_and_down)
{
        struct fixture f;

        fixture_init(&f);
        for (int i = 0; i < NODES; i++)
                heap_set(&f.heap, &f.nodes[i], 1000 - (nsec)i);
        cr_assert_eq(heap_top(&f.heap), &f.nodes[NODES - 1]);
        heap_set(&f.heap, &f.nodes[NODES - 1], 5000);
        cr_assert_eq(heap_top(&f.heap), &f.nodes[NODES - 2]);
        heap_set(&f.heap, &f.nodes[7], 0);
        cr_assert_eq(heap_top(&f.heap), &f.nodes[7]);
        assert_heap(&f);
}

Test(heap, as_a_plain_array)
{
        struct fixture f;
        struct prng dice = {.state = 11};

        fixture_init(&f);
        for (int i = 0; i < STEPS; i++) {
                struct heap_node *n = &f.nodes[prng_below(&dice, NODES)];
                nsec at = prng_below(&dice, 4) ? prng_below(&dice, 100) : NSEC_NEVER;

                heap_set(&f.heap, n, at);
                if (i % 16 == 0)
                        assert_heap(&f);
        }
        assert_heap(&f);
}

Test(heap, drains_in_order)
{
        struct fixture f;
        struct prng dice = {.state = 12};
        nsec last = 0;

        fixture_init(&f);
        for (int i = 0; i < NODES; i++)
                heap_set(&f.heap, &f.nodes[i], prng_below(&dice, 50));
        for (int i = 0; i < NODES; i++) {
                struct heap_node *n = heap_top(&f.heap);

                cr_assert_geq(n->at, last);
                last = n->at;
                heap_set(&f.heap, n, NSEC_NEVER);
        }
        cr_assert_null(heap_top(&f.heap));
}

Test(heap, no_room_traps, .signal = SIGILL)
{
        struct heap h;
        struct heap_node *places[2], nodes[2]; /* a place too many, so that only CHECK stops it */

        heap_init(&h, places, 1);
        heap_node_init(&nodes[0]);
        heap_node_init(&nodes[1]);
        heap_set(&h, &nodes[0], 1);
        heap_set(&h, &nodes[1], 2);
}

Test(heap, foreign_node_traps, .signal = SIGILL)
{
        struct fixture f;
        struct heap_node stranger = {.at = 3, .idx = 0};

        fixture_init(&f);
        heap_set(&f.heap, &f.nodes[0], 5);
        heap_set(&f.heap, &stranger, 4);
}
