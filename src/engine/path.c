/* SPDX-License-Identifier: MIT */
#include "engine/path.h"

#include "engine/core.h"

#define PATH_WINDOW_START 8

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
        };
        memcpy(p->mac, mac, sizeof p->mac);
        timer_init(&p->timer, TIMER_PATH);
        list_init(&p->node);
        list_init(&p->slow);
        list_init(&p->unproven);
        list_init(&p->proven);
        loss_init(&p->loss);
        payload_init(&p->payload);
        cc_init(&p->cc, PATH_WINDOW_START, e->options.window_max);
        p->station = station_take(e, link, mac);
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
        CHECK(list_is_empty(&p->loss.in_flight) && list_is_empty(&p->slow));
        CHECK(list_is_empty(&p->unproven) && list_is_empty(&p->proven));
        CHECK(!p->asking);
        station_put(e, p->station);
        heap_set(&e->timers, &p->timer.node, NSEC_NEVER);
        list_del(&p->node);
        p->device->path_count--;
        pool_put(&e->paths, p);
}

/* What is out on the path goes to the others, or waits for its return. */
static void path_give_up(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->loss.in_flight)
                slot_requeue(e, LIST_ENTRY(node, struct slot, node), AGAIN_MOVED, now);
        LIST_FOREACH_SAFE (node, &p->slow)
                slot_requeue(e, LIST_ENTRY(node, struct slot, node), AGAIN_MOVED, now);
}

static void path_go_up(struct engine *e, struct path *p, nsec now)
{
        bool verified = p->verified;

        p->ask_at = NSEC_NEVER;
        p->rtt.backoff = 0;
        p->suspect = false;
        p->verified = true;
        payload_on_up(e, p, verified, now);
        device_run(e, p->device);
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
                payload_on_down(p);
        }
        switch (next) {
        case PATH_NEW: path_ask(e, p, now); break;
        case PATH_UP: path_go_up(e, p, now); break;
        case PATH_DEAD: path_ask(e, p, nsec_add(now, PATH_ASK_EVERY)); break;
        case PATH_DUPLICATE: path_ask(e, p, nsec_add(now, PATH_STRANGER_EVERY)); break;
        }
        device_notice(e, p->device, EVENT_PATHS);
        device_on_paths(e, p->device, now);
        path_arm(e, p);
}

void path_on_config(struct engine *e, struct path *p, uint16_t buffers, uint8_t sectors, nsec now)
{
        uint32_t cap = buffers > 0 ? buffers : 1; /* 0 and 1: one at a time (aoe.md 2.3) */

        cc_set_cap(&p->cc, cap < e->options.window_max ? cap : e->options.window_max);
        p->payload.sectors_target = sectors;
        payload_on_offer(e, p, now);
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
        payload_on_offer(e, p, now);
        if (p->state == PATH_DEAD)
                path_enter(e, p, PATH_NEW, now);
}

/* ---- choice ---- */

/* What the paths of a device are measured by: the largest payload of the healthy ones, and the
 * shortest RTT of those that come near to it; so there is always one that is worth it. */
struct path_best {
        uint32_t sectors; /* 0: all are suspect, and any must do */
        nsec rtt;         /* 0: none measured */
};

static bool path_is_healthy(const struct path *p)
{
        return p->state == PATH_UP && !p->suspect;
}

static bool path_is_small(const struct path *p, const struct path_best *best)
{
        return p->payload.sectors * PATH_SMALL_FACTOR <= best->sectors;
}

static struct path_best path_best_of(const struct device *d)
{
        struct path_best best = {0};

        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);

                if (path_is_healthy(p) && p->payload.sectors > best.sectors)
                        best.sectors = p->payload.sectors;
        }
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);
                nsec rtt = p->rtt.smoothed;

                if (path_is_healthy(p) && !path_is_small(p, &best) && rtt > 0 &&
                    (best.rtt == 0 || rtt < best.rtt))
                        best.rtt = rtt;
        }
        return best;
}

/* One slow or small path must not drag the others: a request ends with its last frame. */
static bool path_is_worth(struct engine *e, struct path *p, const struct path_best *best, nsec now)
{
        if (best->sectors == 0)
                return p->state == PATH_UP;
        if (!path_is_healthy(p) || path_is_small(p, best))
                return false;
        if (p->rtt.smoothed <= PATH_SLOW_FACTOR * best->rtt + PATH_SLOW_MIN)
                return true;
        path_ask(e, p, nsec_add(now, PATH_SLOW_EVERY));
        return false;
}

bool path_link_has_room(const struct engine *e, const struct path *p, uint32_t cost)
{
        const struct link_state *l = &e->links[p->link];

        return l->info.receive_bytes == 0 || l->in_flight_bytes == 0 ||
               l->in_flight_bytes + cost <= l->info.receive_bytes;
}

