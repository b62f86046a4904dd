/* SPDX-License-Identifier: MIT */
#include "engine/path.h"

#include "engine/core.h"

#define PATH_SECTORS_MAX 255 /* the count is a byte */

/* ---- payload ---- */

static uint32_t path_offer(const struct engine *e, const struct path *p)
{
        uint32_t mtu = e->links[p->link].info.mtu, room = e->options.frames->room_bytes;
        uint32_t sectors = p->sectors_target ? p->sectors_target : AOE_SECTORS_DEFAULT;
        uint32_t by_mtu = mtu > AOE_ATA_BYTES ? (mtu - AOE_ATA_BYTES) / AOE_SECTOR_BYTES : 0;
        uint32_t by_room = (room - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;
        uint32_t by_user = e->options.payload_max / AOE_SECTOR_BYTES;

        /* Everybody counts the 14 Ethernet bytes against the MTU, and some targets drop what is
         * longer (aoe.md 1.5): not cleverer than that. */
        sectors = sectors < by_mtu ? sectors : by_mtu;
        sectors = sectors < by_room ? sectors : by_room;
        if (by_user > 0 && sectors > by_user)
                sectors = by_user;
        if (sectors > PATH_SECTORS_MAX)
                sectors = PATH_SECTORS_MAX;
        return sectors > 0 ? sectors : 1;
}

static void path_set_sectors(struct engine *e, struct path *p, uint32_t sectors)
{
        if (p->sectors == sectors)
                return;
        p->sectors = sectors;
        device_notice(e, p->device, EVENT_PAYLOAD);
        device_run(e, p->device);
}

static void path_drop_asking(struct engine *e, struct path *p)
{
        if (p->asking)
                slot_free(e, p->asking);
        p->asking = NULL;
}

/* Begins to verify the offered payload, or stops a verification that has become pointless. */
static void path_probe(struct engine *e, struct path *p, nsec now)
{
        uint64_t disk = p->device->identity.sectors;

        if (p->asking && p->asking->kind != SLOT_IDENTIFY)
                path_drop_asking(e, p); /* its answer would speak for another payload */
        p->sectors_trial = p->sectors_offer;
        if (disk < p->sectors_trial)
                p->sectors_trial = (uint32_t)disk;
        p->trials = 0;
        p->probe = p->sectors_trial > p->sectors ? PROBE_OUT : PROBE_NONE;
        if (p->probe != PROBE_NONE)
                path_ask(e, p, now);
        path_arm(e,
                 p); /* with no trials behind it, an IDENTIFY that is out is waited for less long */
}

/* Frames in flight that are too large now will not arrive: send their contents in smaller ones. */
static void path_resplit(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->in_flight) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (s->sectors_sent > p->sectors)
                        slot_requeue(e, s, now);
        }
}

void path_shrink(struct engine *e, struct path *p, uint32_t sectors, nsec now)
{
        if (sectors >= p->sectors)
                return;
        path_set_sectors(e, p, sectors);
        path_resplit(e, p, now);
        if (p->probe == PROBE_NONE)
                path_ask(e, p, nsec_add(now, PATH_PROBE_AGAIN));
}

static void path_set_offer(struct engine *e, struct path *p, nsec now)
{
        uint32_t offer = path_offer(e, p);

        if (offer == p->sectors_offer)
                return;
        p->sectors_offer = offer;
        if (offer < p->sectors)
                path_shrink(e, p, offer, now);
        if (p->state == PATH_UP)
                path_probe(e, p, now);
}

/* ---- life ---- */

struct path *path_take(struct engine *e, struct device *d, unsigned link, const uint8_t mac[6],
                       nsec now)
{
        struct path *p;

        if (d->path_count == DEVICE_PATHS_MAX)
                return NULL;
        p = pool_get(&e->paths);
        if (!p)
                return NULL;
        *p = (struct path){
                .device = d,
                .link = link,
                .state = PATH_NEW,
                .ask_at = NSEC_NEVER,
                .beacon_at = NSEC_NEVER,
                .sectors = 1,
                .reorder = PATH_REORDER_MIN,
        };
        memcpy(p->mac, mac, sizeof p->mac);
        timer_init(&p->timer, TIMER_PATH);
        list_init(&p->node);
        list_init(&p->in_flight);
        list_init(&p->slow);
        list_init(&p->unproven);
        list_init(&p->proven);
        cc_init(&p->cc, 1);
        list_add_tail(&d->paths, &p->node);
        d->path_count++;
        path_on_link(e, p, now);
        path_ask(e, p, now);
        return p;
}

