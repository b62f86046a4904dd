/* SPDX-License-Identifier: MIT */
#include "engine/linger.h"

#include "engine/core.h"

bool copy_has_room(const struct engine *e)
{
        return e->copies.used < e->copies.count;
}

struct copy *copy_take(struct engine *e, struct slot *s)
{
        struct copy *c = pool_get(&e->copies);

        CHECK(c);
        *c = (struct copy){
                .device = s->device,
                .path = s->path,
                .serial = s->last.serial,
                .sent_at = s->last.at,
                .seq = s->seq,
                .state = COPY_OUT,
                .order.range = {.first = s->lba, .end = s->lba + s->sectors_sent},
        };
        list_init(&c->node);
        list_init(&c->by_slot);
        list_init(&c->owner);
        list_init(&c->order.sequence);
        list_add_tail(&s->copies, &c->by_slot);
        list_add_tail(&s->request->copies, &c->owner);
        s->device->copies++;
        return c;
}

void copy_free(struct engine *e, struct copy *c)
{
        struct device *d = c->device;

        list_del(&c->node);
        list_del(&c->by_slot);
        list_del(&c->owner);
        CHECK(d->copies > 0);
        d->copies--;
        if (c->ordered)
                order_leave(e, d, &c->order);
        pool_put(&e->copies, c);
        line_call(e, &e->line_copies, 1);
}

/* How long after the proof a straggler may still arrive. */
static nsec linger_hold(const struct engine *e, const struct path *p)
{
        return nsec_min(nsec_max(LINGER_HOLD_MIN, 2 * p->loss.overtaking_max), e->linger_max);
}

static void copy_prove(struct engine *e, struct copy *c, nsec overtaken_at)
{
        struct path *p = c->path;
        struct copy *last =
                list_is_empty(&p->proven) ? NULL : LIST_ENTRY(p->proven.prev, struct copy, node);

        list_del(&c->node);
        c->state = COPY_PROVEN;
        c->overtaken_at = overtaken_at;
        c->due = overtaken_at + linger_hold(e, p);
        if (last && c->due < last->due)
                c->due = last->due;
        list_add_tail(&p->proven, &c->node);
        path_arm(e, p);
}

void copy_abandon(struct engine *e, struct copy *c, nsec overtaken_at, nsec now)
{
        struct path *p = c->path;
        struct list *at = &p->unproven;

        CHECK(c->state == COPY_OUT);
        if (c->serial + 1 < p->loss.serial_answered) {
                copy_prove(e, c, nsec_min(overtaken_at, now));
                return;
        }
        c->state = COPY_UNPROVEN;
        /* Losses are found in order of sending, so the place is at or near the end. */
        while (at->prev != &p->unproven &&
               LIST_ENTRY(at->prev, struct copy, node)->serial > c->serial)
                at = at->prev;
        list_insert_before(at, &c->node);
        path_arm(e, p);
}

struct copy *copy_find(struct slot *s, uint16_t seq)
{
        LIST_FOREACH (node, &s->copies) {
                struct copy *c = LIST_ENTRY(node, struct copy, by_slot);

                if (c->seq == seq)
                        return c;
        }
        return NULL;
}

void copy_on_answer(struct engine *e, struct copy *c, nsec now)
{
        struct path *p = c->path;
        nsec age = nsec_since(now, c->sent_at);

        if (c->state == COPY_PROVEN)
                p->loss.overtaking_max =
                        nsec_max(p->loss.overtaking_max, nsec_since(now, c->overtaken_at));
        if (age > e->linger_max / 2 && e->linger_max < e->options.linger_max
                                                               << LINGER_DOUBLINGS_MAX)
                e->linger_max *= 2;
        copy_free(e, c);
}

void linger_on_answer(struct engine *e, struct path *p, uint64_t serial, nsec now)
{
        struct list *node;

        while ((node = list_first(&p->unproven))) {
                struct copy *c = LIST_ENTRY(node, struct copy, node);

                if (c->serial >= serial)
                        break;
                copy_prove(e, c, now);
        }
}

void linger_expire(struct engine *e, struct path *p, nsec now)
{
        struct list *node;

        while ((node = list_first(&p->proven))) {
                struct copy *c = LIST_ENTRY(node, struct copy, node);

                if (c->due > now)
                        break;
                copy_free(e, c);
        }
        while ((node = list_first(&p->unproven))) {
                struct copy *c = LIST_ENTRY(node, struct copy, node);

                if (nsec_add(c->sent_at, e->linger_max) > now)
                        break;
                copy_free(e, c);
        }
}

nsec linger_deadline(const struct engine *e, const struct path *p)
{
        struct list *proven = list_first(&p->proven), *unproven = list_first(&p->unproven);
        nsec at = NSEC_NEVER;

        if (proven)
                at = LIST_ENTRY(proven, struct copy, node)->due;
        if (unproven)
                at = nsec_min(at, nsec_add(LIST_ENTRY(unproven, struct copy, node)->sent_at,
                                           e->linger_max));
        return at;
}

void linger_inherit(struct engine *e, struct request *rq)
{
        struct list *node;

        while ((node = list_pop(&rq->copies))) {
                struct copy *c = LIST_ENTRY(node, struct copy, owner);

                order_inherit(rq->device, c, rq);
                c->ordered = true;
                e->counters.copies_lingered++;
        }
}
