/* SPDX-License-Identifier: MIT */
/* The engine's face: one block of memory, requests in and out, time, frames out, events. */
#include "engine/engine.h"

#include "engine/core.h"

#define ENGINE_ALIGN 64

/* ---- the block ---- */

struct layout {
        size_t bytes;
        size_t slots, devices, sorted, paths, stations, copies, heap;
};

static size_t layout_add(struct layout *l, size_t bytes)
{
        size_t at = l->bytes;

        l->bytes += (bytes + ENGINE_ALIGN - 1) & ~(size_t)(ENGINE_ALIGN - 1);
        return at;
}

static size_t engine_timers(const struct engine_options *o)
{
        return (size_t)o->devices_max + o->paths_max + 1;
}

static struct layout engine_layout(const struct engine_options *o)
{
        struct layout l = {0};

        layout_add(&l, sizeof(struct engine));
        l.slots = layout_add(&l, o->slots * sizeof(struct slot));
        l.devices = layout_add(&l, pool_bytes(sizeof(struct device), o->devices_max));
        l.sorted = layout_add(&l, o->devices_max * sizeof(struct device *));
        l.paths = layout_add(&l, pool_bytes(sizeof(struct path), o->paths_max));
        l.stations = layout_add(&l, pool_bytes(sizeof(struct station), o->paths_max));
        l.copies = layout_add(&l, pool_bytes(sizeof(struct copy), o->copies_max));
        l.heap = layout_add(&l, engine_timers(o) * sizeof(struct heap_node *));
        return l;
}

size_t engine_size(const struct engine_options *o)
{
        return engine_layout(o).bytes;
}

static void engine_check_options(const struct engine_options *o)
{
        CHECK(o->devices_max >= 1 && o->devices_max <= ENGINE_DEVICES_MAX);
        CHECK(o->paths_max >= 1 && o->paths_max <= ENGINE_PATHS_MAX);
        CHECK(o->slots >= 16 && o->slots <= ENGINE_SLOTS_MAX);
        CHECK(o->copies_max >= 2 * o->slots);
        CHECK(o->window_max >= 1 && o->window_max <= ENGINE_WINDOW_MAX);
        CHECK(o->station_max >= 1 && o->station_max <= ENGINE_STATION_MAX);
        CHECK(o->payload_max % AOE_SECTOR_BYTES == 0);
        CHECK(o->cookie >= ENGINE_COOKIE_MIN && o->cookie <= ENGINE_COOKIE_MAX);
        CHECK(o->timeout > 0 && o->linger_max > 0);
        CHECK(o->frames->room_bytes >= AOE_ATA_BYTES + AOE_SECTOR_BYTES);
        CHECK(o->arena);
}

static void engine_init_slots(struct engine *e)
{
        for (unsigned i = 0; i < e->options.slots; i++) {
                struct slot *s = &e->slots[i];

                *s = (struct slot){.idx = (uint16_t)i};
                /* An answer to a former life of this process must not meet a young tag. */
                s->seq = (uint16_t)(prng_next(&e->dice) & SLOT_SEQ_MASK);
                list_init(&s->node);
                list_init(&s->member);
                list_init(&s->copies);
                list_add_tail(&e->slots_free, &s->node);
        }
}

struct engine *engine_init(void *block, const struct engine_options *o, nsec now)
{
        struct layout l = engine_layout(o);
        uint8_t *base = block;
        struct engine *e = block;

