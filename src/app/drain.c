/* SPDX-License-Identifier: MIT */
#include "app/drain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define DRAIN_FAIL_EVERY  (200 * NSEC_MS)
#define DRAIN_RETRY_EVERY NSEC_MS /* the engine was full */

/* ---- which devices are dirty ---- */

/* The entry of addr, else one to be used for it, else NULL. An entry is given to another device
 * only when it is clean and the search saw the whole table, so that no device has two. */
static struct drain_entry *drain_entry_find(struct drain *d, aoe_addr addr)
{
        unsigned first = addr * 2654435761u;
        struct drain_entry *clean = NULL;

        for (unsigned i = 0; i < DRAIN_TABLE; i++) {
                struct drain_entry *en = &d->table[(first + i) % DRAIN_TABLE];

                if (!en->used || en->addr == addr)
                        return en;
                if (en->written_next == 0)
                        clean = en;
        }
        return clean;
}

void drain_on_done(struct drain *d, const struct request *rq)
{
        struct drain_entry *en;

        if (rq->status != REQUEST_OK || (!request_is_write(rq) && rq->op != REQUEST_FLUSH))
                return;
        en = drain_entry_find(d, rq->addr);
        if (request_is_write(rq)) {
                if (!en) {
                        d->overflow = true;
                        return;
                }
                if (!en->used || en->addr != rq->addr)
                        *en = (struct drain_entry){.addr = rq->addr, .used = true};
                if (en->written_next <= rq->order.ticket)
                        en->written_next = rq->order.ticket + 1;
        } else if (en && en->used && en->addr == rq->addr) {
                /* A flush covers the writes that came before it. */
                if (en->written_next <= rq->order.ticket)
                        en->written_next = 0;
        }
}

/* ---- flushes ---- */

static int drain_error_of(enum request_status s)
{
        switch (s) {
        case REQUEST_OK: return 0;
        case REQUEST_SWAPPED: return -ESTALE;
        case REQUEST_RESERVED: return -EBUSY;
        case REQUEST_PENDING:
        case REQUEST_ERROR:
        case REQUEST_TIMEOUT:
        case REQUEST_NO_DEVICE:
        case REQUEST_RANGE:
        case REQUEST_CANCELLED:
        case REQUEST_NO_MEMORY:
        case REQUEST_UNSUPPORTED: return -EIO;
        }
        return -EIO;
}

static void drain_fail(struct drain *d, aoe_addr addr, int error, const char *why)
{
        char name[AOE_NAME_BYTES];

        if (d->error)
                return;
        d->error = error;
        aoe_addr_format(addr, name);
        snprintf(d->text, sizeof(d->text), "%s: what was written is not flushed: %s", name, why);
}

static void drain_complete(struct front *f, struct request *rq, nsec now)
{
        struct drain *d = (struct drain *)(void *)((char *)f - offsetof(struct drain, front));
        struct drain_flush *fl = rq->user;

        (void)now;
        if (rq->status != REQUEST_OK)
                drain_fail(d, rq->addr, drain_error_of(rq->status),
                           request_status_name(rq->status));
        engine_release(d->engine, rq);
        list_add_tail(&d->flushes_free, &fl->node);
        CHECK(d->out > 0);
        d->out--;
}

static const struct front_ops drain_front_ops = {.complete = drain_complete};

void drain_init(struct drain *d, struct engine *e)
{
        *d = (struct drain){
                .engine = e,
                .front = {.ops = &drain_front_ops, .fd = -1},
                .step_at = NSEC_NEVER,
                .fail_at = NSEC_NEVER,
        };
        list_init(&d->flushes_free);
        for (unsigned i = 0; i < DRAIN_FLUSHES_MAX; i++) {
                d->flushes[i].base.front = &d->front;
                list_init(&d->flushes[i].node);
                list_add_tail(&d->flushes_free, &d->flushes[i].node);
        }
}

/* false: not now. */
static bool drain_flush_one(struct drain *d, aoe_addr addr, nsec now)
{
        struct list *node = list_pop(&d->flushes_free);
        struct drain_flush *fl;

        if (!node)
                return false;
        fl = LIST_ENTRY(node, struct drain_flush, node);
        fl->rq = (struct request){.op = REQUEST_FLUSH, .addr = addr, .user = fl};
        if (!engine_submit(d->engine, &fl->rq, now)) {
                list_add_head(&d->flushes_free, &fl->node);
                d->step_at = nsec_add(now, DRAIN_RETRY_EVERY);
                return false;
        }
        d->out++;
        return true;
}

/* true: all flushes of this round are out and back. */
static bool drain_flush(struct drain *d, nsec now)
{
        while (d->idx < DRAIN_TABLE) {
                struct drain_entry *en = &d->table[d->idx];

                if (en->used && en->written_next > 0 && !drain_flush_one(d, en->addr, now))
                        return false;
                d->idx++;
        }
        if (d->out > 0)
                return false;
        if (d->overflow && !d->error) {
                d->error = -ENOBUFS;
                snprintf(d->text, sizeof(d->text),
                         "more devices were written than are kept track "
                         "of: some may not be flushed");
        }
        return true;
}

/* ---- the order of the end ---- */

static void drain_enter(struct drain *d, enum drain_phase next)
{
        switch (next) {
        case DRAIN_IDLE:
                CHECK(d->out == 0);
                d->fail_at = NSEC_NEVER;
                break;
        case DRAIN_STOPPING: CHECK(!d->sync); break;
        case DRAIN_FLUSHING: d->idx = 0; break;
        case DRAIN_LINGERING: CHECK(!d->sync); break;
        }
        d->phase = next;
}

void drain_begin(struct drain *d, bool sync, bool force, nsec now)
{
        bool was_sync = d->phase == DRAIN_FLUSHING && d->sync;

        if (d->phase == DRAIN_IDLE) {
                d->force = force;
                d->sync = sync;
                d->error = 0;
                d->text[0] = 0;
                drain_enter(d, sync ? DRAIN_FLUSHING : DRAIN_STOPPING);
        } else {
                d->force = d->force || force;
                d->sync = d->sync && sync;
                if (was_sync && !d->sync) {
                        d->error = 0; /* what failed so far is tried again */
                        d->text[0] = 0;
                        drain_enter(d, DRAIN_STOPPING);
                }
        }
        if (!d->sync || d->force)
                d->fail_at = now;
        d->step_at = now;
}

bool drain_step(struct drain *d, unsigned fronts_open, nsec now)
{
        if (d->phase == DRAIN_IDLE)
                return false;
        if (d->step_at <= now)
                d->step_at = NSEC_NEVER;
        if (d->fail_at <= now) {
                engine_fail_silent(d->engine, now);
                d->fail_at = nsec_add(now, DRAIN_FAIL_EVERY);
        }
        if (d->phase == DRAIN_STOPPING && fronts_open == 0)
                drain_enter(d, DRAIN_FLUSHING);
        if (d->phase == DRAIN_FLUSHING && drain_flush(d, now)) {
                if (d->sync) {
                        drain_enter(d, DRAIN_IDLE);
                        return true;
                }
                drain_enter(d, DRAIN_LINGERING);
        }
        if (d->phase == DRAIN_LINGERING && engine_is_quiet(d->engine)) {
                drain_enter(d, DRAIN_IDLE);
                return true;
        }
        return false;
}

nsec drain_deadline(const struct drain *d)
{
        return d->phase == DRAIN_IDLE ? NSEC_NEVER : nsec_min(d->step_at, d->fail_at);
}
