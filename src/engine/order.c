/* SPDX-License-Identifier: MIT */
#include "engine/order.h"

#include "engine/core.h"

static struct order_node *order_of(struct range_node *n)
{
        return LIST_ENTRY(n, struct order_node, range);
}

void order_enter(struct device *d, struct request *rq)
{
        struct range_node *range = &rq->order.range, *n;

        rq->order.ticket = d->ticket_next++;
        rq->order.request = rq;
        rq->blockers = 0;
        for (n = range_overlap_first(&d->order, range->first, range->end); n;
             n = range_overlap_next(n, range->first, range->end))
                rq->blockers++;
        range_insert(&d->order, range);
        list_add_tail(&d->sequence, &rq->order.sequence);
}

void order_enter_flush(struct device *d, struct request *rq)
{
        rq->order.ticket = d->ticket_next++;
        list_add_tail(&d->flushes, &rq->node);
}

void order_inherit(struct device *d, struct copy *c, struct request *rq)
{
        struct range_node *range = &c->order.range, *n;

        CHECK(list_is_linked(&rq->order.sequence));
        c->order.ticket = rq->order.ticket;
        c->order.request = NULL;
        for (n = range_overlap_first(&d->order, range->first, range->end); n;
             n = range_overlap_next(n, range->first, range->end)) {
                struct order_node *later = order_of(n);

                if (later->ticket <= c->order.ticket)
                        continue;
                CHECK(later->request);
                CHECK(later->request->blockers > 0);
                later->request->blockers++;
        }
        range_insert(&d->order, range);
        list_insert_before(&rq->order.sequence, &c->order.sequence);
}

bool order_is_past(const struct device *d, uint64_t ticket)
{
        struct list *oldest = list_first(&d->sequence);

        return !oldest || LIST_ENTRY(oldest, struct order_node, sequence)->ticket > ticket;
}

void order_leave(struct engine *e, struct device *d, struct order_node *n)
{
        struct range_node *range = &n->range, *other;
        struct list *node;

        list_del(&n->sequence);
        range_remove(&d->order, range);
        for (other = range_overlap_first(&d->order, range->first, range->end); other;
             other = range_overlap_next(other, range->first, range->end)) {
                struct order_node *later = order_of(other);

                if (later->ticket <= n->ticket || !later->request)
                        continue;
                CHECK(later->request->blockers > 0);
                if (--later->request->blockers == 0)
                        command_unblock(e, later->request);
        }
        while ((node = list_first(&d->flushes))) {
                struct request *rq = LIST_ENTRY(node, struct request, node);

                if (!order_is_past(d, rq->order.ticket))
                        break;
                command_unblock(e, rq);
        }
}
