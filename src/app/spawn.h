/* SPDX-License-Identifier: MIT */
/* The worker's process: our own program again, with a socket to the keeper. */
#pragma once

#include <sys/types.h>

/* 0 or -errno. worker_fd stays the caller's. */
int spawn_worker(char *const argv[], int worker_fd, pid_t *ret);
/* How it ended, in words: wait's status. Owned by the caller. */
char *spawn_death(pid_t worker, int status);
