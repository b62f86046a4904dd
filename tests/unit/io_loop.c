/* SPDX-License-Identifier: MIT */
/* loop: readiness, wake-ups, deadlines, and what polling before a sleep learns. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/loop.h"
#include "io_net.h"

static void begin(struct loop *l)
{
        cr_assert_eq(loop_init(l), 0);
}

static bool is_ready(const struct loop *l, uint64_t key)
{
        for (size_t i = 0; i < l->ready_count; i++) {
                if (l->ready[i] == key)
                        return true;
        }
        return false;
}

Test(loop, tells_what_is_ready_until_it_is_read)
{
        struct loop l;
        int a[2], b[2];
        char c;

        begin(&l);
        cr_assert(pipe(a) == 0 && pipe(b) == 0);
        cr_assert_eq(loop_add(&l, a[0], 11), 0);
        cr_assert_eq(loop_add(&l, b[0], 0), 0);
        cr_assert_eq(loop_add(&l, b[0], 12), -EEXIST);
        cr_assert_eq(loop_wait(&l, loop_clock(), 0), 0);
        cr_assert_eq(l.ready_count, 0);

        cr_assert_eq(write(a[1], "x", 1), 1);
        for (int again = 0; again < 2; again++) {
                cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
                cr_assert_eq(l.ready_count, 1);
                cr_assert(is_ready(&l, 11));
        }
        cr_assert_eq(write(b[1], "y", 1), 1);
        cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
        cr_assert_eq(l.ready_count, 2);
        cr_assert(is_ready(&l, 11) && is_ready(&l, 0));

        cr_assert_eq(loop_del(&l, b[0]), 0);
        cr_assert_eq(loop_del(&l, b[0]), -ENOENT);
        cr_assert_eq(read(a[0], &c, 1), 1);
        cr_assert_eq(loop_wait(&l, loop_clock(), 0), 0);
        cr_assert_eq(l.ready_count, 0);
        loop_fini(&l);
}

Test(loop, has_room_for_so_many_and_tells_of_all)
{
        struct loop l;
        int p[2];

        begin(&l);
        for (uint64_t i = 0; i < LOOP_FDS_MAX; i++) {
                cr_assert_eq(pipe(p), 0);
                cr_assert_eq(write(p[1], "x", 1), 1);
                cr_assert_eq(loop_add(&l, p[0], i), 0);
        }
        cr_assert_eq(pipe(p), 0);
        cr_assert_eq(loop_add(&l, p[0], 1), -ENOSPC);
        loop_wake(&l);
        cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
        cr_assert_eq(l.ready_count, (size_t)LOOP_FDS_MAX);
        for (uint64_t i = 0; i < LOOP_FDS_MAX; i++)
                cr_assert(is_ready(&l, i));
        loop_fini(&l);
}

Test(loop, keeps_deadlines)
{
        const nsec spans[] = {1, 50 * NSEC_US, 3 * NSEC_MS, 20 * NSEC_MS};
        struct loop l;

        begin(&l);
        for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
                nsec now = loop_clock();
                nsec late;

                cr_assert_eq(loop_wait(&l, now, now + spans[i]), 0);
                cr_assert_eq(l.ready_count, 0);
                late = loop_clock() - now;
                cr_assert_geq(late, spans[i]);
                cr_assert_lt(late, spans[i] + 5 * NSEC_SEC);
        }
        loop_fini(&l);
}

Test(loop, does_not_sleep_past_a_deadline_that_was)
{
        struct loop l;
        nsec now;

        begin(&l);
        now = loop_clock();
        cr_assert_eq(loop_wait(&l, now, now), 0);
        cr_assert_eq(loop_wait(&l, now, now - 1), 0);
        cr_assert_eq(loop_wait(&l, now, 0), 0);
        cr_assert_lt(loop_clock() - now, 5 * NSEC_SEC);
        loop_fini(&l);
}

/* A timer of an earlier wait, armed and left, must not end a later one. */
Test(loop, forgets_the_deadline_before)
{
        struct loop l;
        nsec now, next;

        begin(&l);
        now = loop_clock();
        loop_wake(&l);
        cr_assert_eq(loop_wait(&l, now, now + NSEC_MS), 0);
        now = loop_clock();
        next = now + 30 * NSEC_MS;
        cr_assert_eq(loop_wait(&l, now, next), 0);
        cr_assert_geq(loop_clock(), next);
        loop_fini(&l);
}

static void *wake_soon(void *arg)
{
        loop_wake(arg);
        return NULL;
}

Test(loop, wakes)
{
        pthread_t thread;
        struct loop l;

        begin(&l);
        for (int i = 0; i < 5; i++)
                loop_wake(&l); /* before the wait; five are one */
        cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
        cr_assert_eq(l.ready_count, 0);
        cr_assert_eq(loop_wait(&l, loop_clock(), 0), 0);

        for (int i = 0; i < 100; i++) {
                cr_assert_eq(pthread_create(&thread, NULL, wake_soon, &l), 0);
                cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
                cr_assert_eq(pthread_join(thread, NULL), 0);
        }
        loop_fini(&l);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
        (void)number;
        signals = signals + 1;
}