struct path *path_find(const struct device *d, unsigned link, const uint8_t mac[6])
{
        LIST_FOREACH (node, &d->paths) {
                struct path *p = LIST_ENTRY(node, struct path, node);

                if (p->link == link && memcmp(p->mac, mac, sizeof p->mac) == 0)
                        return p;
        }
        return NULL;
}

void path_free(struct engine *e, struct path *p)
{
        CHECK(list_is_empty(&p->in_flight) && list_is_empty(&p->slow));
        CHECK(list_is_empty(&p->unproven) && list_is_empty(&p->proven));
        CHECK(!p->asking);
        heap_set(&e->timers, &p->timer.node, NSEC_NEVER);
        list_del(&p->node);
        p->device->path_count--;
        pool_put(&e->paths, p);
}

/* What is out on the path goes to the others, or waits for its return. */
static void path_give_up(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->in_flight)
                slot_requeue(e, LIST_ENTRY(node, struct slot, node), now);
        LIST_FOREACH_SAFE (node, &p->slow)
                slot_requeue(e, LIST_ENTRY(node, struct slot, node), now);
}

void path_enter(struct engine *e, struct path *p, enum path_state next, nsec now)
{
        enum path_state last = p->state;

        if (last == next)
                return;
        p->state = (uint8_t)next;
        if (last == PATH_UP) {
                path_drop_asking(e, p);
                path_give_up(e, p, now);
                p->probe = PROBE_NONE;
        }
        switch (next) {
        case PATH_NEW: path_ask(e, p, now); break;
        case PATH_UP:
                p->ask_at = NSEC_NEVER;
                p->rtt.backoff = 0;
                if (!p->verified)
                        p->sectors = p->sectors_offer < PATH_SECTORS_SAFE ? p->sectors_offer
                                                                          : PATH_SECTORS_SAFE;
                p->verified = true;
                path_probe(e, p, now);
                device_run(e, p->device);
                break;
        case PATH_DEAD: path_ask(e, p, nsec_add(now, PATH_ASK_EVERY)); break;
        case PATH_DUPLICATE: path_ask(e, p, nsec_add(now, PATH_PROBE_AGAIN)); break;
        }
        device_notice(e, p->device, EVENT_PATHS);
        device_on_paths(e, p->device, now);
        path_arm(e, p);
}

void path_on_config(struct engine *e, struct path *p, uint16_t buffers, uint8_t sectors, nsec now)
{
        uint32_t cap = buffers > 0 ? buffers : 1; /* 0 and 1: one at a time (aoe.md 2.3) */

        cc_set_cap(&p->cc, cap < e->options.window_max ? cap : e->options.window_max);
        p->sectors_target = sectors;
        path_set_offer(e, p, now);
}

void path_on_link(struct engine *e, struct path *p, nsec now)
{
        const struct link_info *link = &e->links[p->link].info;
        struct aoe_header h = {
                .version = 1,
                .shelf = aoe_addr_shelf(p->device->addr),
                .slot = aoe_addr_slot(p->device->addr),
                .command = AOE_COMMAND_ATA,
        };

        memcpy(h.dst, p->mac, sizeof h.dst);
        memcpy(h.src, link->mac, sizeof h.src);
        aoe_build_header(p->header, &h);
        if (!link->running) {
                path_drop_asking(e, p);
                path_enter(e, p, PATH_DEAD, now);
                return;
        }
        path_set_offer(e, p, now);
        if (p->state == PATH_DEAD)
                path_enter(e, p, PATH_NEW, now);
}

bool path_link_has_room(const struct engine *e, const struct path *p, uint32_t cost)
{
        const struct link_state *l = &e->links[p->link];

        return l->info.receive_bytes == 0 || l->in_flight_bytes == 0 ||
               l->in_flight_bytes + cost <= l->info.receive_bytes;
}

/* ---- answers and losses ---- */

static void path_lose(struct engine *e, struct path *p, struct slot *s, nsec now)
{
        p->lost++;
        cc_on_loss(&p->cc, s->serial, p->serial_next);
        slot_requeue(e, s, now);
}

void path_on_answer(struct engine *e, struct path *p, uint64_t serial, nsec sent_at, nsec now)
{
        struct list *node;

        p->received++;
        if (sent_at != NSEC_NEVER)
                rtt_sample(&p->rtt, nsec_since(now, sent_at));
        if (serial < p->serial_limited)
                cc_on_answer(&p->cc);
        if (serial + 1 > p->serial_answered)
                p->serial_answered = serial + 1;
        linger_on_answer(e, p, serial, now);
        while ((node = list_first(&p->in_flight))) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (s->serial + p->reorder >= p->serial_answered)
                        break;
                path_lose(e, p, s, now);
        }
        path_arm(e, p); /* a shorter RTT brings the deadline forward */
}

