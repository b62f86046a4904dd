/* SPDX-License-Identifier: MIT */
/*
 * The order matters: frames are taken in before the clock is looked at, so that a reply in the
 * batch beats its timer; sending comes after new requests were taken, completions last.
 *
 * Invariants: `now` is the turn's one reading of the clock. A turn that completed a request, met a
 * limit or changed a front is followed by another one without sleep; any other sleeps until the
 * engine's deadline, a descriptor, or a command.
 */
#include "app/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/shard_state.h"
#include "app/words.h"
#include "base/check.h"

/* What one turn does at most of each. */
#define TURN_COMMANDS_MAX  16
#define TURN_FRAMES_MAX    512
#define TURN_REQUESTS_MAX  64 /* a front */
#define TURN_SENDS_MAX     512
#define TURN_COMPLETES_MAX 256
#define TURN_EVENTS_MAX    64

#define TURN_PRESSURE_WAIT (200 * NSEC_US) /* after ENOBUFS: a full queue takes longer to empty */
#define TURN_PRESSURE_MAX  (50 * NSEC_MS)  /* a queue that takes nothing for so long is dead */
#define TURN_ERROR_WAIT    (100 * NSEC_MS) /* after an error of a socket */
#define TURN_SETTLE_MAX    (500 * NSEC_MS) /* the mount is usable after that at the latest */
#define TURN_SETTLE_EVERY  (5 * NSEC_MS)

static bool turn_is_ready(const struct shard *s, uint64_t key)
{
        for (size_t i = 0; i < s->loop.ready_count; i++)
                if (s->loop.ready[i] == key)
                        return true;
        return false;
}

/* ---- commands of the control thread ---- */

static struct shard_link *turn_link_find(struct shard *s, int ifindex)
{
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (s->links[i].link && s->links[i].ifindex == ifindex)
                        return &s->links[i];
        return NULL;
}

/* The number that an interface of this name had, else one never used, else the longest gone. */
static struct shard_link *turn_link_place(struct shard *s, const char *name)
{
        struct shard_link *best = NULL;

        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++) {
                struct shard_link *l = &s->links[i];

                if (l->link)
                        continue;
                if (l->name[0] && strcmp(l->name, name) == 0)
                        return l;
                if (!best || l->gone_at < best->gone_at)
                        best = l;
        }
        return best;
}

static void turn_link_tell_engine(struct shard *s, struct shard_link *l,
                                  const struct link_info *info, nsec now)
{
        uint32_t mtu_max = s->memory.frames.room_bytes - SHARD_FRAME_EXTRA;

        l->info = *info;
        if (l->info.mtu > mtu_max)
                l->info.mtu = mtu_max;
        engine_link(s->engine, (unsigned)(l - s->links), &l->info, now);
}

static void turn_link_watch(struct shard *s, struct shard_link *l, nsec now)
{
        int r = loop_add(&s->loop, l->link->fd, (uint64_t)(l - s->links));

        l->watched = r == 0;
        l->watch_again = r == 0 ? NSEC_NEVER : nsec_add(now, TURN_ERROR_WAIT);
}

static void turn_link_add(struct shard *s, const struct shard_command *c, nsec now)
{
        struct shard_link *l = turn_link_place(s, c->name);
        char text[80];

        if (!l) {
                snprintf(text, sizeof(text), "%s: not used: %d interfaces are in use already",
                         c->name, ENGINE_LINKS_MAX);
                shard_log(s, LOGGING_WARNING, AOE_ADDR_ALL, text);
                shard_tell(s, &(struct shard_news){.kind = SHARD_LINK_FREE, .link = c->link});
                return;
        }
        *l = (struct shard_link){
                .link = c->link,
                .ifindex = c->ifindex,
                .is_packet = c->is_packet,
                .pressed_since = NSEC_NEVER,
        };
        snprintf(l->name, sizeof(l->name), "%s", c->name);
        turn_link_watch(s, l, now);
        turn_link_tell_engine(s, l, &c->info, now);
}

static void turn_link_change(struct shard *s, const struct shard_command *c, nsec now)
{
        struct shard_link *l = turn_link_find(s, c->ifindex);
        bool was_running;
        char text[80];

        if (!l)
                return;
        was_running = l->info.running;
        snprintf(l->name, sizeof(l->name), "%s", c->name);
        turn_link_tell_engine(s, l, &c->info, now);
        if (was_running == l->info.running)
                return;
        snprintf(text, sizeof(text), "%s: %s", l->name, l->info.running ? "up" : "down");
        shard_log(s, l->info.running ? LOGGING_NOTICE : LOGGING_WARNING, AOE_ADDR_ALL, text);
}

