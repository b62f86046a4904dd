/* SPDX-License-Identifier: MIT */
/*
 * Turns come when frames arrive, when the workload has something, or when the engine's deadline
 * has passed; a little late, as a scheduler is, so that frames come in batches.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "host_check.h"
#include "judge.h"
#include "junk.h"
#include "world.h"

#define HOST_LATENCY_MAX  (30 * NSEC_US)
#define HOST_STALL_MAX    (60 * NSEC_MS)
#define HOST_BLOCKED_MAX  (500 * NSEC_US)
#define HOST_EMITS_MAX    8192 /* frames a turn: more is a loop */
#define HOST_TURNS_MAX    5000 /* a virtual millisecond */
#define HOST_IDLE_MAX     40   /* turns of them in which nothing happened: the engine spins */
#define HOST_CHECK_EVERY  64   /* turns: engine_check is slow */
#define HOST_FRAME_ROOM   PACKET_BYTES_MAX
#define HOST_POISON       0xee /* what is given back must not be looked at */
#define HOST_CHARGE_SMALL 2304 /* what the kernel counts for a frame that waits in a socket */
#define HOST_CHARGE_LARGE 17408
#define HOST_SMALL_BYTES  1600

static uint32_t host_charge(const struct packet *p)
{
        return p->bytes > HOST_SMALL_BYTES ? HOST_CHARGE_LARGE : HOST_CHARGE_SMALL;
}

static void *host_alloc(size_t bytes)
{
        void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

        CHECK(p);
        return p;
}

static struct engine_options host_options(struct world *w)
{
        const struct plan *p = &w->plan;

        return (struct engine_options){
                .devices_max = 64,
                .paths_max = 128,
                .slots = p->slots,
                .copies_max = p->copies_max,
                .window_max = p->window_max,
                .station_max = p->station_max,
                .payload_max = p->payload_max,
                .cookie = p->cookie,
                .loss_waits = p->loss_waits,
                .timeout = p->timeout,
                .linger_max = p->linger_max,
                .seed = p->seed,
                .arena = &w->host.arena,
                .frames = &w->host.frames,
                .frames_for_reads = p->frames_for_reads,
        };
}

void host_set_link(struct world *w, unsigned link, bool running, uint32_t mtu)
{
        struct host_link *l = &w->host.links[link];

        l->info = (struct link_info){
                .mac = {2, 0, 0, 0xaa, 0, (uint8_t)link},
                .running = running,
                .mtu = mtu,
                .receive_bytes = w->plan.receive_bytes,
        };
        trace_add(&w->trace, w->now, "link %lu: running %lu, MTU %lu", link, running, mtu, 0);
        engine_link(w->host.engine, link, &l->info, w->now);
        host_wake(w);
}

void host_init(struct world *w)
{
        struct host *h = &w->host;
        const struct plan *p = &w->plan;
        struct engine_options o;
        size_t bytes;

        *h = (struct host){.dice = {.state = p->seed ^ 0x33}, .turn_at = w->now};
        h->region = host_alloc(arena_region_bytes(p->arena_blocks));
        h->meta = host_alloc(arena_meta_bytes(p->arena_blocks));
        arena_init(&h->arena, h->region, h->meta, p->arena_blocks);
        h->frame_block = host_alloc(frame_pool_bytes(HOST_FRAME_ROOM, p->frame_count));
        frame_pool_init(&h->frames, h->frame_block, HOST_FRAME_ROOM, p->frame_count);
        h->tags = calloc(HOST_TAGS, sizeof *h->tags);
        CHECK(h->tags);
        o = host_options(w);
        bytes = engine_size(&o);
        h->block = host_alloc(bytes);
        memset(h->block, HOST_POISON, bytes);
        h->engine = engine_init(h->block, &o, w->now);
        for (unsigned i = 0; i < PLAN_LINKS_MAX; i++)
                list_init(&h->links[i].socket);
        for (unsigned i = 0; i < p->link_count; i++)
                host_set_link(w, i, true, p->link_mtu[i]);
}

void host_fini(struct world *w)
{
        struct host *h = &w->host;

        engine_fini(h->engine);
        free(h->block);
        free(h->region);
        free(h->meta);
        free(h->frame_block);
        free(h->tags);
}

bool host_device_info(struct world *w, unsigned device, struct device_info *ret)
{
        return engine_device_info(w->host.engine, w->plan.devices[device].addr, ret);
}

void host_on_overrun(struct world *w, const struct target_device *d)
{
        struct path_info p;

        /* Stories do things to a link that make a command begin anew while its frames still wait;
         * with two paths a read does. A wild wire bends requests: the target refuses them, and the
         * IDENTIFY that follows stands outside the window. */
        if (w->story || w->plan.is_wild || !plan_is_orderly(&w->plan) ||
            target_of_device(w, d->idx)->port_count > 1)
                return;
        for (unsigned i = 0; i < PLAN_PORTS_MAX; i++) {
                if (engine_path_info(w->host.engine, d->addr, i, &p) && p.lost + p.probed > 0)
                        return; /* sent again before its time: its copy still waits here */
        }
        world_fail(w, "device %u: more frames than its %u buffers", d->idx, d->buffers);
}

