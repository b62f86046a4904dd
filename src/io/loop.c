/* SPDX-License-Identifier: MIT */
/*
 * ppoll, level-triggered: what the owner leaves unread wakes the next turn. For the few descriptors
 * of a loop it is better than epoll, which stands in the wait queue of each socket all the time:
 * then every frame that leaves or comes wakes somebody who is awake, at the sender's expense, too.
 *
 * Invariants: fds[0] is the wake-up's, under no key; keys[i] belongs to fds[i]. The wake-up is
 * drained in the wait that saw it.
 */
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

nsec loop_clock(void)
{
        struct timespec ts;

        CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
        return (nsec)ts.tv_sec * NSEC_SEC + (nsec)ts.tv_nsec;
}

int loop_init(struct loop *l)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        *l = (struct loop){.wake_fd = -1};
        if (fd < 0)
                return -errno;
        l->wake_fd = fd;
        l->fds[l->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        return 0;
}

void loop_fini(struct loop *l)
{
        if (!l)
                return;
        if (l->fd_count > 0)
                close(l->wake_fd);
        *l = (struct loop){.wake_fd = -1};
}

static size_t loop_find(const struct loop *l, int fd)
{
        size_t i = 1;

        while (i < l->fd_count && l->fds[i].fd != fd)
                i++;
        return i;
}

int loop_add(struct loop *l, int fd, uint64_t key)
{
        if (fcntl(fd, F_GETFD) < 0) /* ppoll passes over what is negative without a word */
                return -errno;
        if (loop_find(l, fd) < l->fd_count)
                return -EEXIST;
        if (l->fd_count > LOOP_FDS_MAX)
                return -ENOSPC;
        l->keys[l->fd_count] = key;
        l->fds[l->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        return 0;
}

int loop_del(struct loop *l, int fd)
{
        size_t i = loop_find(l, fd);

        if (i == l->fd_count)
                return -ENOENT;
        l->fd_count--;
        l->fds[i] = l->fds[l->fd_count];
        l->keys[i] = l->keys[l->fd_count];
        return 0;
}

void loop_spin_learn(struct loop_spin *s, nsec waited)
{
        if (waited > s->span_max)
                s->span = 0;
        else if (waited > s->span)
                s->span = nsec_min(s->span_max, 2 * waited);
}

/* Returns ppoll's count or -errno. */
static int sleep_for(struct loop *l, nsec span)
{
        struct timespec ts = {.tv_sec = (time_t)(span / NSEC_SEC),
                              .tv_nsec = (long)(span % NSEC_SEC)};
        int n = ppoll(l->fds, l->fd_count, span == NSEC_NEVER ? NULL : &ts, NULL);

        return n < 0 ? -errno : n;
}

/* Returns ppoll's count or -errno; 0: nothing came in the whole span. */
static int poll_for(struct loop *l, nsec begin, nsec span)
{
        int n;

        do {
                n = sleep_for(l, 0);
                if (n != 0)
                        return n;
                sched_yield(); /* polling is for a processor that has nothing better to do */
        } while (nsec_since(loop_clock(), begin) < span);
        return 0;
}

/* Polls as long as it has paid before, then sleeps for what is left. */
static int wait_for_events(struct loop *l, nsec span)
{
        nsec begin, polled = nsec_min(l->spin.span, span);
        int n = 0;

        if (span == 0 || l->spin.span_max == 0)
                return sleep_for(l, span);
        begin = loop_clock();
        if (polled > 0)
                n = poll_for(l, begin, polled);
        if (n == 0 && span > polled)
                n = sleep_for(l, span == NSEC_NEVER ? span : span - polled);
        loop_spin_learn(&l->spin, nsec_since(loop_clock(), begin));
        return n;
}

/* One read takes all wake-ups. */
static void drain_own(const struct loop *l)
{
        uint64_t count;

        if (read(l->wake_fd, &count, sizeof(count)) < 0)
                CHECK(errno == EAGAIN);
}

int loop_wait(struct loop *l, nsec now, nsec deadline)
{
        nsec span = deadline == NSEC_NEVER ? NSEC_NEVER : nsec_since(deadline, now);
        int n;

        l->ready_count = 0;
        n = wait_for_events(l, span);
        if (n == -EINTR)
                return 0; /* an early turn does no harm */
        if (n < 0)
                return n;
        if (l->fds[0].revents)
                drain_own(l);
        for (size_t i = 1; n > 0 && i < l->fd_count; i++) {
                CHECK(!(l->fds[i].revents & POLLNVAL)); /* closed, but not taken out */
                if (l->fds[i].revents)
                        l->ready[l->ready_count++] = l->keys[i];
        }
        return 0;
}

void loop_wake(struct loop *l)
{
        int saved = errno; /* it runs in signal handlers */
        uint64_t one = 1;
        ssize_t n = write(l->wake_fd, &one, sizeof(one));

        (void)n; /* EAGAIN: 2^64 - 2 wake-ups wait already */
        errno = saved;
}