static void turn_link_gone(struct shard *s, int ifindex, nsec now)
{
        struct shard_link *l = turn_link_find(s, ifindex);
        struct link_info info;
        char text[80];

        if (!l)
                return;
        info = l->info;
        info.running = false;
        turn_link_tell_engine(s, l, &info, now);
        snprintf(text, sizeof(text), "%s: the interface is gone", l->name);
        shard_log(s, LOGGING_WARNING, AOE_ADDR_ALL, text);
        if (l->watched)
                loop_del(&s->loop, l->link->fd);
        shard_tell(s, &(struct shard_news){.kind = SHARD_LINK_FREE, .link = l->link});
        l->link = NULL;
        l->watched = false;
        l->watch_again = NSEC_NEVER;
        l->gone_at = s->turns;
}

static void turn_front_unwatch(struct shard *s, struct shard_front *f)
{
        if (f->watched)
                loop_del(&s->loop, f->front->fd);
        f->watched = false;
}

static void turn_stop_fronts(struct shard *s)
{
        s->stopping = true;
        for (unsigned i = 0; i < s->front_count; i++) {
                turn_front_unwatch(s, &s->fronts[i]);
                s->fronts[i].front->ops->stop(s->fronts[i].front);
        }
}

static void turn_attach(struct shard *s, const struct shard_command *c)
{
        struct shard_news n = {.kind = SHARD_ATTACHED, .error = -ENOTSUP};

        for (unsigned i = 0; i < s->front_count && n.error == -ENOTSUP; i++) {
                struct front *f = s->fronts[i].front;

                if (f->ops->attach && !s->stopping)
                        n.error = f->ops->attach(f, c->fd, c->addr, c->force, &n.attached);
        }
        if (n.error)
                close(c->fd);
        shard_tell(s, &n);
}

static void turn_command(struct shard *s, const struct shard_command *c, nsec now)
{
        switch (c->kind) {
        case SHARD_LINK_ADD: turn_link_add(s, c, now); break;
        case SHARD_LINK_CHANGE: turn_link_change(s, c, now); break;
        case SHARD_LINK_GONE: turn_link_gone(s, c->ifindex, now); break;
        case SHARD_SYNC: drain_begin(&s->drain, true, c->force, now); break;
        case SHARD_DRAIN:
                if (!s->stopping)
                        turn_stop_fronts(s);
                drain_begin(&s->drain, false, c->force, now);
                break;
        case SHARD_DISCOVER: engine_discover(s->engine, now); break;
        case SHARD_ATTACH: turn_attach(s, c); break;
        case SHARD_QUIT: s->quit = true; break;
        }
}

static void turn_commands(struct shard *s, nsec now)
{
        struct shard_command c;

        for (unsigned i = 0; i < TURN_COMMANDS_MAX; i++) {
                if (!ring_pop(&s->commands, &c))
                        return;
                turn_command(s, &c, now);
        }
        s->more = true;
}

/* ---- frames in ---- */

static void turn_rx_refill(struct shard *s)
{
        while (s->rx_count < LINK_BATCH_MAX) {
                struct frame *f = frame_get(&s->memory.frames);

                if (!f)
                        return;
                s->rx[s->rx_count++] = f;
        }
}

static void turn_link_failed(struct shard *s, struct shard_link *l, int error, nsec now)
{
        char text[96];

        if (error == -ENETDOWN)
                return; /* told once; whether it is down now comes from netlink */
        snprintf(text, sizeof(text), "%s: receiving failed: %s", l->name, strerrordesc_np(-error));
        shard_log(s, LOGGING_WARNING, AOE_ADDR_ALL, text);
        loop_del(&s->loop, l->link->fd);
        l->watched = false;
        l->watch_again = nsec_add(now, TURN_ERROR_WAIT);
}

/* Returns how many frames came. */
static unsigned turn_receive_batch(struct shard *s, struct shard_link *l, nsec now)
{
        unsigned idx = (unsigned)(l - s->links), kept = 0;
        int n;

        turn_rx_refill(s);
        CHECK(s->rx_count > 0); /* the engine leaves a batch of frames to us */
        n = l->link->ops->receive(l->link, s->rx, s->rx_count);
        if (n < 0) {
                turn_link_failed(s, l, n, now);
                return 0;
        }
        for (unsigned i = 0; i < (unsigned)n; i++)
                if (!engine_input(s->engine, idx, s->rx[i], now))
                        s->rx[kept++] = s->rx[i];
        for (unsigned i = (unsigned)n; i < s->rx_count; i++)
                s->rx[kept++] = s->rx[i];
        s->rx_count = kept;
        return (unsigned)n;
}

