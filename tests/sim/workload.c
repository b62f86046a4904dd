/* SPDX-License-Identifier: MIT */
/* Items are the requests' memory; a write's data is poisoned when the engine gave it back. */
#include "workload.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "judge.h"
#include "world.h"

#define WORKLOAD_POISON         0xdd
#define WORKLOAD_ARRIVE_MAX     (3 * NSEC_MS)
#define WORKLOAD_ARRIVE_IDLE    (400 * NSEC_MS)
#define WORKLOAD_RUN_MAX        (400 * NSEC_SEC)
#define WORKLOAD_HEAL_MAX       (30 * NSEC_SEC)  /* after healing all is served within this */
#define WORKLOAD_REST_MAX       (130 * NSEC_SEC) /* linger_max may have doubled a few times */
#define WORKLOAD_LATE_MAX       (2 * NSEC_SEC)   /* past the timeout of a request */
#define WORKLOAD_HELD_MAX       (20 * NSEC_MS)
#define WORKLOAD_VERIFY_SECTORS 128

void workload_init(struct world *w)
{
        w->work = (struct workload){.dice = {.state = w->plan.seed ^ 0x44}};
        list_init(&w->work.queue);
}

void workload_fini(struct workload *wl)
{
        for (unsigned i = 0; i < WORKLOAD_ITEMS; i++)
                free(wl->items[i].data);
}

bool workload_has_open(const struct workload *wl)
{
        return wl->open > 0;
}

/* ---- making ---- */

static struct workload_item *workload_get(struct workload *wl)
{
        for (unsigned i = 0; i < WORKLOAD_ITEMS; i++) {
                if (wl->items[i].state == ITEM_FREE)
                        return &wl->items[i];
        }
        return NULL;
}

static aoe_addr workload_nobody(const struct world *w)
{
        return AOE_ADDR_ALL - (1 << 8) - 10 - (w->work.made & 7);
}

struct workload_item *workload_make(struct world *w, unsigned device, enum request_op op,
                                    uint64_t offset, uint32_t bytes)
{
        struct workload_item *i = workload_get(&w->work);

        if (!i)
                return NULL;
        *i = (struct workload_item){
                .state = ITEM_QUEUED,
                .device = device,
                .number = ++w->work.made,
                .rq = {.op = op, .offset = offset, .bytes = bytes, .user = i},
        };
        i->rq.addr = device < PLAN_DEVICES_MAX ? w->plan.devices[device].addr : workload_nobody(w);
        list_init(&i->node);
        list_add_tail(&w->work.queue, &i->node);
        host_wake(w);
        return i;
}

static uint64_t workload_below(struct world *w, uint64_t below)
{
        return prng_below(&w->work.dice, below);
}

/* A length: mostly short, sometimes as long as they come. */
static uint64_t workload_sectors(struct world *w)
{
        uint64_t most = w->plan.bytes_max / DISK_SECTOR;
        uint64_t n = UINT64_C(1) << workload_below(w, 5);

        if (workload_below(w, 25) == 0)
                n = 1 + workload_below(w, most);
        return n < most ? n : most;
}

static enum request_op workload_op(struct world *w)
{
        uint64_t dice = workload_below(w, 100);

        if (dice < 50)
                return REQUEST_READ;
        if (dice < 90)
                return REQUEST_WRITE;
        return dice < 96 ? REQUEST_ZERO : REQUEST_TRIM;
}

static void workload_make_transfer(struct world *w, unsigned device)
{
        const struct plan_device *d = &w->plan.devices[device];
        enum request_op op = workload_op(w);
        uint64_t sectors = workload_sectors(w), from, skip = 0, cut = 0;
        uint64_t hot = w->plan.hot_sectors < d->count ? w->plan.hot_sectors : d->count;
        struct workload_item *i;

        if (sectors < hot && workload_below(w, 100) < 85)
                from = workload_below(w, hot - sectors + 1);
        else
                from = workload_below(w, d->count - sectors + 1);
        if (workload_below(w, 100) < w->plan.unaligned_percent) {
                skip = workload_below(w, DISK_SECTOR);
                cut = workload_below(w, sectors * DISK_SECTOR - skip);
        }
        if (workload_below(w, 200) == 0 && op == REQUEST_READ)
                from += d->sectors - d->base; /* beyond the end */
        i = workload_make(w, device, op, (d->base + from) * DISK_SECTOR + skip,
                          (uint32_t)(sectors * DISK_SECTOR - skip - cut));
        if (i)
                i->rq.may_trim = workload_below(w, 2);
}

