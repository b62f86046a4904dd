/* SPDX-License-Identifier: MIT */
/* What is sent next, and over which path: devices take turns, a few frames each. */
#include "engine/core.h"

/* Frames of one device in a row while others wait; one that was called has room for one. */
#define EMIT_QUANTUM        16
#define EMIT_QUANTUM_CALLED 1

/* The path that a slot of the device's resends takes. A tail probe belongs to the path it probes,
 * whose window may be full of frames that are lost. */
static struct path *emit_path(struct engine *e, struct device *d, const struct slot *s,
                              struct line **ret_line, nsec now)
{
        if (s && s->again == AGAIN_PROBE && s->path->state == PATH_UP)
                return s->path;
        return path_pick(e, d, ret_line, now);
}

/* What goes next and where; NULL: nothing, or not now. It is still on its queue. */
static struct slot *emit_next(struct engine *e, struct device *d, struct path **ret_path,
                              struct line **ret_line, nsec now)
{
        struct list *node = list_first(&d->pinned);
        struct slot *s = node ? LIST_ENTRY(node, struct slot, node) : NULL;

        *ret_line = NULL;
        if (s) {
                *ret_path = s->path;
                return s;
        }
        if (d->state != DEVICE_UP)
                return NULL;
        node = list_first(&d->resend);
        s = node ? LIST_ENTRY(node, struct slot, node) : NULL;
        *ret_path = emit_path(e, d, s, ret_line, now);
        if (!*ret_path)
                return NULL;
        if (!s)
                return command_next(e, d, *ret_path, ret_line, now);
        if (!slot_is_write(s) || copy_has_room(e))
                return s;
        *ret_line = &e->line_copies;
        return NULL;
}

/* Transmits what the windows of d allow, at most tx_max frames. *ret_line: there is more, but it
 * must wait in that line; else NULL. */
static size_t emit_device(struct engine *e, struct device *d, struct tx *tx, size_t tx_max,
                          struct line **ret_line, nsec now)
{
        struct path *p;
        struct slot *s;
        size_t n = 0;

        *ret_line = NULL;
        while (n < tx_max && (s = emit_next(e, d, &p, ret_line, now))) {
                slot_send(e, s, p, &tx[n++], now);
                if (slot_is_slow(s)) {
                        d->query_at = nsec_min(d->query_at, nsec_add(now, DEVICE_STALE_AFTER));
                        device_arm(e, d);
                } else {
                        device_on_ask(e, d, now);
                }
                path_arm(e, p);
        }
        return n;
}

/* d had its turn: to the end of the queue, in a line, or out. */
static void emit_put_back(struct engine *e, struct device *d, struct line *line, bool is_more)
{
        struct line *called = d->called;

        d->called = NULL;
        list_del(&d->run); /* what became ready meanwhile was considered */
        if (line)
                line_join(line, d);
        else if (is_more)
                device_run(e, d);
        if (called && called != line)
                line_call(e, called, 1); /* d needs nothing of it, or there was enough */
}

static struct device *emit_next_device(struct engine *e)
{
        struct list *node = list_pop(&e->called);

        if (!node)
                node = list_pop(&e->run);
        return node ? LIST_ENTRY(node, struct device, run) : NULL;
}

size_t engine_emit(struct engine *e, struct tx *tx, size_t tx_max, nsec now)
{
        size_t n = discover_emit(e, tx, tx_max);
        struct device *d;

        /* Fronts have memory of the same arena, and do not say when they give it back. */
        line_call(e, &e->line_memory, 1);
        while (n < tx_max && (d = emit_next_device(e))) {
                size_t most = d->called ? EMIT_QUANTUM_CALLED : EMIT_QUANTUM;
                size_t room = tx_max - n < most ? tx_max - n : most;
                struct line *line;
                size_t sent = emit_device(e, d, tx + n, room, &line, now);

                n += sent;
                emit_put_back(e, d, line, sent == room);
        }
        return n;
}

void engine_unsent(struct engine *e, const struct tx *tx, size_t n, nsec now)
{
        (void)now;
        while (n-- > 0) {
                e->counters.frames_sent -= tx[n].cause == SLOT_DISCOVERY;
                if (tx[n].cause != SLOT_DISCOVERY)
                        slot_unsend(e, &e->slots[tx[n].cause]);
        }
}
