/* SPDX-License-Identifier: MIT */
#include "engine/device.h"

#include "engine/core.h"

/* The reason of a device that is UP. Reasons are compared as pointers. */
static const char device_well[] = "";

/* ---- the table ---- */

/* Place of addr in the sorted table, or where it would go. */
static unsigned device_place(const struct engine *e, aoe_addr addr)
{
        unsigned low = 0, high = e->device_count;

        while (low < high) {
                unsigned middle = (low + high) / 2;

                if (e->sorted[middle]->addr < addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct device *device_find(const struct engine *e, aoe_addr addr)
{
        unsigned place = device_place(e, addr);

        if (place == e->device_count || e->sorted[place]->addr != addr)
                return NULL;
        return e->sorted[place];
}

struct device *device_take(struct engine *e, aoe_addr addr, nsec now)
{
        unsigned place = device_place(e, addr);
        struct device *d;

        if (place < e->device_count && e->sorted[place]->addr == addr)
                return e->sorted[place];
        d = pool_get(&e->devices);
        if (!d)
                return NULL;
        *d = (struct device){
                .addr = addr,
                .state = DEVICE_NEW,
                .reason = "not identified yet",
                .heard_at = now,
                .silent_at = NSEC_NEVER,
                .query_at = nsec_add(now, DEVICE_ASK_EVERY),
                .state_since = now,
                .ticket_next = 1,
        };
        list_init(&d->run);
        list_init(&d->noticed);
        list_init(&d->paths);
        list_init(&d->ready);
        list_init(&d->hungry);
        list_init(&d->flushes);
        list_init(&d->open);
        list_init(&d->resend);
        list_init(&d->pinned);
        list_init(&d->sequence);
        timer_init(&d->timer, TIMER_DEVICE);
        range_set_init(&d->order, prng_next(&e->dice));
        memmove(&e->sorted[place + 1], &e->sorted[place],
                (e->device_count - place) * sizeof(struct device *));
        e->sorted[place] = d;
        e->device_count++;
        device_arm(e, d);
        return d;
}

void device_free(struct engine *e, struct device *d)
{
        unsigned place = device_place(e, d->addr);
        struct list *node;

        CHECK(e->sorted[place] == d);
        CHECK(list_is_empty(&d->open) && list_is_empty(&d->resend));
        CHECK(list_is_empty(&d->pinned));
        CHECK(d->copies == 0 && d->in_flight == 0);
        line_leave(d); /* it may wait for a station, which goes with its last path */
        if (d->called)
                line_call(e, d->called, 1); /* it will not have its turn */
        while ((node = list_first(&d->paths)))
                path_free(e, LIST_ENTRY(node, struct path, node));
        heap_set(&e->timers, &d->timer.node, NSEC_NEVER);
        list_del(&d->run);
        list_del(&d->noticed);
        e->device_count--;
        memmove(&e->sorted[place], &e->sorted[place + 1],
                (e->device_count - place) * sizeof(struct device *));
        pool_put(&e->devices, d);
}

void device_notice(struct engine *e, struct device *d, unsigned changes)
{
        d->changes |= changes;
        if (!list_is_linked(&d->noticed))
                list_add_tail(&e->events, &d->noticed);
}

void device_run(struct engine *e, struct device *d)
{
        line_leave(d);
        if (!list_is_linked(&d->run))
                list_add_tail(&e->run, &d->run);
}

bool device_is_wanted(const struct device *d)
{
        return d->holders > 0 || d->open_count > 0;
}

/* ---- states ---- */

static void device_finish_all(struct engine *e, struct device *d, enum request_status status,
                              bool interrupted_only, nsec now)
{
        LIST_FOREACH_SAFE (node, &d->open) {
                struct request *rq = LIST_ENTRY(node, struct request, open);

                if (!interrupted_only || rq->interrupted)
                        request_finish(e, rq, status, now);
        }
}

/* No request command may be on the wire to a disk that must be compared first. */
void device_suspect_paths(struct engine *e, struct device *d, nsec now)
{
        LIST_FOREACH (node, &d->paths) {
                struct path *p = LIST_ENTRY(node, struct path, node);

                if (p->state == PATH_UP)
                        path_enter(e, p, PATH_NEW, now);
        }
}

void device_enter(struct engine *e, struct device *d, enum device_state next, const char *reason,
                  nsec now)
{
        if (d->state == next && d->reason != reason)
                device_notice(e, d, EVENT_STATE); /* it is known better now */
        d->reason = reason;
        if (d->state == next)
                return;
        d->state = (uint8_t)next;
        d->state_since = now;
        d->query_at = next == DEVICE_UP ? NSEC_NEVER : now;
        d->asks = 0;
        d->parked = false;
        device_notice(e, d, EVENT_STATE);
        switch (next) {
        case DEVICE_NEW: break;
        case DEVICE_UP:
                d->silent_at = NSEC_NEVER;
                discover_settle_wants(e, d->addr, REQUEST_OK);
                device_run(e, d);
                break;
        case DEVICE_STALE:
                device_suspect_paths(e, d, now);
                device_finish_all(e, d, REQUEST_CANCELLED, true, now);
                break;
        case DEVICE_DOWN:
                device_finish_all(e, d, REQUEST_TIMEOUT, e->options.loss_waits, now);
                break;
        case DEVICE_SWAPPED:
                device_suspect_paths(e, d, now);
                device_finish_all(e, d, REQUEST_SWAPPED, false, now);
                break;
        }
        device_arm(e, d);
}

static bool device_has_path(const struct engine *e, const struct device *d, bool up_only)
{
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);

                if (p->state == PATH_UP)
                        return true;
                if (!up_only && p->state != PATH_DUPLICATE && e->links[p->link].info.running)
                        return true;
        }
        return false;
}

void device_on_paths(struct engine *e, struct device *d, nsec now)
{
        if (d->state == DEVICE_UP && !device_has_path(e, d, false))
                device_enter(e, d, DEVICE_STALE, "the link is down", now);
}

void device_on_ask(struct engine *e, struct device *d, nsec now)
{
        if (d->silent_at != NSEC_NEVER)
                return;
        d->silent_at = nsec_add(now, DEVICE_STALE_AFTER);
        timer_want(&e->timers, &d->timer, d->silent_at);
}

void device_on_heard(struct engine *e, struct device *d, nsec now)
{
        d->heard_at = now;
        d->asks = 0;
        d->silent_at = NSEC_NEVER;
        if (d->in_flight > 0)
                device_on_ask(e, d, now);
}

/* ---- identity ---- */

static void device_adopt(struct engine *e, struct device *d, struct path *p,
                         const struct ata_identity *identity, nsec now)
{
        d->identity = *identity;
        d->identified = true;
        d->flush_form = identity->lba48 ? FLUSH_FORM_EXT : FLUSH_FORM_SHORT;
        d->flush_class = FLUSH_UNKNOWN;
        d->refused = d->trim_refused = false;
        path_enter(e, p, PATH_UP, now);
        device_notice(e, d, EVENT_APPEARED | EVENT_SIZE);
        device_enter(e, d, DEVICE_UP, device_well, now);
}

static void device_resize(struct engine *e, struct device *d, uint64_t sectors)
{
        if (d->identity.sectors == sectors)
                return;
        d->identity.sectors = sectors;
        device_notice(e, d, EVENT_SIZE);
}

/*
 * IDENTIFY over p tells of another disk. Was p one of ours, then all others must prove themselves
 * before they carry anything: either they are strangers by now too, or p is.
 */
static void device_on_stranger(struct engine *e, struct device *d, struct path *p,
                               const char *reason, nsec now)
{
        bool others = p->state != PATH_UP && device_has_path(e, d, true);

        if (p->verified && !others) {
                device_enter(e, d, DEVICE_SWAPPED, reason, now);
                path_ask(e, p, nsec_add(now, PATH_ASK_IDLE_EVERY));
                return;
        }
        if (p->verified) {
                device_suspect_paths(e, d, now);
                p->verified = false;
                path_ask(e, p, nsec_add(now, PATH_ASK_EVERY));
                return;
        }
        /* A second target with this address: it gets no I/O (aoe.md 1.3). */
        d->duplicate = true;
        memcpy(d->duplicate_mac, p->mac, sizeof d->duplicate_mac);
        path_enter(e, p, PATH_DUPLICATE, now);
        device_notice(e, d, EVENT_DUPLICATE);
}

/*
 * Why the disk that answered over p is not ours; NULL: it is. A disk that is watched may grow and
 * shrink. After silence or a restart a smaller one is another disk; so is one of any other size
 * that turns up beside a path that is up.
 */
static const char *device_doubt(const struct engine *e, const struct device *d,
                                const struct path *p, const struct ata_identity *identity)
{
        bool established = p->state == PATH_UP;

        if (!ata_identity_is_same(&d->identity, identity) || d->identity.lba48 != identity->lba48)
                return "another disk answers at this address";
        if (established || identity->sectors == d->identity.sectors)
                return NULL;
        if (device_has_path(e, d, true))
                return "its paths lead to disks of different size";
        return identity->sectors > d->identity.sectors ? NULL : "the disk has become smaller";
}

void device_on_identity(struct engine *e, struct device *d, struct path *p,
                        const struct ata_identity *identity, nsec now)
{
        const char *doubt;

        if (!d->identified) {
                device_adopt(e, d, p, identity, now);
                return;
        }
        doubt = device_doubt(e, d, p, identity);
        if (doubt) {
                device_on_stranger(e, d, p, doubt, now);
                return;
        }
        device_resize(e, d, identity->sectors);
        path_enter(e, p, PATH_UP, now);
        device_enter(e, d, DEVICE_UP, device_well, now);
}

/* ---- time ---- */

static void device_ask(struct engine *e, struct device *d, nsec now)
{
        discover_ask(e, d->addr);
        d->asks++;
        d->silent_at = nsec_add(now, DEVICE_ASK_EVERY);
}

static void device_tick_up(struct engine *e, struct device *d, nsec now)
{
        if (d->query_at <= now) {
                d->query_at = NSEC_NEVER;
                device_ask(e, d, now); /* a FLUSH is out, which may take long: does it live? */
        }
        if (d->silent_at > now)
                return;
        if (d->in_flight > 0 || d->asks >= DEVICE_ASKS_MAX)
                device_enter(e, d, DEVICE_STALE, "no answer", now);
        else
                device_ask(e, d, now); /* idle: one lost broadcast is no silence */
}

/* Requests of a device that is silent for long hold no slots and no memory: others need them. */
static void device_park(struct engine *e, struct device *d, nsec now)
{
        d->parked = true;
        LIST_FOREACH_SAFE (node, &d->open)
                command_restart(e, LIST_ENTRY(node, struct request, open), now);
}

/* Nobody holds it, nothing of it is out, and it has been silent for long enough. */
static bool device_is_forgotten(const struct device *d, nsec now)
{
        nsec age = nsec_since(now, d->state_since);

        if (d->gone || device_is_wanted(d) || d->copies > 0 || d->in_flight > 0 ||
            d->state == DEVICE_SWAPPED)
                return false;
        if (d->state == DEVICE_NEW) /* it may talk, but not say who it is */
                return age >= DEVICE_NEW_AFTER;
        return age >= DEVICE_FORGET_AFTER && nsec_since(now, d->heard_at) >= DEVICE_FORGET_AFTER;
}

/* Its place in the table is given up when the layers above have heard of it (device_bury). */
static void device_forget(struct engine *e, struct device *d)
{
        LIST_FOREACH (node, &d->paths) {
                struct path *p = LIST_ENTRY(node, struct path, node);

                path_drop_asking(e, p);
                p->ask_at = p->payload.again_at = NSEC_NEVER;
        }
        d->gone = true;
        d->query_at = NSEC_NEVER;
        heap_set(&e->timers, &d->timer.node, NSEC_NEVER);
        if (!d->identified) {
                discover_settle_wants(e, d->addr, REQUEST_NO_DEVICE);
                d->changes = 0; /* it was never shown: nobody needs to hear that it is gone */
        }
        device_notice(e, d, d->identified ? EVENT_GONE : 0);
}

void device_revive(struct engine *e, struct device *d, nsec now)
{
        if (!d->gone)
                return;
        d->gone = false;
        d->changes &= ~(unsigned)EVENT_GONE;
        d->state_since = now;
        d->query_at = nsec_add(now, DEVICE_ASK_EVERY);
        device_arm(e, d);
}

/* Not UP: ask, give up waiting, forget. */
static void device_tick_silent(struct engine *e, struct device *d, nsec now)
{
        bool new = d->state == DEVICE_NEW;

        if (device_is_forgotten(d, now)) {
                device_forget(e, d);
                return;
        }
        if (!new && !d->parked && nsec_since(now, d->state_since) >= DEVICE_PARK_AFTER)
                device_park(e, d, now);
        if (d->state == DEVICE_STALE && nsec_since(now, d->heard_at) >= e->options.timeout)
                device_enter(e, d, DEVICE_DOWN, "no answer within the timeout", now);
        if (d->query_at > now)
                return;
        if (!new)
                discover_ask(e, d->addr);
        d->query_at = nsec_add(now, device_is_wanted(d) ? DEVICE_ASK_EVERY : DEVICE_ASK_IDLE_EVERY);
}

void device_tick(struct engine *e, struct device *d, nsec now)
{
        struct list *node;

        while ((node = list_first(&d->open))) {
                struct request *rq = LIST_ENTRY(node, struct request, open);

                if (rq->deadline > now)
                        break;
                request_finish(e, rq, REQUEST_TIMEOUT, now);
        }
        if (d->gone)
                return;
        if (d->state == DEVICE_UP)
                device_tick_up(e, d, now);
        if (d->state != DEVICE_UP)
                device_tick_silent(e, d, now);
        device_arm(e, d);
}

nsec device_deadline(const struct engine *e, const struct device *d)
{
        struct list *oldest = list_first(&d->open);
        nsec at = d->query_at;

        if (d->gone)
                return NSEC_NEVER;
        if (oldest)
                at = nsec_min(at, LIST_ENTRY(oldest, struct request, open)->deadline);
        if (d->state == DEVICE_UP)
                return nsec_min(at, d->silent_at);
        if (d->state == DEVICE_STALE)
                at = nsec_min(at, nsec_add(d->heard_at, e->options.timeout));
        if (!d->parked && d->state != DEVICE_NEW)
                at = nsec_min(at, nsec_add(d->state_since, DEVICE_PARK_AFTER));
        return at;
}

void device_arm(struct engine *e, struct device *d)
{
        timer_want(&e->timers, &d->timer, device_deadline(e, d));
}

void device_check(const struct engine *e, const struct device *d)
{
        unsigned open = 0, copies = 0, paths = 0, in_flight = 0;
        uint64_t ticket = 0;

        LIST_FOREACH (node, &d->open) {
                const struct request *rq = LIST_ENTRY(node, struct request, open);

                CHECK(rq->status == REQUEST_PENDING && rq->device == d);
                CHECK(rq->stage != STAGE_BLOCKED || list_is_empty(&rq->slots));
                CHECK(rq->lba_next <= rq->lba_end);
                open++;
        }
        CHECK(open == d->open_count);
        LIST_FOREACH (node, &d->sequence) {
                const struct order_node *n = LIST_ENTRY(node, struct order_node, sequence);

                CHECK(n->ticket >= ticket);
                ticket = n->ticket;
                copies += !n->request;
        }
        CHECK(copies <= d->copies);
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);

                path_check(e, p);
                in_flight += p->in_flight_count;
                LIST_FOREACH (flush, &p->slow)
                        in_flight--;
                paths++;
        }
        CHECK(paths == d->path_count);
        CHECK(in_flight == d->in_flight);
        CHECK(in_flight == 0 || d->silent_at != NSEC_NEVER || d->state != DEVICE_UP);
        CHECK(d->gone || d->timer.node.at <= nsec_add(device_deadline(e, d), ENGINE_GRAIN));
}