/* What p has to wait for beside its own window; NULL: for nothing. */
static struct line *path_line(struct engine *e, const struct path *p)
{
        if (!station_has_room(p->station))
                return &p->station->line;
        if (!path_link_has_room(e, p, slot_read_cost(p->payload.sectors)))
                return &e->links[p->link].line;
        return NULL;
}

struct path *path_pick(struct engine *e, struct device *d, struct line **ret_line, nsec now)
{
        struct path_best worth = path_best_of(d);
        struct path *best = NULL;
        unsigned best_free = 0;

        *ret_line = NULL;
        LIST_FOREACH (node, &d->paths) {
                struct path *p = LIST_ENTRY(node, struct path, node);
                unsigned window = cc_window(&p->cc), used = p->in_flight_count;
                struct line *line;

                if (!list_is_empty(&p->loss.in_flight))
                        used += p->loss.probes; /* else they are lost, too */
                if (used >= window || window - used <= best_free ||
                    !path_is_worth(e, p, &worth, now))
                        continue;
                line = path_line(e, p);
                if (line) {
                        *ret_line = line;
                        continue;
                }
                best = p;
                best_free = window - used;
        }
        if (best)
                *ret_line = NULL;
        return best;
}

/* ---- health ---- */

static bool path_has_healthy_sibling(const struct path *p)
{
        LIST_FOREACH (node, &p->device->paths) {
                const struct path *other = LIST_ENTRY(node, struct path, node);

                if (other != p && path_is_healthy(other))
                        return true;
        }
        return false;
}

void path_on_heard(struct engine *e, struct path *p, nsec now)
{
        p->rtt.backoff = 0;
        p->asks_lost = 0;
        p->loss.heard_at = now;
        if (p->suspect || p->loss.probes > 0)
                device_run(e, p->device); /* the probes' places are free */
        p->loss.probes = 0;
        p->suspect = false;
        path_arm(e, p); /* without back-off the deadline comes forward */
}

void path_on_expiry(struct engine *e, struct path *p, nsec now)
{
        bool was_suspect = p->suspect;

        p->suspect = true;
        if (path_has_healthy_sibling(p)) {
                if (p->rtt.backoff >= PATH_SILENCES_MAX)
                        path_enter(e, p, PATH_DEAD, now);
                else if (!was_suspect)
                        path_ask(e, p, now);
        } else if (p->rtt.backoff >= PATH_EXPIRIES_MAX) {
                payload_doubt(e, p, now);
        }
}

/* FLUSH and TRIM take as long as it takes: sent again at leisure, and not for ever where all else
 * is answered. */
static void path_tick_slow(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->slow) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (nsec_add(s->last.at, DEVICE_FLUSH_EVERY) > now)
                        break;
                if (nsec_since(now, s->first_at) >= DEVICE_FLUSH_SILENT &&
                    nsec_since(now, p->device->heard_at) < DEVICE_FLUSH_SILENT / 2)
                        refusal_on_silence(e, s, now);
                else
                        slot_requeue(e, s, AGAIN_MOVED, now);
        }
}

/* ---- IDENTIFY and probes ---- */

void path_drop_asking(struct engine *e, struct path *p)
{
        if (p->asking)
                slot_free(e, p->asking);
        p->asking = NULL;
}

void path_drop_trial(struct engine *e, struct path *p)
{
        if (p->asking && p->asking->kind != SLOT_IDENTIFY)
                path_drop_asking(e, p);
}

void path_ask(struct engine *e, struct path *p, nsec at)
{
        if (!p->asking || p->asking->kind != SLOT_IDENTIFY)
                p->ask_at = nsec_min(p->ask_at, at);
        path_arm(e, p); /* the wait for an answer that is out may have become shorter */
}

/* Longer each time: nobody is helped by fifty questions a second to a dead target. */
static nsec path_ask_wait(const struct path *p)
{
        unsigned lost = p->asking->kind == SLOT_IDENTIFY ? p->asks_lost : p->payload.trials;
        unsigned shift = lost < PATH_ASK_SHIFT_MAX ? lost : PATH_ASK_SHIFT_MAX;

        return nsec_min(nsec_max(rtt_rto(&p->rtt), PATH_ASK_WAIT_MIN) << shift, PATH_ASK_WAIT_MAX);
}

/* What is due to be asked first: who it is, then how much it carries. */
static bool path_next_ask(struct engine *e, struct path *p, enum slot_kind *ret, nsec now)
{
        if (p->ask_at <= now) {
                p->ask_at = NSEC_NEVER;
                *ret = SLOT_IDENTIFY;
                return true;
        }
        if (p->payload.again_at > now || p->state != PATH_UP)
                return false;
        switch (payload_next(e, p, now)) {
        case PAYLOAD_TRIAL_NONE: return false;
        case PAYLOAD_TRIAL_OUT: *ret = SLOT_PROBE_OUT; return true;
        case PAYLOAD_TRIAL_BACK: *ret = SLOT_PROBE_BACK; return true;
        }
        CHECK(!"a trial");
        return false;
}