/* ---- frames in ---- */

void host_enqueue(struct world *w, struct packet *p)
{
        struct host_link *l = &w->host.links[p->link];

        if (!l->info.running ||
            (w->plan.receive_bytes && l->socket_bytes + host_charge(p) > w->plan.receive_bytes)) {
                trace_add(&w->trace, w->now, "not received: frame %lu", p->id, 0, 0, 0);
                packet_put(&w->packets, p);
                return;
        }
        l->socket_bytes += host_charge(p);
        list_add_tail(&l->socket, &p->node);
        host_wake(w);
}

void host_receive(struct world *w, struct packet *p)
{
        if (p->is_ours)
                junk_beside(w, p);
        host_enqueue(w, p);
}

static uint64_t host_dropped(const struct world *w)
{
        struct engine_counters c;
        uint64_t sum = 0;

        engine_counters(w->host.engine, &c);
        for (unsigned i = 0; i < DROP_COUNT; i++)
                sum += c.frames_dropped[i];
        return sum;
}

/* A frame of a device that the engine does not drop is a sign of life; but not a Query Config, for
 * a path that was never compared may be somebody else's. */
static void host_give(struct world *w, unsigned link, struct frame *f, struct target_device *d,
                      nsec sent_at)
{
        bool is_sign = d && f->data[19] == AOE_COMMAND_ATA;
        uint64_t dropped = host_dropped(w);

        if (!engine_input(w->host.engine, link, f, w->now)) {
                memset(f->data, HOST_POISON, f->bytes);
                frame_put(&w->host.frames, f);
        }
        if (is_sign && host_dropped(w) == dropped)
                w->targets.answered_at[d->idx] = nsec_max(w->targets.answered_at[d->idx], sent_at);
}

/* false: no frame to receive into. */
static bool host_input(struct world *w, struct host_link *l, unsigned link)
{
        struct packet *p = LIST_ENTRY(list_first(&l->socket), struct packet, node);
        struct frame *f = frame_get(&w->host.frames);
        struct target_device *d = NULL;
        nsec sent_at;

        if (!f)
                return false;
        list_del(&p->node);
        l->socket_bytes -= host_charge(p);
        memcpy(f->data, p->data, p->bytes);
        f->bytes = p->bytes;
        if (p->bytes >= AOE_HEADER_BYTES && p->is_ours)
                d = target_find(w, world_addr_of(p));
        if (d && p->data[19] == AOE_COMMAND_CONFIG)
                host_check_config(w, p);
        sent_at = p->sent_at;
        trace_add(&w->trace, w->now, "input: tag %08lx frame %lu, %lu bytes",
                  p->bytes >= 24 ? be32_load(p->data + 20) : 0, p->id, p->bytes, 0);
        packet_put(&w->packets, p);
        host_give(w, link, f, d, sent_at);
        return true;
}

static void host_receive_all(struct world *w)
{
        for (unsigned i = 0; i < w->plan.link_count; i++) {
                struct host_link *l = &w->host.links[i];

                for (unsigned n = 0; n < HOST_BATCH && !list_is_empty(&l->socket); n++) {
                        if (!host_input(w, l, i))
                                return;
                }
        }
}

/* ---- frames out ---- */

static void host_send(struct world *w, const struct tx *tx)
{
        struct packet *p = packet_get(&w->packets, w->now);

        CHECK(tx->link < w->plan.link_count);
        if (tx->header_bytes + tx->payload_bytes > PACKET_BYTES_MAX)
                world_fail(w, "a frame of %u + %u bytes", tx->header_bytes, tx->payload_bytes);
        p->link = tx->link;
        p->bytes = tx->header_bytes + tx->payload_bytes;
        memcpy(p->data, tx->header, tx->header_bytes);
        if (tx->payload_bytes > 0)
                memcpy(p->data + tx->header_bytes, tx->payload, tx->payload_bytes);
        trace_add(&w->trace, w->now, "sent: tag %08lx frame %lu, %lu bytes, command %02lx",
                  be32_load(p->data + 20), p->id, p->bytes, p->data[27]);
        host_check_frame(w, p);
        w->host.frames_sent++;
        junk_reflect(w, p);
        wire_sim_send(w, WIRE_OUT, p);
}

/* Does the kernel refuse to take a frame now? */
static bool host_is_blocked(struct world *w)
{
        struct host *h = &w->host;

        if (h->blocked_until > w->now)
                return true;
        if (w->is_healed || !plan_has(&w->plan, FAULT_BACK_PRESSURE) ||
            prng_below(&h->dice, 200) != 0)
                return false;
        world_count(w, FAULT_BACK_PRESSURE);
        h->blocked_until = w->now + 1 + prng_below(&h->dice, HOST_BLOCKED_MAX);
        return true;
}

