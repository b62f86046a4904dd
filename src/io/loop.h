/* SPDX-License-Identifier: MIT */
/*
 * The data thread's sleep: epoll with nanosecond deadlines, and a mailbox wake-up. No callbacks:
 * loop_wait() says which descriptors are ready and the owner looks at them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nsec.h"

#define LOOP_READY_MAX 32

struct loop {
        int epoll_fd; /* owned */
        int timer_fd; /* owned; -1 where epoll_pwait2 works */
        int wake_fd;  /* owned: eventfd, written by other threads */
        size_t ready_count;
        uint64_t ready[LOOP_READY_MAX]; /* keys of the last loop_wait() */
};

/* CLOCK_MONOTONIC: stands still while the machine is suspended (base/lived.h has the rest). */
nsec loop_clock(void);

/* 0 or -errno. fini takes a zeroed or half-built loop with descriptors of -1 or 0 unset. */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);
/* Watches fd for input (level-triggered) under key; key UINT64_MAX is the loop's own. */
int loop_add(struct loop *l, int fd, uint64_t key);
int loop_del(struct loop *l, int fd);
/* Sleeps until a descriptor is ready, loop_wake() or the deadline; now is the turn's clock. Fills
 * ready. 0, or -errno (never EINTR: a signal ends the wait with nothing ready). */
int loop_wait(struct loop *l, nsec now, nsec deadline);
/* From any thread: ends the present or next loop_wait(). Async-signal-safe. */
void loop_wake(struct loop *l);