        (void)now;
        CHECK(((uintptr_t)block & (ENGINE_ALIGN - 1)) == 0);
        engine_check_options(o);
        *e = (struct engine){
                .options = *o,
                .dice.state = o->seed,
                .slots = (struct slot *)(void *)(base + l.slots),
                .sorted = (struct device **)(void *)(base + l.sorted),
                .linger_max = o->linger_max,
        };
        list_init(&e->slots_free);
        list_init(&e->called);
        list_init(&e->run);
        list_init(&e->events);
        list_init(&e->done);
        line_init(&e->line_slots);
        line_init(&e->line_copies);
        line_init(&e->line_memory);
        for (unsigned i = 0; i < STATION_BUCKETS; i++)
                list_init(&e->stations[i]);
        heap_init(&e->timers, (struct heap_node **)(void *)(base + l.heap), engine_timers(o));
        pool_init(&e->devices, base + l.devices, sizeof(struct device), o->devices_max);
        pool_init(&e->paths, base + l.paths, sizeof(struct path), o->paths_max);
        pool_init(&e->station_pool, base + l.stations, sizeof(struct station), o->paths_max);
        pool_init(&e->copies, base + l.copies, sizeof(struct copy), o->copies_max);
        engine_init_slots(e);
        discover_init(e);
        return e;
}

void engine_fini(struct engine *e)
{
        CHECK(e->done_count == 0 || e->open_count > 0);
        if (e->open_count == 0)
                CHECK(e->frames_reserved == 0);
        engine_check(e);
}

/* ---- links ---- */

void engine_link(struct engine *e, unsigned link, const struct link_info *i, nsec now)
{
        struct link_state *l = &e->links[link];
        bool was_running;

        CHECK(link < ENGINE_LINKS_MAX);
        was_running = l->info.running;
        l->info = *i;
        for (unsigned k = 0; k < e->device_count; k++) {
                struct device *d = e->sorted[k];

                LIST_FOREACH_SAFE (node, &d->paths) {
                        struct path *p = LIST_ENTRY(node, struct path, node);

                        if (p->link == link && !d->gone)
                                path_on_link(e, p, now);
                }
        }
        if (i->running != was_running || i->running)
                discover_on_link(e, link, now);
}

/* ---- requests ---- */

static void request_reset(struct request *rq)
{
        rq->status = REQUEST_PENDING;
        rq->buffer = NULL;
        rq->frame_count = 0;
        rq->ata_status = rq->ata_error = rq->aoe_error = 0;
        rq->error_lba = 0;
        rq->device = NULL;
        rq->order = (struct order_node){0};
        rq->blockers = 0;
        rq->lba_first = rq->lba_next = rq->lba_end = 0;
        rq->frames_reserved = 0;
        rq->stage = STAGE_BLOCKED;
        rq->interrupted = rq->by_copy = rq->by_trim = false;
        list_init(&rq->frames);
        list_init(&rq->node);
        list_init(&rq->open);
        list_init(&rq->slots);
        list_init(&rq->copies);
        list_init(&rq->order.sequence);
}

/* Why a request for d cannot even begin; REQUEST_PENDING: it can. */
static enum request_status request_refusal(const struct engine *e, const struct device *d)
{
        switch ((enum device_state)d->state) {
        case DEVICE_NEW: return REQUEST_NO_DEVICE;
        case DEVICE_UP:
        case DEVICE_STALE: return REQUEST_PENDING;
        case DEVICE_DOWN: return e->options.loss_waits ? REQUEST_PENDING : REQUEST_TIMEOUT;
        case DEVICE_SWAPPED: return REQUEST_SWAPPED;
        }
        CHECK(!"a device state");
        return REQUEST_ERROR;
}

static bool engine_submit_lookup(struct engine *e, struct request *rq, const struct device *d,
                                 nsec now)
{
        bool allowed =
                !e->options.is_allowed || e->options.is_allowed(e->options.allowed_arg, rq->addr);

        if (allowed && !(d && d->state != DEVICE_NEW) && !discover_want(e, rq, now))
                return false;
        e->open_count++;
        if (!allowed)
                request_finish(e, rq, REQUEST_NO_DEVICE, now);
        else if (d && d->state != DEVICE_NEW)
                request_finish(e, rq, REQUEST_OK, now);
        return true;
}

static uint32_t request_bytes_max(const struct request *rq)
{
        bool carries_data = rq->op == REQUEST_READ || rq->op == REQUEST_WRITE;

        return carries_data ? REQUEST_BYTES_MAX : REQUEST_RANGE_BYTES_MAX;
}

