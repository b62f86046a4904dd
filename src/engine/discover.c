/* SPDX-License-Identifier: MIT */
#include "engine/discover.h"

#include "engine/core.h"

/* ---- queries ---- */

static void discover_queue(struct engine *e, unsigned link, aoe_addr addr)
{
        struct discover *dc = &e->discover;
        struct query *q;

        /* Full: the schedule asks again, and whoever waits has a timer of his own. */
        if (dc->query_count == DISCOVER_QUERIES_MAX)
                return;
        q = &dc->queries[(dc->query_head + dc->query_count++) % DISCOVER_QUERIES_MAX];
        q->link = link;
        q->addr = addr;
}

void discover_ask(struct engine *e, aoe_addr addr)
{
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (e->links[i].info.running)
                        discover_queue(e, i, addr);
}

static void query_build(struct engine *e, struct query *q)
{
        struct aoe_header h = {
                .dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                .version = 1,
                .shelf = aoe_addr_shelf(q->addr),
                .slot = aoe_addr_slot(q->addr),
                .command = AOE_COMMAND_CONFIG,
                .tag = engine_tag(e, SLOT_DISCOVERY, e->discover.seq++),
        };
        struct aoe_config c = {.command = AOE_CONFIG_READ};

        memcpy(h.src, e->links[q->link].info.mac, sizeof h.src);
        memset(q->header, 0, sizeof q->header);
        aoe_build_header(q->header, &h);
        aoe_build_config(q->header, &c);
}

size_t discover_emit(struct engine *e, struct tx *tx, size_t tx_max)
{
        struct discover *dc = &e->discover;
        size_t n = 0;

        while (n < tx_max && dc->query_count > 0) {
                struct query *q = &dc->queries[dc->query_head];

                dc->query_head = (dc->query_head + 1) % DISCOVER_QUERIES_MAX;
                dc->query_count--;
                if (!e->links[q->link].info.running)
                        continue;
                query_build(e, q);
                tx[n++] = (struct tx){
                        .link = q->link,
                        .header = q->header,
                        .header_bytes = sizeof q->header,
                        .cause = SLOT_DISCOVERY,
                };
                e->counters.queries_sent++;
                e->counters.frames_sent++;
        }
        return n;
}

/* ---- schedule ---- */

nsec discover_deadline(const struct engine *e)
{
        nsec at = NSEC_NEVER;

        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                at = nsec_min(at, e->links[i].query_at);
        for (unsigned i = 0; i < ENGINE_WANTS_MAX; i++)
                if (e->discover.wants[i].tries > 0)
                        at = nsec_min(at, e->discover.wants[i].next_at);
        return at;
}

static void discover_arm(struct engine *e)
{
        timer_want(&e->timers, &e->discover.timer, discover_deadline(e));
}

void discover_init(struct engine *e)
{
        timer_init(&e->discover.timer, TIMER_DISCOVER);
        e->discover.started_at = NSEC_NEVER;
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++) {
                e->links[i].query_at = NSEC_NEVER;
                line_init(&e->links[i].line);
        }
        for (unsigned i = 0; i < ENGINE_WANTS_MAX; i++)
                list_init(&e->discover.wants[i].lookups);
}

void discover_on_link(struct engine *e, unsigned link, nsec now)
{
        struct link_state *l = &e->links[link];

        l->rounds = 0;
        l->query_at = l->info.running ? now : NSEC_NEVER;
        if (l->info.running && e->discover.started_at == NSEC_NEVER)
                e->discover.started_at = now;
        discover_arm(e);
}

void discover_now(struct engine *e, nsec now)
{
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (e->links[i].info.running)
                        discover_on_link(e, i, now);
}

/* A broadcast asks every device; whoever stays silent is asked by name (device_tick). */
static void discover_round(struct engine *e, unsigned link, nsec now)
{
        struct link_state *l = &e->links[link];

        discover_queue(e, link, AOE_ADDR_ALL);
        if (l->rounds < DISCOVER_ROUNDS_FAST) {
                l->query_at = nsec_add(now, DISCOVER_FAST_EVERY << l->rounds++);
                return;
        }
        /* Hosts that started together shall not go on asking together. */
        l->query_at = nsec_add(now, DISCOVER_EVERY + prng_below(&e->dice, DISCOVER_EVERY / 10));
        for (unsigned i = 0; i < e->device_count; i++)
                if (e->sorted[i]->state == DEVICE_UP)
                        device_on_ask(e, e->sorted[i], now);
}

/* ---- wants: names that somebody looks up ---- */

static struct want *want_find(struct engine *e, aoe_addr addr, bool or_free)
{
        struct want *free = NULL;

        for (unsigned i = 0; i < ENGINE_WANTS_MAX; i++) {
                struct want *w = &e->discover.wants[i];

                if (w->tries > 0 && w->addr == addr)
                        return w;
                if (w->tries == 0 && !free)
                        free = w;
        }
        return or_free ? free : NULL;
}