Test(loop, a_signal_is_no_error)
{
        struct sigaction sa = {.sa_handler = count_signal};

        cr_assert_eq(sigaction(SIGALRM, &sa, NULL), 0);
        struct itimerval it = {.it_value.tv_usec = 1000, .it_interval.tv_usec = 1000};
        struct loop l;

        signals = 0;
        begin(&l);
        cr_assert_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
        while (signals < 3)
                cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
        it = (struct itimerval){0};
        cr_assert_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
        loop_fini(&l);
}

Test(loop, wake_keeps_errno)
{
        struct loop l;

        begin(&l);
        errno = ENOTTY;
        loop_wake(&l);
        cr_assert_eq(errno, ENOTTY);
        loop_fini(&l);
}

Test(loop, gives_all_descriptors_back)
{
        size_t before = net_open_descriptors();

        struct loop none = {0};
        struct loop l;

        begin(&l);
        cr_assert_gt(net_open_descriptors(), before);
        loop_fini(&l);
        loop_fini(&l);
        loop_fini(&none);
        loop_fini(NULL);
        cr_assert_eq(net_open_descriptors(), before);
}

Test(loop, fails_with_nothing_left)
{
        size_t before = net_open_descriptors();
        struct loop l = {0};

        net_allow_descriptors(0);
        cr_assert_eq(loop_init(&l), -EMFILE);
        cr_assert_eq(net_open_descriptors(), before);
        loop_fini(&l);
        cr_assert_eq(net_open_descriptors(), before);
}

Test(loop_spin, learns_from_short_waits_and_forgets_at_a_long_one)
{
        struct loop_spin s = {.span_max = 100};

        loop_spin_learn(&s, 101);
        cr_assert_eq(s.span, 0);
        loop_spin_learn(&s, 30);
        cr_assert_eq(s.span, 60);
        loop_spin_learn(&s, 60); /* long enough as it is */
        cr_assert_eq(s.span, 60);
        loop_spin_learn(&s, 61);
        cr_assert_eq(s.span, 100);
        loop_spin_learn(&s, 100);
        cr_assert_eq(s.span, 100);
        loop_spin_learn(&s, 101);
        cr_assert_eq(s.span, 0);
}

Test(loop_spin, never_without_a_limit)
{
        struct loop_spin s = {0};

        loop_spin_learn(&s, 0);
        loop_spin_learn(&s, 1);
        cr_assert_eq(s.span, 0);
}

/* Polling takes the event that is there, keeps the deadline, and ends at the first long sleep. */
Test(loop_spin, a_loop_that_polls_tells_the_same)
{
        const nsec span = NSEC_MS;
        struct loop l;
        nsec now;
        int a[2];

        begin(&l);
        l.spin = (struct loop_spin){.span = span, .span_max = span};
        cr_assert_eq(pipe(a), 0);
        cr_assert_eq(loop_add(&l, a[0], 7), 0);
        cr_assert_eq(write(a[1], "x", 1), 1);
        cr_assert_eq(loop_wait(&l, loop_clock(), NSEC_NEVER), 0);
        cr_assert(is_ready(&l, 7));
        cr_assert_eq(read(a[0], &(char){0}, 1), 1);

        now = loop_clock();
        cr_assert_eq(loop_wait(&l, now, now + span / 2), 0);
        cr_assert_geq(loop_clock(), now + span / 2);
        cr_assert_eq(l.ready_count, 0);

        now = loop_clock();
        cr_assert_eq(loop_wait(&l, now, now + 3 * span), 0);
        cr_assert_geq(loop_clock(), now + 3 * span);
        cr_assert_eq(l.spin.span, 0);
        loop_fini(&l);
        close(a[0]), close(a[1]);
}

Test(loop, a_descriptor_that_is_none)
{
        struct loop l;
        int p[2];

        begin(&l);
        cr_assert_eq(pipe(p), 0);
        close(p[0]);
        cr_assert_eq(loop_add(&l, -1, 1), -EBADF);
        cr_assert_eq(loop_add(&l, p[0], 1), -EBADF);
        cr_assert_eq(loop_del(&l, p[0]), -ENOENT);
        loop_fini(&l);
}

Test(loop, closed_before_it_is_taken_out, .signal = SIGILL)
{
        struct loop l;
        int p[2];

        begin(&l);
        cr_assert_eq(pipe(p), 0);
        cr_assert_eq(loop_add(&l, p[0], 1), 0);
        close(p[0]);
        loop_wait(&l, loop_clock(), NSEC_NEVER);
}
