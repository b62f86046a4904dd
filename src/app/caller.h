/* SPDX-License-Identifier: MIT */
/*
 * The process that typed `aoefs mount`, seen from the daemon that it started in the background: it
 * waits until it hears "ready" or one error. In the foreground there is none.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct caller {
        int fd; /* owned: our end of the pipe; -1: nobody waits */
        bool is_parent;
};

/* Nobody waits: the foreground. */
void caller_init(struct caller *c);
/* Forks. The parent has is_parent set; the child is a daemon in a session of its own, and has its
 * standard descriptors until caller_ready(). */
bool caller_fork(struct caller *ret, GError **error);
/* Parent: until the daemon is ready (true), or failed. */
bool caller_wait(struct caller *c, GError **error);
/* For poll(): has an event when the waiting process is gone. -1: nobody waits. */
int caller_fd(const struct caller *c);
/* Daemon: lets go of the terminal and of the caller. false: it is gone. */
bool caller_ready(struct caller *c);
/* Daemon: the mount will never be usable. false: nobody listens, or not any more. */
bool caller_fail(struct caller *c, const GError *why);