static void path_send_ask(struct engine *e, struct path *p, nsec now)
{
        enum slot_kind kind;
        struct slot *s;

        if (!e->links[p->link].info.running) {
                p->ask_at = p->payload.again_at = NSEC_NEVER; /* path_on_link asks again */
                return;
        }
        if (!path_next_ask(e, p, &kind, now))
                return;
        s = slot_take(e, kind, p->device);
        if (!s) {
                nsec *again = kind == SLOT_IDENTIFY ? &p->ask_at : &p->payload.again_at;

                *again = nsec_add(now, PATH_ASK_WAIT_MIN);
                return;
        }
        s->path = p;
        s->sectors = kind == SLOT_PROBE_BACK ? p->payload.trial_sectors : 1;
        s->sectors_sent = s->sectors;
        p->asking = s;
        list_add_tail(&p->device->pinned, &s->node);
        device_run(e, p->device);
}

/* An IDENTIFY was lost, or refused: when is it asked again? */
static void path_ask_again(struct engine *e, struct path *p, enum payload_answer answer, nsec now)
{
        bool soon = p->state == PATH_UP || (p->state == PATH_NEW && device_is_wanted(p->device));

        if (answer == PAYLOAD_ANSWER_LOST && p->asks_lost < PATH_ASK_SHIFT_MAX)
                p->asks_lost++;
        if (p->state == PATH_UP && answer == PAYLOAD_ANSWER_REFUSED)
                return; /* it answers, which is what was to be known */
        if (p->state == PATH_UP && p->suspect && p->asks_lost >= PATH_SILENCES_MAX &&
            path_has_healthy_sibling(p)) {
                path_enter(e, p, PATH_DEAD, now);
                return;
        }
        path_ask(e, p, nsec_add(now, soon ? 0 : PATH_ASK_IDLE_EVERY));
}

void path_on_asked(struct engine *e, struct path *p, struct slot *s, enum payload_answer answer,
                   nsec now)
{
        enum slot_kind kind = s->kind;

        CHECK(p->asking == s);
        p->asking = NULL;
        slot_free(e, s);
        if (kind != SLOT_IDENTIFY)
                payload_on_trial(e, p, answer, now);
        else if (answer == PAYLOAD_ANSWER_GOOD)
                p->compared_at = now;
        else
                path_ask_again(e, p, answer, now);
        path_arm(e, p); /* the other question may have waited for this one */
}

/* ---- time ---- */

static bool path_is_waiting(const struct path *p)
{
        return p->asking && p->asking->state == SLOT_SENT;
}

void path_tick(struct engine *e, struct path *p, nsec now)
{
        loss_tick(e, p, now);
        path_tick_slow(e, p, now);
        linger_expire(e, p, now);
        if (path_is_waiting(p) && nsec_add(p->asking->last.at, path_ask_wait(p)) <= now)
                path_on_asked(e, p, p->asking, PAYLOAD_ANSWER_LOST, now);
        if (!p->asking && nsec_min(p->ask_at, p->payload.again_at) <= now)
                path_send_ask(e, p, now);
}

nsec path_deadline(const struct engine *e, const struct path *p)
{
        struct list *slow = list_first(&p->slow);
        nsec at = nsec_min(linger_deadline(e, p), loss_deadline(p));

        if (slow)
                at = nsec_min(at, nsec_add(LIST_ENTRY(slow, struct slot, node)->last.at,
                                           DEVICE_FLUSH_EVERY));
        if (!p->asking)
                return nsec_min(at, nsec_min(p->ask_at, p->payload.again_at));
        if (path_is_waiting(p))
                at = nsec_min(at, nsec_add(p->asking->last.at, path_ask_wait(p)));
        return at;
}

void path_arm(struct engine *e, struct path *p)
{
        timer_want(&e->timers, &p->timer, path_deadline(e, p));
}

void path_check(const struct engine *e, const struct path *p)
{
        unsigned in_flight = 0;

        loss_check(p);
        LIST_FOREACH (node, &p->loss.in_flight)
                in_flight++;
        LIST_FOREACH (node, &p->slow) {
                CHECK(slot_is_slow(LIST_ENTRY(node, struct slot, node)));
                in_flight++;
        }
        CHECK(in_flight == p->in_flight_count);
        CHECK(in_flight == 0 || p->state == PATH_UP);
        CHECK(!p->asking || slot_is_pinned(p->asking));
        CHECK(p->payload.sectors <= p->payload.offer || !p->verified);
        CHECK(p->timer.node.at <= nsec_add(path_deadline(e, p), ENGINE_GRAIN));
        LIST_FOREACH (node, &p->unproven)
                CHECK(LIST_ENTRY(node, struct copy, node)->state == COPY_UNPROVEN);
}
