/* SPDX-License-Identifier: MIT */
/*
 * The thread that sends FUSE notifications. Each may wait for an inode lock whose holder waits for
 * the data thread: the data thread must not send them, and the control thread must not wait either,
 * since a signal or the keeper's word is what ends such a wait.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "app/shard.h"

struct notifier {
        struct shard *shard; /* borrowed */
        struct front *front; /* borrowed from the shard */
        sem_t due;
        atomic_bool quit;
        pthread_t thread;
        bool running;
};

/* From any thread, before start too: notices wait. */
void notifier_init(struct notifier *n);
void notifier_wake(struct notifier *n);
/* 0 or -errno. */
int notifier_start(struct notifier *n, struct shard *s, struct front *f);
/* Waits for the notice that is being sent: call it when no request is open any more. */
void notifier_stop(struct notifier *n);