static void host_emit(struct world *w)
{
        struct host *h = &w->host;
        struct tx tx[HOST_BATCH];
        unsigned sent = 0;
        size_t n;

        while ((n = engine_emit(h->engine, tx, 1 + prng_below(&h->dice, HOST_BATCH), w->now)) > 0) {
                for (size_t i = 0; i < n; i++) {
                        if (host_is_blocked(w)) {
                                trace_add(&w->trace, w->now, "unsent: %lu frames", n - i, 0, 0, 0);
                                engine_unsent(h->engine, tx + i, n - i, w->now);
                                return;
                        }
                        host_send(w, &tx[i]);
                }
                sent += n;
                if (sent > HOST_EMITS_MAX)
                        world_fail(w, "%u frames in one turn", sent);
        }
}

/* ---- the turn ---- */

static void host_events(struct world *w)
{
        struct device_info info;
        struct event ev;
        unsigned count = 0;

        while (engine_pop_event(w->host.engine, &ev)) {
                struct target_device *d = target_find(w, ev.addr);

                trace_add(&w->trace, w->now, "event: e%lu.%lu changes %lx", ev.addr >> 8,
                          ev.addr & 0xff, ev.changes, 0);
                if (!d && w->plan.is_wild)
                        continue; /* a header was spoilt on the wire */
                if (!d)
                        world_fail(w, "an event of e%u.%u, which is not there", ev.addr >> 8,
                                   ev.addr & 0xff);
                w->host.events_seen[d->idx] |= ev.changes;
                if (ev.changes & EVENT_APPEARED)
                        w->host.is_shown[d->idx] = true;
                if (ev.changes & EVENT_GONE) {
                        w->host.is_shown[d->idx] = false;
                        d->may_change = true;
                }
                if ((ev.changes & EVENT_STATE) && host_device_info(w, d->idx, &info) &&
                    info.state == DEVICE_DOWN)
                        judge_down(w, d->idx);
                if (++count > 1000)
                        world_fail(w, "events without end");
                workload_on_event(w, d->idx, ev.changes);
        }
}

static void host_finish(struct world *w)
{
        struct request *rq;
        unsigned count = 0;

        while ((rq = engine_pop_done(w->host.engine))) {
                if (++count > WORKLOAD_ITEMS)
                        world_fail(w, "more requests finished than were open");
                workload_on_done(w, rq);
        }
}

static void host_count_turn(struct world *w)
{
        struct host *h = &w->host;

        h->turn_count++;
        if (w->now - h->turns_since >= NSEC_MS) {
                h->turns_since = w->now;
                h->turns = h->idle_turns = 0;
        }
        if (++h->turns > HOST_TURNS_MAX)
                world_fail(w, "%u turns in a millisecond", h->turns);
}

static nsec host_latency(struct world *w)
{
        struct host *h = &w->host;

        if (!w->is_healed && plan_has(&w->plan, FAULT_STALL) && prng_below(&h->dice, 400) == 0) {
                world_count(w, FAULT_STALL);
                return prng_below(&h->dice, HOST_STALL_MAX);
        }
        return 1 + prng_below(&h->dice, HOST_LATENCY_MAX);
}

void host_wake(struct world *w)
{
        nsec at = w->now + host_latency(w);

        if (at < w->host.turn_at)
                w->host.turn_at = at;
}

/* When the loop would wake up next: by the deadline, or since a socket takes frames again. */
static void host_sleep(struct world *w)
{
        struct host *h = &w->host;
        nsec deadline = engine_deadline(h->engine);

        h->turn_at = NSEC_NEVER;
        if (deadline == NSEC_NEVER && workload_has_open(&w->work))
                world_fail(w, "requests are open, and nothing will ever be done about them");
        if (deadline != NSEC_NEVER)
                h->turn_at = nsec_max(deadline, w->now) + host_latency(w);
        if (h->blocked_until > w->now)
                h->turn_at = nsec_min(h->turn_at, h->blocked_until);
        for (unsigned i = 0; i < w->plan.link_count; i++) {
                if (!list_is_empty(&h->links[i].socket))
                        host_wake(w);
        }
}

/* A turn for nothing now and then is cheap; one after the other is a spin. */
static void host_count_idle(struct world *w, uint64_t lines_before)
{
        if (w->trace.count == lines_before && w->host.blocked_until <= w->now)
                w->host.idle_turns++;
        if (w->host.idle_turns > HOST_IDLE_MAX)
                world_fail(w, "%u turns in a millisecond in which nothing happened",
                           w->host.idle_turns);
}

void host_turn(struct world *w)
{
        struct host *h = &w->host;
        uint64_t lines = w->trace.count;

        host_count_turn(w);
        host_receive_all(w);
        engine_tick(h->engine, w->now);
        if (engine_deadline(h->engine) <= w->now)
                world_fail(w, "after tick the deadline is not later than now");
        workload_submit(w);
        host_check_before_emit(w);
        host_emit(w);
        host_check_after_emit(w);
        host_finish(w);
        host_events(w);
        if (w->plan.checks_each_turn || h->turn_count % HOST_CHECK_EVERY == 0)
                engine_check(h->engine);
        workload_check(w);
        host_count_idle(w, lines);
        host_sleep(w);
}
