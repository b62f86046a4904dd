/* SPDX-License-Identifier: MIT */
/* A binary heap by (time, order of arrival): equal times keep their order, so runs repeat. */
#include "queue.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"

static bool queue_is_before(const struct queue_event *a, const struct queue_event *b)
{
        return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void queue_init(struct queue *q)
{
        *q = (struct queue){0};
}

void queue_fini(struct queue *q)
{
        free(q->events);
        q->events = NULL;
}

void queue_add(struct queue *q, nsec at, queue_handler *handler, void *arg, uint64_t number)
{
        struct queue_event e = {.at = at,
                                .order = q->order_next++,
                                .handler = handler,
                                .arg = arg,
                                .number = number};
        size_t idx;

        if (q->count == q->room) {
                q->room = q->room ? 2 * q->room : 1024;
                q->events = realloc(q->events, q->room * sizeof *q->events);
                CHECK(q->events);
        }
        for (idx = q->count++; idx > 0; idx = (idx - 1) / 2) {
                if (!queue_is_before(&e, &q->events[(idx - 1) / 2]))
                        break;
                q->events[idx] = q->events[(idx - 1) / 2];
        }
        q->events[idx] = e;
}

nsec queue_next(const struct queue *q)
{
        return q->count ? q->events[0].at : NSEC_NEVER;
}

struct queue_event queue_pop(struct queue *q)
{
        struct queue_event top = q->events[0], last;
        size_t idx = 0;

        CHECK(q->count > 0);
        last = q->events[--q->count];
        for (;;) {
                size_t child = 2 * idx + 1;

                if (child >= q->count)
                        break;
                if (child + 1 < q->count &&
                    queue_is_before(&q->events[child + 1], &q->events[child]))
                        child++;
                if (!queue_is_before(&q->events[child], &last))
                        break;
                q->events[idx] = q->events[child];
                idx = child;
        }
        if (q->count > 0)
                q->events[idx] = last;
        return top;
}