void path_on_spurious(struct engine *e, struct path *p, nsec sent_at, nsec now)
{
        p->received++;
        p->late++;
        if (p->reorder < PATH_REORDER_MAX)
                p->reorder++;
        cc_on_spurious(&p->cc);
        if (sent_at == NSEC_NEVER)
                return;
        nsec took = nsec_since(now, sent_at);

        if (took > p->rtt.smoothed)
                p->reorder_span_max = nsec_max(p->reorder_span_max, took - p->rtt.smoothed);
        rtt_sample(&p->rtt, took);
        path_arm(e, p);
}

static bool path_is_only(const struct path *p)
{
        LIST_FOREACH (node, &p->device->paths) {
                const struct path *other = LIST_ENTRY(node, struct path, node);

                if (other != p && other->state == PATH_UP)
                        return false;
        }
        return true;
}

/* The oldest frame in flight has had its time. */
static void path_expire(struct engine *e, struct path *p, nsec now)
{
        nsec rto = rtt_rto(&p->rtt);
        bool expired = false;
        struct list *node;

        while ((node = list_first(&p->in_flight))) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (nsec_add(s->sent_at, rto) > now)
                        break;
                expired = true;
                path_lose(e, p, s, now);
        }
        if (!expired)
                return;
        rtt_on_expiry(&p->rtt);
        if (p->rtt.backoff >= PATH_EXPIRIES_MAX && !path_is_only(p))
                path_enter(e, p, PATH_DEAD, now);
        else if (p->rtt.backoff >= PATH_EXPIRIES_MAX && p->sectors > PATH_SECTORS_SAFE) {
                /* Large frames may fall into a hole that small ones pass: small ones until the
                 * payload is verified again. */
                path_shrink(e, p, PATH_SECTORS_SAFE, now);
                path_probe(e, p, now);
        }
}

/* FLUSH takes as long as it takes: sent again at leisure, and not for ever where all else is
 * answered. */
static void path_tick_slow(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->slow) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (nsec_add(s->sent_at, DEVICE_FLUSH_EVERY) > now)
                        break;
                if (nsec_since(now, s->first_at) >= DEVICE_FLUSH_SILENT &&
                    nsec_since(now, p->device->heard_at) < DEVICE_FLUSH_SILENT / 2)
                        command_on_flush_silence(e, s, now);
                else
                        slot_requeue(e, s, now);
        }
}

/* ---- IDENTIFY and probes ---- */

void path_ask(struct engine *e, struct path *p, nsec at)
{
        if (!p->asking)
                p->ask_at = nsec_min(p->ask_at, at);
        path_arm(e, p); /* the wait for an answer that is out may have become shorter */
}

/* Longer each time: nobody is helped by fifty questions a second to a dead target. */
static nsec path_ask_wait(const struct path *p)
{
        unsigned shift = p->trials < PATH_ASK_SHIFT_MAX ? p->trials : PATH_ASK_SHIFT_MAX;

        return nsec_min(nsec_max(rtt_rto(&p->rtt), PATH_ASK_WAIT_MIN) << shift, PATH_ASK_WAIT_MAX);
}

static void path_send_ask(struct engine *e, struct path *p, nsec now)
{
        enum slot_kind kind = SLOT_IDENTIFY;
        struct slot *s;

        p->ask_at = NSEC_NEVER;
        if (!e->links[p->link].info.running)
                return;
        if (p->state == PATH_UP && p->probe == PROBE_NONE && p->sectors < p->sectors_offer) {
                path_probe(e, p, now); /* time to try a larger payload again */
                p->ask_at = NSEC_NEVER;
        }
        if (p->state == PATH_UP && p->probe != PROBE_NONE)
                kind = p->probe == PROBE_OUT ? SLOT_PROBE_OUT : SLOT_PROBE_BACK;
        s = slot_take(e, kind, p->device);
        if (!s) {
                p->ask_at = nsec_add(now, PATH_ASK_WAIT_MIN);
                return;
        }
        s->path = p;
        s->sectors = kind == SLOT_PROBE_BACK ? p->sectors_trial : 1;
        s->sectors_sent = s->sectors;
        p->asking = s;
        list_add_tail(&p->device->pinned, &s->node);
        device_run(e, p->device);
}

/* The payload on trial does not get through: half of it, or what we have. */
static void path_trial_down(struct engine *e, struct path *p, nsec now)
{
        p->trials = 0;
        p->sectors_trial /= 2;
        p->probe = p->sectors_trial > p->sectors ? PROBE_OUT : PROBE_NONE;
        path_ask(e, p, p->probe == PROBE_NONE ? nsec_add(now, PATH_PROBE_AGAIN) : now);
}

