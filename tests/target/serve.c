/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define IDLE_NS 1000000 /* silence after which held answers leave */

static int64_t serve_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void serve_frame(struct target *t, const struct packet *ask)
{
        static struct packet answer;

        if (ask->data[AT_COMMAND] == 1)
                config_serve(t, ask, &answer);
        else if (ask->data[AT_COMMAND] == 0)
                ata_serve(t, ask, &answer);
        if (++t->frames % t->every == 0 && applies(t, QUIRK_BEACONS))
                config_beacon(t);
}

/* Serves what may be served by now; returns when the next frame is ready. */
static int64_t serve_queue(struct target *t, int64_t ready_at)
{
        const struct packet *ask;

        while ((ask = queue_head(t)) && serve_now() >= ready_at) {
                serve_frame(t, ask);
                queue_pop(t);
                ready_at = serve_now() + (int64_t)t->service_us * 1000;
        }
        return ready_at;
}

/* How long to wait when no frame comes; NULL: for ever. */
static const struct timespec *serve_wait(const struct target *t, int64_t ready_at,
                                         struct timespec *ts)
{
        int64_t ns = IDLE_NS;

        if (queue_head(t)) {
                ns = ready_at - serve_now();
                ns = ns > 0 ? ns : 0;
        } else if (t->held_count == 0) {
                return NULL;
        }
        *ts = (struct timespec){.tv_nsec = ns};
        return ts;
}

/* Signals are blocked and come as bytes of a descriptor: none is missed. */
void serve(struct target *t, int signals)
{
        struct pollfd fds[] = {{t->fd, POLLIN, 0}, {signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        int64_t ready_at = 0;
        struct timespec ts;

        config_beacon(t);
        puts("ready");
        fflush(stdout);
        for (;;) {
                int n = ppoll(fds, 3, serve_wait(t, ready_at, &ts), NULL);

                if (n < 0)
                        die("ppoll");
                if (fds[1].revents)
                        return;
                if (fds[2].revents && !control_read(t))
                        fds[2].fd = -1;
                queue_fill(t);
                ready_at = serve_queue(t, ready_at);
                if (n == 0)
                        answer_release(t);
        }
}
