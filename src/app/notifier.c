/* SPDX-License-Identifier: MIT */
#include "app/notifier.h"

#include <errno.h>
#include <string.h>

#include "app/logging.h"
#include "base/check.h"
#include "front/front_fuse.h"

#define NOTIFIER_STACK_BYTES ((size_t)128 << 10)

void notifier_init(struct notifier *n)
{
        *n = (struct notifier){0};
        CHECK(sem_init(&n->due, 0, 0) == 0);
}

void notifier_wake(struct notifier *n)
{
        sem_post(&n->due); /* EOVERFLOW: enough wake-ups wait */
}

static void *notifier_thread(void *arg)
{
        struct notifier *n = arg;
        struct front_notice notice;

        for (;;) {
                if (sem_wait(&n->due) < 0)
                        continue; /* EINTR */
                if (atomic_load(&n->quit))
                        return NULL;
                /* A failure is that the kernel does not know the inode, or the mount is gone. */
                while (!atomic_load(&n->quit) && shard_pop_notice(n->shard, &notice))
                        front_fuse_notify(n->front, &notice);
        }
}

int notifier_start(struct notifier *n, struct shard *s, struct front *f)
{
        pthread_attr_t attr;
        int r;

        n->shard = s;
        n->front = f;
        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        r = pthread_attr_setstacksize(&attr, NOTIFIER_STACK_BYTES);
        if (r == 0)
                r = pthread_create(&n->thread, &attr, notifier_thread, n);
        pthread_attr_destroy(&attr);
        if (r != 0)
                return -r;
        pthread_setname_np(n->thread, "aoefs-notify");
        n->running = true;
        return 0;
}

void notifier_stop(struct notifier *n)
{
        if (!n->running)
                return;
        atomic_store(&n->quit, true);
        notifier_wake(n);
        CHECK(pthread_join(n->thread, NULL) == 0);
        n->running = false;
}
