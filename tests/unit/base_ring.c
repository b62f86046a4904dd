/* SPDX-License-Identifier: MIT */
/* ring: full and empty, wrap around, and two threads that lose and reorder nothing. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/ring.h"

struct note {
        uint64_t number;
        uint64_t twin; /* ~number: a torn entry shows */
        uint8_t tail[3];
};

#define COUNT 8

static struct note entries[COUNT];

static struct note note_of(uint64_t number)
{
        return (struct note){.number = number, .twin = ~number, .tail = {1, 2, (uint8_t)number}};
}

static void assert_note(const struct note *n, uint64_t number)
{
        cr_assert_eq(n->number, number);
        cr_assert_eq(n->twin, ~number);
        cr_assert_eq(n->tail[2], (uint8_t)number);
}

Test(ring, full_is_not_now)
{
        struct ring r;
        struct note n;

        ring_init(&r, entries, sizeof n, COUNT);
        for (uint64_t i = 0; i < COUNT; i++) {
                n = note_of(i);
                cr_assert(ring_push(&r, &n));
        }
        n = note_of(99);
        cr_assert(!ring_push(&r, &n));
        for (uint64_t i = 0; i < COUNT; i++) {
                cr_assert(ring_pop(&r, &n));
                assert_note(&n, i);
        }
        cr_assert(!ring_pop(&r, &n));
        assert_note(&n, COUNT - 1);
}

Test(ring, wraps)
{
        struct ring r;
        struct note n;

        ring_init(&r, entries, sizeof n, COUNT);
        for (uint64_t i = 0; i < 100; i++) {
                n = note_of(2 * i);
                cr_assert(ring_push(&r, &n));
                n = note_of(2 * i + 1);
                cr_assert(ring_push(&r, &n));
                cr_assert(ring_pop(&r, &n));
                assert_note(&n, 2 * i);
                cr_assert(ring_pop(&r, &n));
                assert_note(&n, 2 * i + 1);
        }
}

/* The counters run on past the largest number. */
Test(ring, counters_overflow)
{
        struct ring r;
        struct note n;

        ring_init(&r, entries, sizeof n, COUNT);
        atomic_store(&r.head, SIZE_MAX - 2);
        atomic_store(&r.tail, SIZE_MAX - 2);
        for (uint64_t i = 0; i < COUNT; i++) {
                n = note_of(i);
                cr_assert(ring_push(&r, &n));
        }
        cr_assert(!ring_push(&r, &n));
        for (uint64_t i = 0; i < COUNT; i++) {
                cr_assert(ring_pop(&r, &n));
                assert_note(&n, i);
        }
        cr_assert(!ring_pop(&r, &n));
}

#define NOTES 500000

static void *ring_produce(void *arg)
{
        struct ring *r = arg;

        for (uint64_t i = 0; i < NOTES; i++) {
                struct note n = note_of(i);

                while (!ring_push(r, &n))
                        sched_yield();
        }
        return NULL;
}

Test(ring, two_threads, .timeout = 60)
{
        struct ring r;
        struct note n;
        pthread_t producer;

        ring_init(&r, entries, sizeof n, COUNT);
        cr_assert_eq(pthread_create(&producer, NULL, ring_produce, &r), 0);
        for (uint64_t i = 0; i < NOTES; i++) {
                while (!ring_pop(&r, &n))
                        sched_yield();
                if (n.number != i || n.twin != ~i || n.tail[2] != (uint8_t)i)
                        cr_assert_fail("entry %lu came out wrong", i);
        }
        pthread_join(producer, NULL);
        cr_assert(!ring_pop(&r, &n));
}

Test(ring, odd_count_traps, .signal = SIGILL)
{
        struct ring r;

        ring_init(&r, entries, sizeof entries[0], 6);
}

Test(ring, no_count_traps, .signal = SIGILL)
{
        struct ring r;

        ring_init(&r, entries, sizeof entries[0], 0);
}
