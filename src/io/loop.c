/* SPDX-License-Identifier: MIT */
/*
 * epoll, level-triggered: what the owner leaves unread wakes the next turn. Deadlines go to
 * epoll_pwait2 as they are; where a kernel or a container's seccomp filter does not know that call,
 * a timerfd under the loop's own key carries them.
 *
 * Invariants: timer_fd >= 0 exactly when epoll_pwait2 is not to be used. KEY_OWN never shows in
 * ready[]; both descriptors under it are drained in the wait that saw them.
 */
#include "io/loop.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "io/autofd.h"

#define KEY_OWN UINT64_MAX

nsec loop_clock(void)
{
        struct timespec ts;

        CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
        return (nsec)ts.tv_sec * NSEC_SEC + (nsec)ts.tv_nsec;
}

static struct timespec timespec_of(nsec span)
{
        return (struct timespec){.tv_sec = (time_t)(span / NSEC_SEC),
                                 .tv_nsec = (long)(span % NSEC_SEC)};
}

static int watch(int epoll_fd, int fd, uint64_t key)
{
        struct epoll_event ev = {.events = EPOLLIN, .data.u64 = key};

        return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Old seccomp filters say EPERM where the kernel would say ENOSYS. */
static bool has_pwait2(int epoll_fd)
{
        struct timespec none = {0};
        struct epoll_event ev;

        return epoll_pwait2(epoll_fd, &ev, 1, &none, NULL) >= 0 ||
               (errno != ENOSYS && errno != EPERM);
}

int loop_init(struct loop *l)
{
        autofd int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        autofd int timer_fd = -1;
        autofd int wake_fd = -1;
        int r;

        *l = (struct loop){.epoll_fd = -1, .timer_fd = -1, .wake_fd = -1};
        if (epoll_fd < 0)
                return -errno;
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
                return -errno;
        r = watch(epoll_fd, wake_fd, KEY_OWN);
        if (r < 0)
                return r;
        if (!has_pwait2(epoll_fd)) {
                timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
                if (timer_fd < 0)
                        return -errno;
                r = watch(epoll_fd, timer_fd, KEY_OWN);
                if (r < 0)
                        return r;
        }
        l->epoll_fd = autofd_steal(&epoll_fd);
        l->timer_fd = autofd_steal(&timer_fd);
        l->wake_fd = autofd_steal(&wake_fd);
        return 0;
}

/* 0 is "never opened": a zeroed loop is legal here, and standard input is never ours. */
static void close_own(int *fd)
{
        if (*fd > 0)
                close(*fd);
        *fd = -1;
}

void loop_fini(struct loop *l)
{
        if (!l)
                return;
        close_own(&l->epoll_fd);
        close_own(&l->timer_fd);
        close_own(&l->wake_fd);
        l->ready_count = 0;
}

int loop_add(struct loop *l, int fd, uint64_t key)
{
        CHECK(key != KEY_OWN);
        return watch(l->epoll_fd, fd, key);
}

int loop_del(struct loop *l, int fd)
{
        return epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

/* span NSEC_NEVER: no timer. A span of 0 is the caller's business: it would disarm. */
static int timer_arm(const struct loop *l, nsec span)
{
        struct itimerspec it = {0};

        if (span != NSEC_NEVER)
                it.it_value = timespec_of(span);
        return timerfd_settime(l->timer_fd, 0, &it, NULL) < 0 ? -errno : 0;
}

/* Returns epoll's count or -errno. */
static int wait_with_timer(struct loop *l, struct epoll_event *events, int max, nsec span)
{
        int n;

        if (span > 0) {
                int r = timer_arm(l, span);

                if (r < 0)
                        return r;
        }
        n = epoll_wait(l->epoll_fd, events, max, span > 0 ? -1 : 0);
        return n < 0 ? -errno : n;
}

static int wait_with_pwait2(struct loop *l, struct epoll_event *events, int max, nsec span)
{
        struct timespec ts = timespec_of(span);
        int n = epoll_pwait2(l->epoll_fd, events, max, span == NSEC_NEVER ? NULL : &ts, NULL);

        return n < 0 ? -errno : n;
}

/* One read takes a whole eventfd or timerfd; EAGAIN is fine: only one of the two was ready. */
static void drain_own(const struct loop *l)
{
        uint64_t count;

        if (read(l->wake_fd, &count, sizeof(count)) < 0)
                CHECK(errno == EAGAIN);
        if (l->timer_fd >= 0 && read(l->timer_fd, &count, sizeof(count)) < 0)
                CHECK(errno == EAGAIN);
}

void loop_spin_learn(struct loop_spin *s, nsec waited)
{
        if (waited > s->span_max)
                s->span = 0;
        else if (waited > s->span)
                s->span = nsec_min(s->span_max, 2 * waited);
}

/* Returns epoll's count or -errno; 0: nothing came in the whole span. */
static int poll_for(const struct loop *l, struct epoll_event *events, nsec begin, nsec span)
{
        int n;

        do {
                n = epoll_wait(l->epoll_fd, events, LOOP_READY_MAX, 0);
                if (n != 0)
                        return n < 0 ? -errno : n;
                sched_yield(); /* polling is for a processor that has nothing better to do */
        } while (nsec_since(loop_clock(), begin) < span);
        return 0;
}

static int sleep_for(struct loop *l, struct epoll_event *events, nsec span)
{
        return l->timer_fd >= 0 ? wait_with_timer(l, events, LOOP_READY_MAX, span)
                                : wait_with_pwait2(l, events, LOOP_READY_MAX, span);
}

/* Polls as long as it has paid before, then sleeps for what is left. */
static int wait_for_events(struct loop *l, struct epoll_event *events, nsec span)
{
        nsec begin, polled = nsec_min(l->spin.span, span);
        int n = 0;

        if (span == 0 || l->spin.span_max == 0)
                return sleep_for(l, events, span);
        begin = loop_clock();
        if (polled > 0)
                n = poll_for(l, events, begin, polled);
        if (n == 0 && span > polled)
                n = sleep_for(l, events, span == NSEC_NEVER ? span : span - polled);
        loop_spin_learn(&l->spin, nsec_since(loop_clock(), begin));
        return n;
}

int loop_wait(struct loop *l, nsec now, nsec deadline)
{
        struct epoll_event events[LOOP_READY_MAX];
        nsec span = deadline == NSEC_NEVER ? NSEC_NEVER : nsec_since(deadline, now);
        int n;

        l->ready_count = 0;
        n = wait_for_events(l, events, span);
        if (n == -EINTR)
                return 0; /* an early turn does no harm */
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                if (events[i].data.u64 == KEY_OWN)
                        drain_own(l);
                else
                        l->ready[l->ready_count++] = events[i].data.u64;
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