static void path_on_trial(struct engine *e, struct path *p, enum slot_kind kind,
                          enum path_answer answer, nsec now)
{
        switch (answer) {
        case PATH_ANSWER_GOOD:
                p->trials = 0;
                if (kind == SLOT_PROBE_OUT) {
                        p->probe = PROBE_BACK;
                        path_ask(e, p, now);
                        return;
                }
                p->probe = PROBE_NONE;
                path_set_sectors(e, p, p->sectors_trial);
                if (p->sectors < p->sectors_offer)
                        path_ask(e, p, nsec_add(now, PATH_PROBE_AGAIN));
                return;
        case PATH_ANSWER_LOST:
                if (++p->trials < PATH_TRIALS_MAX)
                        path_ask(e, p, now);
                else
                        path_trial_down(e, p, now);
                return;
        case PATH_ANSWER_REFUSED: path_trial_down(e, p, now); return;
        }
}

void path_on_probe(struct engine *e, struct path *p, struct slot *s, enum path_answer answer,
                   nsec now)
{
        enum slot_kind kind = s->kind;

        CHECK(p->asking == s);
        p->asking = NULL;
        slot_free(e, s);
        if (kind != SLOT_IDENTIFY) {
                if (p->state == PATH_UP && p->probe != PROBE_NONE)
                        path_on_trial(e, p, kind, answer, now);
                return;
        }
        if (answer != PATH_ANSWER_LOST)
                p->trials = 0;
        else if (p->trials < PATH_ASK_SHIFT_MAX)
                p->trials++;
        if (answer == PATH_ANSWER_LOST && p->state == PATH_UP) {
                path_ask(e, p, now); /* it was asked because of a doubt about its size */
        } else if (answer != PATH_ANSWER_GOOD && p->state != PATH_UP) {
                bool soon = p->state == PATH_NEW && device_is_wanted(p->device);

                path_ask(e, p, nsec_add(now, soon ? 0 : PATH_ASK_IDLE_EVERY));
        }
}

/* ---- time ---- */

void path_tick(struct engine *e, struct path *p, nsec now)
{
        struct slot *s = p->asking;

        path_expire(e, p, now);
        path_tick_slow(e, p, now);
        linger_expire(e, p, now);
        if (s && s == p->asking && s->state == SLOT_SENT &&
            nsec_add(s->sent_at, path_ask_wait(p)) <= now)
                path_on_probe(e, p, s, PATH_ANSWER_LOST, now);
        if (!p->asking && p->ask_at <= now)
                path_send_ask(e, p, now);
}

nsec path_deadline(const struct engine *e, const struct path *p)
{
        struct list *oldest = list_first(&p->in_flight), *slow = list_first(&p->slow);
        nsec at = linger_deadline(e, p);

        if (oldest)
                at = nsec_min(at, nsec_add(LIST_ENTRY(oldest, struct slot, node)->sent_at,
                                           rtt_rto(&p->rtt)));
        if (slow)
                at = nsec_min(at, nsec_add(LIST_ENTRY(slow, struct slot, node)->sent_at,
                                           DEVICE_FLUSH_EVERY));
        if (!p->asking)
                return nsec_min(at, p->ask_at);
        if (p->asking->state == SLOT_SENT)
                at = nsec_min(at, nsec_add(p->asking->sent_at, path_ask_wait(p)));
        return at;
}

void path_arm(struct engine *e, struct path *p)
{
        timer_want(&e->timers, &p->timer, path_deadline(e, p));
}

void path_check(const struct engine *e, const struct path *p)
{
        unsigned in_flight = 0;
        uint64_t serial = 0;

        LIST_FOREACH (node, &p->in_flight) {
                const struct slot *s = LIST_ENTRY(node, struct slot, node);

                CHECK(s->state == SLOT_SENT && s->path == p);
                CHECK(in_flight == 0 || s->serial > serial);
                CHECK(s->sectors_sent <= s->sectors);
                CHECK((s->kind == SLOT_WRITE) == (s->copy != NULL));
                serial = s->serial;
                in_flight++;
        }
        LIST_FOREACH (node, &p->slow) {
                CHECK(LIST_ENTRY(node, struct slot, node)->kind == SLOT_FLUSH);
                in_flight++;
        }
        CHECK(in_flight == p->in_flight_count);
        CHECK(in_flight == 0 || p->state == PATH_UP);
        CHECK(!p->asking || slot_is_pinned(p->asking));
        CHECK(p->sectors <= p->sectors_offer || !p->verified);
        CHECK(p->timer.node.at <= nsec_add(path_deadline(e, p), ENGINE_GRAIN));
        LIST_FOREACH (node, &p->unproven)
                CHECK(LIST_ENTRY(node, struct copy, node)->state == COPY_UNPROVEN);
}