/* Links take turns, a batch each, until all are empty or the turn's share is used. */
static void turn_links_receive(struct shard *s, nsec now)
{
        unsigned budget = TURN_FRAMES_MAX, empty[ENGINE_LINKS_MAX] = {0};
        bool any = s->loop.ready_count > 0;

        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                empty[i] = !s->links[i].link || !s->links[i].watched || !turn_is_ready(s, i);
        while (any && budget > 0) {
                any = false;
                for (unsigned i = 0; i < ENGINE_LINKS_MAX && budget > 0; i++) {
                        unsigned idx = (unsigned)((i + s->turns) % ENGINE_LINKS_MAX), n;

                        if (empty[idx])
                                continue;
                        n = turn_receive_batch(s, &s->links[idx], now);
                        empty[idx] = n < LINK_BATCH_MAX;
                        any = any || !empty[idx];
                        budget -= n < budget ? n : budget;
                }
        }
}

static void turn_links_watch(struct shard *s, nsec now)
{
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (s->links[i].link && s->links[i].watch_again <= now)
                        turn_link_watch(s, &s->links[i], now);
}

/* ---- events ---- */

static void turn_event(struct shard *s, const struct event *ev, nsec now)
{
        struct words_source w = {.engine = s->engine, .link_name = s->host.link_name, .arg = s};
        char text[LOGGING_TEXT_BYTES];

        for (unsigned bit = EVENT_APPEARED; bit <= EVENT_PAYLOAD; bit <<= 1) {
                int level;

                if (!(ev->changes & bit))
                        continue;
                level = words_of_change(&w, ev, (enum event_change)bit, text, sizeof(text));
                if (level >= 0)
                        shard_log(s, level, ev->addr, text);
        }
        for (unsigned i = 0; i < s->front_count; i++)
                s->fronts[i].front->ops->on_event(s->fronts[i].front, ev, now);
}

static void turn_events(struct shard *s, nsec now)
{
        struct event ev;

        for (unsigned i = 0; i < TURN_EVENTS_MAX; i++) {
                if (!engine_pop_event(s->engine, &ev))
                        return;
                turn_event(s, &ev, now);
                s->more = true; /* a front may have gone on */
        }
        s->more = true;
}

/* ---- fronts ---- */

static void turn_front(struct shard *s, unsigned idx, nsec now)
{
        struct shard_front *f = &s->fronts[idx];
        bool ready = f->watched && turn_is_ready(s, SHARD_KEY_FRONT + idx);

        /* Without a budget it only looks after what it has: retries, interrupts. */
        f->front->ops->turn(f->front, ready ? TURN_REQUESTS_MAX : 0, now);
        f->served = f->served || ready;
        if (s->stopping || f->ended || f->front->paused) {
                turn_front_unwatch(s, f);
        } else if (!f->watched && f->front->fd >= 0) {
                f->watched = loop_add(&s->loop, f->front->fd, SHARD_KEY_FRONT + idx) == 0;
                s->more = true;
        }
}

static void turn_fronts_poll(struct shard *s, nsec now)
{
        for (unsigned i = 0; i < s->front_count; i++)
                turn_front(s, (unsigned)((i + s->turns) % s->front_count), now);
}

static void turn_complain(struct shard *s, const struct request *rq, nsec now)
{
        char text[LOGGING_TEXT_BYTES];

        if (complaints_on_done(&s->complaints, rq, now, text, sizeof(text)))
                shard_log(s, LOGGING_ERROR, rq->addr, text);
}

static void turn_fronts_complete(struct shard *s, nsec now)
{
        for (unsigned i = 0; i < TURN_COMPLETES_MAX; i++) {
                struct request *rq = engine_pop_done(s->engine);
                struct front_request *base;

                if (!rq)
                        return;
                drain_on_done(&s->drain, rq);
                turn_complain(s, rq, now);
                base = rq->user;
                base->front->ops->complete(base->front, rq, now);
                s->more = true; /* it may have let others go, or ended them at once */
        }
}

static void turn_fronts_send(struct shard *s, nsec now)
{
        for (unsigned i = 0; i < s->front_count; i++) {
                struct front *f = s->fronts[i].front;

                if (f->ops->send && f->ops->send(f, now))
                        s->more = true;
        }
}

static unsigned turn_fronts_open(const struct shard *s)
{
        unsigned count = 0;

        for (unsigned i = 0; i < s->front_count; i++)
                count += s->fronts[i].front->ops->open_count(s->fronts[i].front);
        return count;
}

/* ---- frames out ---- */