static void workload_make_any(struct world *w)
{
        unsigned device = (unsigned)workload_below(w, w->plan.device_count);
        uint64_t dice = workload_below(w, 100);
        struct device_info d;
        bool is_known = host_device_info(w, device, &d);

        /* Nobody would know its name yet. */
        if (!is_known && workload_below(w, 10) > 0)
                return;
        /* The user agreed to another disk, which is not there yet: whose data would it be? */
        if (is_known && d.state != DEVICE_UP && target_device_at(w, device)->may_change)
                return;
        if (dice < 3)
                workload_make(w, workload_below(w, 2) ? device : PLAN_DEVICES_MAX, REQUEST_LOOKUP,
                              0, 0);
        else if (dice < 8)
                workload_make(w, device, REQUEST_FLUSH, 0, 0);
        else
                workload_make_transfer(w, device);
}

static void workload_arrive(struct world *w, void *arg, uint64_t number)
{
        struct workload *wl = &w->work;
        nsec span = WORKLOAD_ARRIVE_MAX;

        (void)arg;
        (void)number;
        if (wl->phase != WORKLOAD_RUN)
                return;
        for (uint64_t n = 1 + workload_below(w, 4); n > 0; n--) {
                if (wl->made < w->plan.requests && wl->open + wl->held < w->plan.depth &&
                    list_is_empty(&wl->queue))
                        workload_make_any(w);
        }
        if (workload_below(w, 60) == 0)
                span = WORKLOAD_ARRIVE_IDLE;
        queue_add(&w->queue, w->now + 1 + workload_below(w, span), workload_arrive, NULL, 0);
}

void workload_start(struct world *w)
{
        w->work.phase_since = w->now;
        queue_add(&w->queue, w->now, workload_arrive, NULL, 0);
}

/* ---- submitting ---- */

