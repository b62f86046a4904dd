/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests of io/ share: a network namespace of the test's own (criterion forks a
 * process for each test, so it dies with it), ip(8) in it, and waiting for a descriptor.
 */
#pragma once

#include <criterion/criterion.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/netmon.h"

#define NET_PATIENCE_MS 10000

/* Skips the test, with the reason on stderr, when it may not have one. */
static inline void net_enter(void)
{
        if (unshare(CLONE_NEWNET) == 0)
                return;
        fprintf(stderr, "skipped: no network namespace without root: %m\n");
        cr_skip_test("no network namespace without root");
}

/* Runs one shell command, which must succeed. */
__attribute__((format(printf, 1, 2))) static inline void net_run(const char *format, ...)
{
        char command[512];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        cr_assert(n > 0 && (size_t)n < sizeof(command));
        cr_assert_eq(system(command), 0, "failed: %s", command);
}

/* Can this kernel do it? Output is thrown away. */
static inline bool net_can(const char *command)
{
        char quiet[512];

        snprintf(quiet, sizeof(quiet), "{ %s ; } >/dev/null 2>&1", command);
        return system(quiet) == 0;
}

static inline int net_index(const char *name)
{
        return (int)if_nametoindex(name);
}

/* Waits until fd is readable or in error; false: the patience is over. */
static inline bool net_await(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};

        return poll(&p, 1, NET_PATIENCE_MS) == 1;
}

#define NET_VA 1u
#define NET_VB 2u

/* Which of the two run, after what netmon has to tell. */
static inline unsigned net_running(struct netmon *n, unsigned running)
{
        struct netmon_event ev;

        while (netmon_pop(n, &ev)) {
                unsigned bit = 0;

                if (strcmp(ev.link.name, "va") == 0)
                        bit = NET_VA;
                if (strcmp(ev.link.name, "vb") == 0)
                        bit = NET_VB;
                running = ev.link.running ? running | bit : running & ~bit;
        }
        return running;
}

/* Waits until the veth pair va - vb carries frames: until the kernel has seen the carrier, some
 * time after both are up, it throws them away and says that they left. */
static inline void net_await_pair(void)
{
        struct netmon *n = NULL;
        unsigned running;

        cr_assert_eq(netmon_new(&n), 0);
        running = net_running(n, 0);
        while (running != (NET_VA | NET_VB)) {
                cr_assert(net_await(netmon_fd(n)));
                cr_assert_eq(netmon_read(n), 0);
                running = net_running(n, running);
        }
        netmon_free(n);
}

static inline size_t net_open_descriptors(void)
{
        size_t count = 0;

        for (int fd = 0; fd < 1024; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

/* From now on only that many more descriptors can be opened. */
static inline void net_allow_descriptors(size_t count)
{
        struct rlimit limit = {.rlim_max = RLIM_INFINITY};
        size_t free_count = 0;
        int fd = 0;

        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        while (free_count < count + 1)
                free_count += fcntl(fd++, F_GETFD) < 0;
        limit.rlim_cur = (rlim_t)fd - 1;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