bool engine_submit(struct engine *e, struct request *rq, nsec now)
{
        struct device *d = device_find(e, rq->addr);
        enum request_status refusal;

        request_reset(rq);
        if (d && d->gone)
                d = NULL;
        if (rq->op == REQUEST_LOOKUP)
                return engine_submit_lookup(e, rq, d, now);
        CHECK(rq->op == REQUEST_FLUSH || (rq->bytes > 0 && rq->bytes <= request_bytes_max(rq)));
        e->open_count++;
        refusal = d ? request_refusal(e, d) : REQUEST_NO_DEVICE;
        if (refusal != REQUEST_PENDING) {
                request_finish(e, rq, refusal, now);
                return true;
        }
        rq->device = d;
        rq->deadline = e->options.loss_waits ? NSEC_NEVER : nsec_add(now, e->options.timeout);
        list_add_tail(&d->open, &rq->open);
        d->open_count++;
        command_begin(e, rq, now);
        device_arm(e, d);
        return true;
}

void engine_cancel(struct engine *e, struct request *rq, nsec now)
{
        if (rq->status != REQUEST_PENDING)
                return;
        if (!rq->device) {
                discover_unwant(e, rq);
                request_finish(e, rq, REQUEST_CANCELLED, now);
        } else if (rq->device->state == DEVICE_UP) {
                rq->interrupted = true;
        } else {
                request_finish(e, rq, REQUEST_CANCELLED, now);
        }
}

struct request *engine_pop_done(struct engine *e)
{
        struct list *node = list_pop(&e->done);

        return node ? LIST_ENTRY(node, struct request, node) : NULL;
}

void engine_release(struct engine *e, struct request *rq)
{
        struct list *node;

        CHECK(rq->status != REQUEST_PENDING);
        while ((node = list_pop(&rq->frames)))
                frame_put(e->options.frames, LIST_ENTRY(node, struct frame, node));
        rq->frame_count = 0;
        if (rq->buffer)
                arena_put(e->options.arena, rq->buffer);
        rq->buffer = NULL;
        CHECK(e->frames_reserved >= rq->frames_reserved);
        e->frames_reserved -= rq->frames_reserved;
        rq->frames_reserved = 0;
        CHECK(e->done_count > 0);
        e->done_count--;
}

/* ---- time ---- */

void engine_tick(struct engine *e, nsec now)
{
        struct heap_node *top;

        while ((top = heap_top(&e->timers)) && top->at <= now) {
                struct timer *t = LIST_ENTRY(top, struct timer, node);
                nsec next = NSEC_NEVER;

                if (t->kind == TIMER_PATH) {
                        struct path *p = LIST_ENTRY(t, struct path, timer);

                        path_tick(e, p, now);
                        next = path_deadline(e, p);
                } else if (t->kind == TIMER_DEVICE) {
                        struct device *d = LIST_ENTRY(t, struct device, timer);

                        device_tick(e, d, now);
                        next = device_deadline(e, d);
                } else {
                        discover_tick(e, now);
                        next = discover_deadline(e);
                }
                if (next != NSEC_NEVER)
                        next = nsec_max(next, nsec_add(now, ENGINE_GRAIN));
                heap_set(&e->timers, top, next);
        }
}

nsec engine_deadline(const struct engine *e)
{
        struct heap_node *top = heap_top(&e->timers);

        return top ? top->at : NSEC_NEVER;
}

/* ---- events ---- */

bool engine_pop_event(struct engine *e, struct event *ret)
{
        struct list *node;

        while ((node = list_pop(&e->events))) {
                struct device *d = LIST_ENTRY(node, struct device, noticed);
                struct event ev = {.addr = d->addr, .changes = d->changes};

                d->changes = 0;
                if (d->gone)
                        device_free(e, d);
                if (!ev.changes)
                        continue;
                *ret = ev;
                return true;
        }
        return false;
}
