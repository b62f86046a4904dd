/* SPDX-License-Identifier: MIT */
/* range: random sets against a plain array, the tree's own invariants, and its depth. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/prng.h"
#include "base/range.h"

#define NODES 120
#define STEPS 60000

struct model {
        struct range_set set;
        struct range_node nodes[NODES];
        bool in[NODES];
};

static bool overlaps(const struct range_node *n, uint64_t first, uint64_t end)
{
        return n->first < end && first < n->end;
}

/* Every overlapping node once, in order of first. */
static void assert_overlaps(const struct model *m, uint64_t first, uint64_t end)
{
        const struct range_node *n = range_overlap_first(&m->set, first, end);
        uint64_t at = 0;
        int want = 0, got = 0;

        for (int i = 0; i < NODES; i++)
                want += m->in[i] && overlaps(&m->nodes[i], first, end);
        for (; n; n = range_overlap_next(n, first, end), got++) {
                cr_assert(m->in[n - m->nodes], "a node that was taken out");
                cr_assert(overlaps(n, first, end));
                cr_assert_geq(n->first, at);
                at = n->first;
                cr_assert_lt(got, want, "too many, or one twice");
        }
        cr_assert_eq(got, want, "[%lu, %lu): %d of %d", first, end, got, want);
}

static uint64_t end_max_of(const struct range_node *n)
{
        uint64_t end = n->end;

        if (n->left && n->left->end_max > end)
                end = n->left->end_max;
        if (n->right && n->right->end_max > end)
                end = n->right->end_max;
        return end;
}

static void assert_tree(const struct model *m)
{
        for (int i = 0; i < NODES; i++) {
                const struct range_node *n = &m->nodes[i];

                if (!m->in[i])
                        continue;
                cr_assert_eq(n->end_max, end_max_of(n));
                cr_assert(n->parent ? n->parent->left == n || n->parent->right == n
                                    : m->set.root == n);
                cr_assert(!n->left || (n->left->parent == n && n->left->first <= n->first));
                cr_assert(!n->right || (n->right->parent == n && n->right->first >= n->first));
                cr_assert(!n->parent || n->parent->priority >= n->priority);
        }
}

static void model_toggle(struct model *m, int i, struct prng *dice)
{
        if (m->in[i]) {
                range_remove(&m->set, &m->nodes[i]);
        } else {
                memset(&m->nodes[i], 0xff, sizeof m->nodes[i]);
                m->nodes[i].first = prng_below(dice, 300);
                m->nodes[i].end = m->nodes[i].first + 1 + prng_below(dice, 1 + (uint64_t)i);
                range_insert(&m->set, &m->nodes[i]);
        }
        m->in[i] = !m->in[i];
}

Test(range, as_a_plain_array)
{
        struct model m = {0};
        struct prng dice = {.state = 3};

        range_set_init(&m.set, 9);
        for (int step = 0; step < STEPS; step++) {
                uint64_t first = prng_below(&dice, 450);

                model_toggle(&m, (int)prng_below(&dice, NODES), &dice);
                assert_overlaps(&m, first, first + 1 + prng_below(&dice, 40));
                if (step % 64 == 0)
                        assert_tree(&m);
        }
        assert_overlaps(&m, 0, UINT64_MAX);
        for (int i = 0; i < NODES; i++) {
                if (m.in[i])
                        range_remove(&m.set, &m.nodes[i]);
        }
        cr_assert_null(m.set.root);
}

Test(range, neighbours_do_not_touch)
{
        struct range_set s;
        struct range_node n = {.first = 10, .end = 20};

        memset(&s, 0xff, sizeof s);
        range_set_init(&s, 1);
        cr_assert_null(range_overlap_first(&s, 0, UINT64_MAX));
        range_insert(&s, &n);
        cr_assert_null(range_overlap_first(&s, 0, 10));
        cr_assert_null(range_overlap_first(&s, 20, 30));
        cr_assert_eq(range_overlap_first(&s, 19, 20), &n);
        cr_assert_eq(range_overlap_first(&s, 9, 11), &n);
        cr_assert_eq(range_overlap_first(&s, 0, 100), &n);
        cr_assert_eq(range_overlap_first(&s, 14, 15), &n);
        cr_assert_null(range_overlap_next(&n, 0, 100));
}

Test(range, the_largest_numbers)
{
        struct range_set s;
        struct range_node n = {.first = UINT64_MAX - 1, .end = UINT64_MAX};

        range_set_init(&s, 1);
        range_insert(&s, &n);
        cr_assert_eq(range_overlap_first(&s, 0, UINT64_MAX), &n);
        cr_assert_null(range_overlap_first(&s, 0, UINT64_MAX - 1));
}

Test(range, equal_ranges_all_show)
{
        struct range_set s;
        struct range_node nodes[50];
        const struct range_node *n;
        int count = 0;

        range_set_init(&s, 5);
        for (int i = 0; i < 50; i++) {
                nodes[i] = (struct range_node){.first = 8, .end = 16};
                range_insert(&s, &nodes[i]);
        }
        for (n = range_overlap_first(&s, 15, 16); n; n = range_overlap_next(n, 15, 16))
                count++;
        cr_assert_eq(count, 50);
        for (int i = 0; i < 50; i += 2)
                range_remove(&s, &nodes[i]);
        count = 0;
        for (n = range_overlap_first(&s, 0, 9); n; n = range_overlap_next(n, 0, 9))
                count++;
        cr_assert_eq(count, 25);
}

/* Ascending keys are what a sequential writer makes: the tree must stay flat. */
Test(range, stays_flat)
{
        enum { MANY = 20000, DEPTH_MAX = 64 };
        struct range_node *nodes = calloc(MANY, sizeof *nodes);
        struct range_set s;
        int deepest = 0;

        range_set_init(&s, 2);
        for (uint64_t i = 0; i < MANY; i++) {
                nodes[i].first = i;
                nodes[i].end = i + 1;
                range_insert(&s, &nodes[i]);
        }
        for (int i = 0; i < MANY; i++) {
                int depth = 0;

                for (const struct range_node *n = &nodes[i]; n; n = n->parent)
                        depth++;
                deepest = depth > deepest ? depth : deepest;
        }
        cr_assert_leq(deepest, DEPTH_MAX, "depth %d of %d nodes", deepest, MANY);
        free(nodes);
}

Test(range, empty_range_traps, .signal = SIGILL)
{
        struct range_set s;
        struct range_node n = {.first = 4, .end = 4};

        range_set_init(&s, 1);
        range_insert(&s, &n);
}