bool discover_want(struct engine *e, struct request *rq, nsec now)
{
        struct want *w = want_find(e, rq->addr, true);

        if (!w)
                return false;
        if (w->tries == 0) {
                w->addr = rq->addr;
                w->tries = 1;
                w->next_at = nsec_add(now, DISCOVER_WANT_EVERY);
                discover_ask(e, rq->addr);
        }
        list_add_tail(&w->lookups, &rq->node);
        discover_arm(e);
        return true;
}

static void want_end(struct engine *e, struct want *w, enum request_status status)
{
        struct list *node;

        w->tries = 0;
        while ((node = list_first(&w->lookups)))
                request_finish(e, LIST_ENTRY(node, struct request, node), status, 0);
}

void discover_settle_wants(struct engine *e, aoe_addr addr, enum request_status status)
{
        struct want *w = want_find(e, addr, false);

        if (w)
                want_end(e, w, status);
}

void discover_unwant(struct engine *e, struct request *rq)
{
        struct want *w = want_find(e, rq->addr, false);

        list_del(&rq->node);
        if (w && list_is_empty(&w->lookups))
                w->tries = 0;
}

static void want_tick(struct engine *e, struct want *w, nsec now)
{
        struct device *d = device_find(e, w->addr);
        bool heard = d && !d->gone;

        /* Whoever was heard of gets longer, but it may never tell who it is. */
        if (w->tries >= (heard ? DISCOVER_WANT_TRIES_HEARD : DISCOVER_WANT_TRIES)) {
                want_end(e, w, REQUEST_NO_DEVICE);
                return;
        }
        if (!heard)
                discover_ask(e, w->addr);
        w->tries++;
        w->next_at = nsec_add(now, DISCOVER_WANT_EVERY);
}

void discover_tick(struct engine *e, nsec now)
{
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (e->links[i].query_at <= now)
                        discover_round(e, i, now);
        for (unsigned i = 0; i < ENGINE_WANTS_MAX; i++)
                if (e->discover.wants[i].tries > 0 && e->discover.wants[i].next_at <= now)
                        want_tick(e, &e->discover.wants[i], now);
        discover_arm(e);
}

/* ---- what comes back ---- */

static void discover_keep_config(struct engine *e, struct device *d, const struct aoe_config *c)
{
        d->buffers = c->buffers;
        d->firmware = c->firmware;
        d->sectors_target = c->sectors;
        if (d->config_bytes == c->string_bytes &&
            memcmp(d->config, c->string, c->string_bytes) == 0)
                return;
        memcpy(d->config, c->string, c->string_bytes);
        d->config_bytes = c->string_bytes;
        device_notice(e, d, EVENT_CONFIG);
}

/* A beacon of a path in use: the target has started anew, perhaps with another disk. */
static void discover_on_beacon(struct engine *e, struct path *p, nsec now)
{
        if (p->state != PATH_UP)
                return;
        if (p->beacon_at != NSEC_NEVER && nsec_since(now, p->beacon_at) < PATH_BEACON_EVERY)
                return;
        p->beacon_at = now;
        device_notice(e, p->device, EVENT_RESTARTED);
        device_suspect_paths(e, p->device, now); /* its other ports may have been heard by nobody */
}

enum drop discover_on_config(struct engine *e, unsigned link, const struct aoe_header *h,
                             const struct aoe_config *c, nsec now)
{
        aoe_addr addr = aoe_addr_make(h->shelf, h->slot);
        struct device *d;
        struct path *p;

        if (h->shelf == AOE_SHELF_ALL || h->slot == AOE_SLOT_ALL)
                return DROP_ADDRESS;
        if (h->flags & AOE_FLAG_ERROR)
                return DROP_COMMAND;
        if (h->src[0] & 1 || memcmp(h->src, e->links[link].info.mac, sizeof h->src) == 0)
                return DROP_MAC;
        if (e->options.is_allowed && !e->options.is_allowed(e->options.allowed_arg, addr))
                return DROP_DENIED;
        d = device_take(e, addr, now);
        if (!d)
                return DROP_LIMIT;
        device_revive(e, d, now);
        p = path_find(d, link, h->src);
        if (!p)
                p = path_take(e, d, link, h->src, now);
        if (!p)
                return DROP_LIMIT;
        if (p->state != PATH_DUPLICATE) {
                discover_keep_config(e, d, c);
                path_on_config(e, p, c->buffers, c->sectors, now);
        }
        if (h->tag == 0)
                discover_on_beacon(e, p, now);
        if (p->verified && p->state != PATH_DUPLICATE)
                device_on_heard(e, d, now);
        if (d->state == DEVICE_STALE && p->verified && p->asks_lost >= DISCOVER_ASKS_LOST_MAX)
                device_enter(e, d, DEVICE_STALE, DISCOVER_DENIED, now);
        if (p->state == PATH_NEW || p->state == PATH_DEAD ||
            (p->state == PATH_UP && nsec_since(now, p->compared_at) >= PATH_COMPARE_EVERY))
                path_ask(e, p, now);
        return DROP_NONE;
}