/* A run of frames for one link. Returns how many are done with: sent, or lost as on a bad wire. */
static size_t turn_send_run(struct shard_link *l, const struct tx *tx, size_t n, nsec now)
{
        int sent;

        if (!l->link)
                return n;
        if (l->send_after > now)
                return 0;
        sent = l->link->ops->send(l->link, tx, n);
        if (sent < 0)
                return n; /* the interface is down */
        if (sent > 0)
                l->pressed_since = NSEC_NEVER;
        if ((size_t)sent == n)
                return n;
        l->send_after = nsec_add(now, TURN_PRESSURE_WAIT);
        if (l->pressed_since == NSEC_NEVER)
                l->pressed_since = now;
        /* Back-pressure is not loss, but a queue that moves no more is a dead path. */
        return nsec_since(now, l->pressed_since) < TURN_PRESSURE_MAX ? (size_t)sent : n;
}

/* Sends tx[0..n), a link's run at a time; what a link does not take now goes back to the engine,
 * and does not hold up the others. Returns how many left. */
static size_t turn_send_batch(struct shard *s, size_t n, nsec now)
{
        size_t at = 0, kept = 0;

        while (at < n) {
                struct shard_link *l = &s->links[s->tx[at].link];
                size_t run = 1, sent;

                while (at + run < n && s->tx[at + run].link == s->tx[at].link)
                        run++;
                sent = turn_send_run(l, s->tx + at, run, now);
                for (size_t i = sent; i < run; i++)
                        s->tx[kept++] = s->tx[at + i];
                at += run;
        }
        if (kept > 0)
                engine_unsent(s->engine, s->tx, kept, now);
        return n - kept;
}

static void turn_links_send(struct shard *s, nsec now)
{
        size_t budget = TURN_SENDS_MAX;

        while (budget > 0) {
                size_t max = budget < LINK_BATCH_MAX ? budget : LINK_BATCH_MAX;
                size_t n = engine_emit(s->engine, s->tx, max, now);

                if (n == 0 || turn_send_batch(s, n, now) == 0)
                        return;
                budget -= n;
        }
        s->more = true;
}

/* ---- the turn ---- */

static void turn_settle(struct shard *s, nsec now)
{
        bool served = true;

        if (s->settled)
                return;
        for (unsigned i = 0; i < s->front_count; i++)
                served = served && (s->fronts[i].served || s->fronts[i].ended);
        s->settle_at = nsec_add(now, TURN_SETTLE_EVERY);
        if (!served)
                return;
        if (!engine_is_settled(s->engine, now) && nsec_since(now, s->started_at) < TURN_SETTLE_MAX)
                return;
        s->settled = true;
        s->settle_at = NSEC_NEVER;
        for (unsigned i = 0; i < s->front_count; i++)
                if (s->fronts[i].front->ops->on_settled)
                        s->fronts[i].front->ops->on_settled(s->fronts[i].front);
        shard_tell(s, &(struct shard_news){.kind = SHARD_SETTLED});
}

static void turn_drain(struct shard *s, nsec now)
{
        struct shard_news n = {0};

        if (!drain_step(&s->drain, turn_fronts_open(s), now))
                return;
        n.kind = s->drain.sync ? SHARD_SYNCED : SHARD_DRAINED;
        n.error = s->drain.error;
        memcpy(n.text, s->drain.text, sizeof(n.text));
        shard_tell(s, &n);
}

static void turn_wake_others(struct shard *s)
{
        if (s->news_wake && s->options.on_news)
                s->options.on_news(s->options.wake_arg);
        if (s->notice_wake && s->options.on_notice)
                s->options.on_notice(s->options.wake_arg);
        s->news_wake = false;
        s->notice_wake = false;
}

void turn_run(struct shard *s, nsec now)
{
        s->more = false;
        if (s->turns++ == 0)
                s->started_at = now;
        turn_commands(s, now);
        turn_links_watch(s, now);
        turn_links_receive(s, now);
        engine_tick(s->engine, now);
        turn_fronts_poll(s, now);
        turn_drain(s, now);
        turn_links_send(s, now);
        turn_fronts_complete(s, now);
        turn_events(s, now);
        turn_fronts_send(s, now);
        turn_settle(s, now);
        turn_wake_others(s);
}

nsec turn_deadline(const struct shard *s, nsec now)
{
        nsec at = nsec_min(engine_deadline(s->engine), drain_deadline(&s->drain));

        if (s->more)
                return now;
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++) {
                const struct shard_link *l = &s->links[i];

                if (l->link)
                        at = nsec_min(at, l->watch_again);
                if (l->link && l->send_after > now)
                        at = nsec_min(at, l->send_after);
        }
        return nsec_min(at, s->settle_at);
}