/* A TRIM makes zeroes of the sectors that lie wholly in it. */
static void workload_prepare_zero(struct world *w, struct workload_item *i)
{
        uint64_t from = i->rq.offset, to = from + i->rq.bytes;

        if (i->rq.op == REQUEST_TRIM) {
                from = (from + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;
                to = to / DISK_SECTOR * DISK_SECTOR;
        }
        if (i->is_written || from >= to)
                return;
        i->write_id = oracle_zero_begin(&w->oracle, i->oracle, from, (uint32_t)(to - from));
        i->is_written = true;
}

static void workload_prepare(struct world *w, struct workload_item *i)
{
        struct target_device *d =
                i->device < PLAN_DEVICES_MAX ? target_device_at(w, i->device) : NULL;

        if (d) {
                i->errors_before = d->errors_sent;
                i->reserved_before = d->reserved_sent;
                i->forgets_before = w->work.forgets[i->device];
                if (!i->is_written)
                        i->oracle = target_right(w, d);
        }
        i->submitted_at = w->now;
        switch (i->rq.op) {
        case REQUEST_READ:
                if (!i->step)
                        i->step = oracle_read_begin(&w->oracle);
                break;
        case REQUEST_ZERO:
        case REQUEST_TRIM: workload_prepare_zero(w, i); break;
        case REQUEST_WRITE:
                if (i->is_written)
                        break;
                i->write_id = oracle_write_begin(&w->oracle, i->oracle, i->rq.offset, i->rq.bytes);
                i->is_written = true;
                i->data = malloc(i->rq.bytes);
                CHECK(i->data);
                oracle_fill(&w->oracle, i->write_id, i->data);
                i->rq.data = i->data;
                break;
        case REQUEST_FLUSH: i->step = w->oracle.step++; break;
        case REQUEST_LOOKUP: break;
        }
}

static void workload_cancel(struct world *w)
{
        struct workload_item *i = &w->work.items[workload_below(w, WORKLOAD_ITEMS)];
        struct device_info d;

        if (w->is_healed || !plan_has(&w->plan, FAULT_CANCEL) || i->state != ITEM_OPEN ||
            workload_below(w, 20) > 0)
                return;
        world_count(w, FAULT_CANCEL);
        trace_add(&w->trace, w->now, "cancel: request %lu", i->number, 0, 0, 0);
        if (!i->cancelled_at)
                i->cancelled_at = w->now;
        if (i->device < PLAN_DEVICES_MAX && host_device_info(w, i->device, &d))
                i->must_be_over = d.state != DEVICE_UP;
        engine_cancel(w->host.engine, &i->rq, w->now);
}

void workload_submit(struct world *w)
{
        struct workload *wl = &w->work;
        struct list *node;

        while ((node = list_first(&wl->queue))) {
                struct workload_item *i = LIST_ENTRY(node, struct workload_item, node);

                workload_prepare(w, i);
                if (!engine_submit(w->host.engine, &i->rq, w->now))
                        break;
                list_del(&i->node);
                i->state = ITEM_OPEN;
                wl->open++;
                trace_add(&w->trace, w->now, "submit: request %lu op %lu, bytes %lu + %lu",
                          i->number, i->rq.op, i->rq.offset, i->rq.bytes);
        }
        workload_cancel(w);
}

/* ---- finishing ---- */

static void workload_release(struct world *w, struct workload_item *i)
{
        engine_release(w->host.engine, &i->rq);
        if (i->data)
                memset(i->data, WORKLOAD_POISON, i->rq.bytes);
        free(i->data);
        *i = (struct workload_item){.state = ITEM_FREE};
}

static void workload_release_later(struct world *w, void *arg, uint64_t number)
{
        struct workload_item *i = arg;

        CHECK(i->state == ITEM_HELD);
        CHECK(i->number == number);
        w->work.held--;
        workload_release(w, i);
        host_wake(w);
}

/* The bytes of a read, in one piece (owned by the caller). */
static uint8_t *workload_gather(struct world *w, const struct workload_item *i)
{
        uint8_t *data = malloc(i->rq.bytes);
        uint32_t used = 0;

        CHECK(data);
        if (i->rq.buffer) {
                memcpy(data, i->rq.buffer, i->rq.bytes);
                return data;
        }
        LIST_FOREACH (node, &i->rq.frames) {
                const struct frame *f = LIST_ENTRY(node, struct frame, node);

                if (f->at_byte != used || f->part_bytes > i->rq.bytes - used || f->part < f->data ||
                    f->part + f->part_bytes > f->data + f->bytes)
                        world_fail(w,
                                   "request %lu: frames that do not follow each other at byte %u",
                                   i->number, used);
                memcpy(data + used, f->part, f->part_bytes);
                used += f->part_bytes;
        }
        if (used != i->rq.bytes)
                world_fail(w, "request %lu: %u bytes of %u", i->number, used, i->rq.bytes);
        return data;
}

static void workload_finish_read(struct world *w, struct workload_item *i)
{
        uint8_t *data = i->rq.status == REQUEST_OK ? workload_gather(w, i) : NULL;

        if (!oracle_read_end(&w->oracle, i->step, i->oracle, i->rq.offset, i->rq.bytes,
                             w->plan.is_wild ? NULL : data))
                world_fail(w, "request %lu: %s", i->number, w->oracle.fault);
        free(data);
}

/* Somebody else may use the disk after a flush of ours. */
static void workload_alien(struct world *w, const struct workload_item *i)
{
        const struct plan_device *d = &w->plan.devices[i->device];

        if (w->is_healed || w->plan.is_wild || !plan_has(&w->plan, FAULT_ALIEN) ||
            target_device_at(w, i->device)->present != i->oracle % TARGET_DISKS)
                return;
        for (int n = 0; n < 8; n++) {
                uint64_t lba = d->base + workload_below(w, w->plan.hot_sectors);
                uint64_t sectors = 1 + workload_below(w, 4);

                if (!oracle_is_idle_since(&w->oracle, i->oracle, lba, sectors, i->step))
                        continue;
                world_count(w, FAULT_ALIEN);
                trace_add(&w->trace, w->now, "another host writes device %lu sectors %lu + %lu",
                          i->device, lba, sectors, 0);
                oracle_alien_write(&w->oracle, i->oracle, lba, sectors);
        }
}

static void workload_finish_flush(struct world *w, const struct workload_item *i)
{
        const struct target_device *d = target_device_at(w, i->device);

        if (i->rq.status != REQUEST_OK || w->plan.is_wild)
                return;
        if (oracle_has_open_write(&w->oracle, i->oracle, i->step))
                world_fail(w, "flush %lu ended before a write that was there first", i->number);
        if (d->flush != PLAN_FLUSH_ABORT && d->flush != PLAN_FLUSH_SILENT &&
            d->flush_step < i->step)
                world_fail(w, "flush %lu ended, but the target has not flushed since", i->number);
        workload_alien(w, i);
}

void workload_on_done(struct world *w, struct request *rq)
{
        struct workload_item *i = rq->user;

        if (i < w->work.items || i >= w->work.items + WORKLOAD_ITEMS || rq != &i->rq)
                world_fail(w, "a request came back that is none of ours");
        if (i->state != ITEM_OPEN)
                world_fail(w, "request %lu came back twice", i->number);
        trace_add(&w->trace, w->now, "done: request %lu, status %lu", i->number, rq->status, 0, 0);
        w->work.open--;
        w->work.counts[rq->status]++;
        w->work.slowest = nsec_max(w->work.slowest, w->now - i->submitted_at);
        judge_item(w, i);
        if (i->ret_status)
                *i->ret_status = rq->status;
        if (rq->op == REQUEST_READ)
                workload_finish_read(w, i);
        if (i->is_written)
                oracle_write_end(&w->oracle, i->write_id, rq->status == REQUEST_OK);
        if (rq->op == REQUEST_FLUSH)
                workload_finish_flush(w, i);
        if (!w->is_healed && rq->op == REQUEST_READ && plan_has(&w->plan, FAULT_SLOW_READER) &&
            workload_below(w, 10) == 0) {
                world_count(w, FAULT_SLOW_READER);
                i->state = ITEM_HELD;
                w->work.held++;
                queue_add(&w->queue, w->now + 1 + workload_below(w, WORKLOAD_HELD_MAX),
                          workload_release_later, i, i->number);
                return;
        }
        workload_release(w, i);
}

void workload_on_event(struct world *w, unsigned device, unsigned changes)
{
        if ((changes & EVENT_APPEARED) && w->plan.is_held && !w->work.is_holding[device]) {
                w->work.is_holding[device] = true;
                engine_hold(w->host.engine, w->plan.devices[device].addr, 1);
        }
}

/* ---- what is due ---- */

static void workload_check_item(struct world *w, const struct workload_item *i)
{
        nsec age = w->now - i->submitted_at;

        if (i->state != ITEM_OPEN)
                return;
        if (i->must_be_over)
                world_fail(w, "request %lu was cancelled on a device that is not up, and goes on",
                           i->number);
        if (!w->plan.loss_waits && age > w->plan.timeout + WORKLOAD_LATE_MAX)
                world_fail(w, "request %lu is open for %lu ms, its timeout is %lu ms", i->number,
                           age / NSEC_MS, w->plan.timeout / NSEC_MS);
        if (w->is_healed && w->now - w->work.phase_since > WORKLOAD_HEAL_MAX &&
            age > WORKLOAD_HEAL_MAX)
                world_fail(w, "request %lu is open %lu ms after all faults were healed", i->number,
                           (w->now - w->work.phase_since) / NSEC_MS);
}

void workload_check(struct world *w)
{
        for (unsigned n = 0; n < WORKLOAD_ITEMS; n++)
                workload_check_item(w, &w->work.items[n]);
}

/* ---- phases ---- */

static void workload_enter(struct world *w, enum workload_phase next)
{
        w->work.phase = next;
        w->work.phase_since = w->now;
        trace_add(&w->trace, w->now, "phase %lu", next, 0, 0, 0);
}

static bool workload_is_idle(const struct workload *wl)
{
        return wl->open == 0 && wl->held == 0 && list_is_empty(&wl->queue);
}

static bool workload_is_all_up(struct world *w)
{
        struct device_info d;

        for (unsigned i = 0; i < w->plan.device_count; i++) {
                if (!host_device_info(w, i, &d) || d.state != DEVICE_UP)
                        return false;
        }
        return true;
}

/* Keeps a few reads going until every sector was asked for; true: all were. */
static bool workload_verify(struct world *w)
{
        for (unsigned n = 0; n < w->plan.device_count; n++) {
                const struct plan_device *d = &w->plan.devices[n];
                uint64_t at = w->work.verify_next[n];
                uint64_t left = d->count - at;

                if (left == 0)
                        continue;
                if (w->work.open >= 16 || !list_is_empty(&w->work.queue))
                        return false;
                if (left > WORKLOAD_VERIFY_SECTORS)
                        left = WORKLOAD_VERIFY_SECTORS;
                w->work.verify_next[n] += left;
                if (at == 0)
                        workload_make(w, n, REQUEST_FLUSH, 0, 0);
                workload_make(w, n, REQUEST_READ, (d->base + at) * DISK_SECTOR,
                              (uint32_t)(left * DISK_SECTOR));
                return false;
        }
        return workload_is_idle(&w->work);
}

void workload_advance(struct world *w)
{
        struct workload *wl = &w->work;
        nsec span = w->now - wl->phase_since;

        switch ((enum workload_phase)wl->phase) {
        case WORKLOAD_RUN:
                if (wl->made < w->plan.requests && span < WORKLOAD_RUN_MAX)
                        return;
                world_heal(w);
                workload_enter(w, WORKLOAD_HEAL);
                return;
        case WORKLOAD_HEAL:
                if (workload_is_idle(wl) && workload_is_all_up(w))
                        workload_enter(w, WORKLOAD_VERIFY);
                else if (span > WORKLOAD_HEAL_MAX)
                        world_fail(w, "devices are not all up %lu ms after all faults were healed",
                                   span / NSEC_MS);
                return;
        case WORKLOAD_VERIFY:
                if (workload_verify(w))
                        workload_enter(w, WORKLOAD_REST);
                return;
        case WORKLOAD_REST:
                if (engine_is_quiet(w->host.engine))
                        workload_enter(w, WORKLOAD_OVER);
                else if (span > WORKLOAD_REST_MAX)
                        world_fail(w, "the engine is not quiet %lu ms after the last request",
                                   span / NSEC_MS);
                return;
        case WORKLOAD_OVER: return;
        }
}
