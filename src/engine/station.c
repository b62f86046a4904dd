/* SPDX-License-Identifier: MIT */
#include "engine/station.h"

#include "engine/core.h"

static struct list *station_bucket(struct engine *e, const uint8_t mac[6])
{
        return &e->stations[(mac[5] ^ mac[4]) % STATION_BUCKETS];
}

struct station *station_take(struct engine *e, unsigned link, const uint8_t mac[6])
{
        struct list *bucket = station_bucket(e, mac);
        struct station *st;

        LIST_FOREACH (node, bucket) {
                st = LIST_ENTRY(node, struct station, node);
                if (st->link == link && memcmp(st->mac, mac, sizeof st->mac) == 0) {
                        st->paths++;
                        return st;
                }
        }
        st = pool_get(&e->station_pool);
        CHECK(st);
        *st = (struct station){.link = link, .paths = 1};
        memcpy(st->mac, mac, sizeof st->mac);
        list_init(&st->node);
        line_init(&st->line);
        cc_init(&st->cc, STATION_WINDOW_START, e->options.station_max);
        list_add_tail(bucket, &st->node);
        return st;
}

void station_put(struct engine *e, struct station *st)
{
        CHECK(st->paths > 0);
        if (--st->paths > 0)
                return;
        CHECK(st->in_flight == 0 && st->busy == 0);
        CHECK(list_is_empty(&st->line.waiting));
        list_del(&st->node);
        pool_put(&e->station_pool, st);
}

void station_enter(struct station *st, bool first)
{
        st->in_flight++;
        st->busy += first;
        /* Half is enough: its paths' windows, of other devices, may be what holds it back. */
        cc_on_send(&st->cc, st->in_flight, 2 * st->in_flight >= cc_window(&st->cc));
}

void station_leave(struct engine *e, struct station *st, bool last)
{
        unsigned window = cc_window(&st->cc);

        CHECK(st->in_flight > 0 && st->busy >= last);
        st->in_flight--;
        st->busy -= last;
        if (st->in_flight < window)
                line_call(e, &st->line, window - st->in_flight);
}

/* What is left of it is not counted any more, but the answer was one of several that were. */
static uint32_t station_weight(const struct station *st)
{
        return st->busy > 0 ? st->busy : 1;
}

void station_on_answer(struct station *st)
{
        cc_on_answer(&st->cc, station_weight(st));
}

void station_on_loss(struct station *st)
{
        cc_cut(&st->cc, station_weight(st));
}

void station_on_spurious(struct station *st)
{
        cc_on_spurious(&st->cc);
}
