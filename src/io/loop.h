/* SPDX-License-Identifier: MIT */
/*
 * The data thread's sleep: ppoll with nanosecond deadlines, and a mailbox wake-up. No callbacks:
 * loop_wait() says which descriptors are ready and the owner looks at them.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nsec.h"

#define LOOP_FDS_MAX 32

/*
 * How long to poll before sleeping, learnt from the waits: an event that comes just after we fell
 * asleep costs a wake-up, which takes longer than the event did; one that is far away is slept for.
 * 0 after any wait longer than the limit: an idle loop does not poll.
 */
struct loop_spin {
        nsec span;
        nsec span_max; /* 0: never */
};

struct loop {
        int wake_fd;           /* owned: eventfd, written by other threads */
        struct loop_spin spin; /* the owner sets span_max; else it never polls */
        size_t fd_count;       /* 0: not initialized */
        struct pollfd fds[LOOP_FDS_MAX + 1];
        uint64_t keys[LOOP_FDS_MAX + 1];
        size_t ready_count;
        uint64_t ready[LOOP_FDS_MAX]; /* keys of the last loop_wait() */
};

/* CLOCK_MONOTONIC: stands still while the machine is suspended (base/lived.h has the rest). */
nsec loop_clock(void);

/* 0 or -errno. fini takes a zeroed or half-built loop. */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);
/* Watches fd for input (level-triggered) under key, until it is taken out, which must come before
 * it is closed. 0, or -EBADF, -EEXIST, -ENOSPC: LOOP_FDS_MAX are watched. */
int loop_add(struct loop *l, int fd, uint64_t key);
int loop_del(struct loop *l, int fd); /* 0 or -ENOENT */
/* Sleeps until a descriptor is ready, loop_wake() or the deadline; now is the turn's clock. Fills
 * ready. 0, or -errno (never EINTR: a signal ends the wait with nothing ready). */
int loop_wait(struct loop *l, nsec now, nsec deadline);
/* Pure: a wait took so long. */
void loop_spin_learn(struct loop_spin *s, nsec waited);
/* From any thread: ends the present or next loop_wait(). Async-signal-safe. */
void loop_wake(struct loop *l);
