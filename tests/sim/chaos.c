/* SPDX-License-Identifier: MIT */
/* Each episode is a pair: a function that begins it, and an event that ends it. */
#include "chaos.h"

#include "base/check.h"
#include "world.h"

#define CHAOS_SPIKE_MAX      (600 * NSEC_MS)
#define CHAOS_PARTITION_MAX  (4 * NSEC_SEC)
#define CHAOS_FLAP_MAX       (2 * NSEC_SEC)
#define CHAOS_MTU_MAX        (3 * NSEC_SEC)
#define CHAOS_HOLE_MAX       (3 * NSEC_SEC)
#define CHAOS_RESTART_MAX    (50 * NSEC_MS)
#define CHAOS_DEATH_MAX      (25 * NSEC_SEC)
#define CHAOS_RESERVED_MAX   (2 * NSEC_SEC)
#define CHAOS_SWAP_DEAD      (12 * NSEC_SEC) /* the engine has given up every copy by then */
#define CHAOS_SWAP_MAX       (10 * NSEC_SEC)
#define CHAOS_RESIZE_MAX     1000 /* sectors beyond the part in use */
#define CHAOS_HOLE_BYTES_MIN 600
#define CHAOS_HOLE_BYTES_MAX 8000

typedef void chaos_episode(struct world *w);

static uint64_t chaos_below(struct world *w, uint64_t below)
{
        return prng_below(&w->chaos.dice, below);
}

/* Mostly short, sometimes as long as max. */
static nsec chaos_span(struct world *w, nsec max)
{
        nsec span = max >> chaos_below(w, 8);

        return 1 + chaos_below(w, span);
}

static unsigned chaos_link(struct world *w)
{
        return (unsigned)chaos_below(w, w->plan.link_count);
}

static unsigned chaos_device(struct world *w)
{
        return (unsigned)chaos_below(w, w->plan.device_count);
}

/* ---- the wire ---- */

static void chaos_spike(struct world *w)
{
        struct wire_lane_state *l = &w->wire.links[chaos_link(w)].lanes[chaos_below(w, 2)];

        l->held_until = w->now + chaos_span(w, CHAOS_SPIKE_MAX);
        trace_add(&w->trace, w->now, "spike of %lu us", (l->held_until - w->now) / NSEC_US, 0, 0,
                  0);
}

static void chaos_partition_end(struct world *w, void *arg, uint64_t number)
{
        struct wire_lane_state *l = arg;

        l->is_cut = number;
        trace_add(&w->trace, w->now, "partition ends", 0, 0, 0, 0);
}

static void chaos_partition(struct world *w)
{
        struct wire_link *l = &w->wire.links[chaos_link(w)];
        nsec end = w->now + chaos_span(w, CHAOS_PARTITION_MAX);
        uint64_t which = chaos_below(w, 3); /* out, in, both */

        world_count(w, FAULT_PARTITION);
        trace_add(&w->trace, w->now, "partition %lu for %lu us", which, (end - w->now) / NSEC_US, 0,
                  0);
        for (unsigned lane = 0; lane < 2; lane++) {
                if (which == 2 || which == lane) {
                        l->lanes[lane].is_cut = true;
                        queue_add(&w->queue, end, chaos_partition_end, &l->lanes[lane], 0);
                }
        }
}

static void chaos_link_end(struct world *w, void *arg, uint64_t number)
{
        (void)arg;
        if (w->is_healed)
                return;
        w->wire.links[number].mtu = 0;
        host_set_link(w, (unsigned)number, true, w->plan.link_mtu[number]);
}

static void chaos_flap(struct world *w)
{
        unsigned link = chaos_link(w);

        world_count(w, FAULT_FLAP);
        host_set_link(w, link, false, w->host.links[link].info.mtu);
        queue_add(&w->queue, w->now + chaos_span(w, CHAOS_FLAP_MAX), chaos_link_end, NULL, link);
}

static void chaos_mtu(struct world *w)
{
        static const uint32_t mtus[] = {600, 1000, 1500, 1400, 4200};
        unsigned link = chaos_link(w);
        uint32_t mtu = mtus[chaos_below(w, sizeof mtus / sizeof mtus[0])];

        if (mtu >= w->host.links[link].info.mtu || !w->host.links[link].info.running)
                return;
        world_count(w, FAULT_MTU);
        w->wire.links[link].mtu = mtu;
        host_set_link(w, link, true, mtu);
        queue_add(&w->queue, w->now + chaos_span(w, CHAOS_MTU_MAX), chaos_link_end, NULL, link);
}

static void chaos_hole_end(struct world *w, void *arg, uint64_t number)
{
        struct wire_lane_state *l = arg;

        l->hole_bytes = (uint32_t)number;
        trace_add(&w->trace, w->now, "hole ends", 0, 0, 0, 0);
}

static void chaos_hole(struct world *w)
{
        struct wire_lane_state *l = &w->wire.links[chaos_link(w)].lanes[chaos_below(w, 2)];
        uint64_t reach = CHAOS_HOLE_BYTES_MAX - CHAOS_HOLE_BYTES_MIN;

        l->hole_bytes = CHAOS_HOLE_BYTES_MIN + (uint32_t)chaos_below(w, reach);
        trace_add(&w->trace, w->now, "frames over %lu bytes vanish", l->hole_bytes, 0, 0, 0);
        queue_add(&w->queue, w->now + chaos_span(w, CHAOS_HOLE_MAX), chaos_hole_end, l, 0);
}

/* ---- targets ---- */

static void chaos_return(struct world *w, void *arg, uint64_t number)
{
        struct target *t = arg;

        (void)number;
        if (t->is_dead && !w->is_healed)
                target_return(w, t);
}

void chaos_restart(struct world *w, unsigned device, nsec dead)
{
        struct target *t = target_of_device(w, device);

        if (t->is_dead)
                return;
        target_die(w, t);
        queue_add(&w->queue, w->now + dead, chaos_return, t, 0);
}

static void chaos_begin_restart(struct world *w)
{
        world_count(w, FAULT_RESTART);
        chaos_restart(w, chaos_device(w), chaos_span(w, CHAOS_RESTART_MAX));
}

static void chaos_begin_death(struct world *w)
{
        world_count(w, FAULT_DEATH);
        chaos_restart(w, chaos_device(w), chaos_span(w, CHAOS_DEATH_MAX));
}

static void chaos_reserved_end(struct world *w, void *arg, uint64_t number)
{
        (void)w;
        (void)number;
        ((struct target_device *)arg)->is_reserved = false;
}

static void chaos_reserve(struct world *w)
{
        struct target_device *d = target_device_at(w, chaos_device(w));

        d->is_reserved = true;
        queue_add(&w->queue, w->now + chaos_span(w, CHAOS_RESERVED_MAX), chaos_reserved_end, d, 0);
}

static void chaos_beacon(struct world *w)
{
        unsigned device = chaos_device(w);
        struct target *t = target_of_device(w, device);

        target_beacon(w, t, target_device_at(w, device), (unsigned)chaos_below(w, t->port_count));
}

/* The administrator changes its size: the target starts anew, or nobody says a word. */
static void chaos_resize(struct world *w)
{
        unsigned device = chaos_device(w);
        const struct plan_device *plan = &w->plan.devices[device];

        world_count(w, FAULT_RESIZE);
        target_resize(w, target_device_at(w, device),
                      plan->base + plan->count + chaos_below(w, CHAOS_RESIZE_MAX));
        if (chaos_below(w, 2))
                chaos_restart(w, device, chaos_span(w, CHAOS_RESTART_MAX));
}

/* ---- another disk ---- */

void chaos_swap(struct world *w, unsigned device, nsec dead)
{
        struct target_device *d = target_device_at(w, device);

        if (target_of_device(w, device)->is_dead)
                return;
        trace_add(&w->trace, w->now, "device %lu gets its other disk", device, 0, 0, 0);
        d->present = !d->present;
        d->swaps++;
        chaos_restart(w, device, dead);
}

static bool chaos_has_open(const struct world *w, unsigned device)
{
        for (unsigned i = 0; i < WORKLOAD_ITEMS; i++) {
                if (w->work.items[i].state != ITEM_FREE && w->work.items[i].device == device)
                        return true;
        }
        return false;
}

void chaos_revalidate(struct world *w, unsigned device)
{
        struct target_device *d = target_device_at(w, device);

        CHECK(!chaos_has_open(w, device));
        d->may_change = true;
        trace_add(&w->trace, w->now, "the other disk of device %lu is right from now on", device, 0,
                  0, 0);
        engine_revalidate(w->host.engine, d->addr, w->now);
        host_wake(w);
}

/* The old disk comes back, or the user agrees to the new one. */
static void chaos_swap_end(struct world *w, void *arg, uint64_t number)
{
        unsigned device = (unsigned)number;
        struct target_device *d = target_device_at(w, device);
        struct device_info info;

        (void)arg;
        if (w->is_healed)
                return;
        target_right(w, d);
        if (d->present == d->right)
                return;
        if (chaos_below(w, 2) && host_device_info(w, device, &info) &&
            info.state == DEVICE_SWAPPED && !chaos_has_open(w, device))
                chaos_revalidate(w, device);
        else
                chaos_swap(w, device, CHAOS_SWAP_DEAD);
        queue_add(&w->queue, w->now + CHAOS_SWAP_DEAD + NSEC_SEC, chaos_swap_end, NULL, device);
}

static void chaos_begin_swap(struct world *w)
{
        unsigned device = chaos_device(w);
        struct target_device *d = target_device_at(w, device);

        if (d->present != d->right || target_of_device(w, device)->is_dead)
                return;
        world_count(w, FAULT_SWAP);
        chaos_swap(w, device, CHAOS_SWAP_DEAD);
        queue_add(&w->queue, w->now + CHAOS_SWAP_DEAD + chaos_span(w, CHAOS_SWAP_MAX),
                  chaos_swap_end, NULL, device);
}

/* The user gives up what does not answer. */
static void chaos_forget(struct world *w)
{
        unsigned device = chaos_device(w);
        struct device_info info;

        if (!host_device_info(w, device, &info) || info.state == DEVICE_UP)
                return;
        world_count(w, FAULT_FORGET);
        if (chaos_below(w, 2)) {
                w->work.forgets[device]++;
                engine_forget(w->host.engine, info.addr, w->now);
        } else {
                for (unsigned i = 0; i < w->plan.device_count; i++)
                        w->work.forgets[i]++;
                engine_fail_silent(w->host.engine, w->now);
        }
        trace_add(&w->trace, w->now, "forget device %lu", device, 0, 0, 0);
        host_wake(w);
}

/* ---- which and when ---- */

static const struct {
        enum fault fault;
        chaos_episode *begin;
} chaos_episodes[] = {
        {FAULT_SPIKE, chaos_spike},       {FAULT_PARTITION, chaos_partition},
        {FAULT_FLAP, chaos_flap},         {FAULT_MTU, chaos_mtu},
        {FAULT_BLACK_HOLE, chaos_hole},   {FAULT_RESTART, chaos_begin_restart},
        {FAULT_DEATH, chaos_begin_death}, {FAULT_RESERVED, chaos_reserve},
        {FAULT_BEACON, chaos_beacon},     {FAULT_SWAP, chaos_begin_swap},
        {FAULT_FORGET, chaos_forget},     {FAULT_RESIZE, chaos_resize},
};

#define CHAOS_EPISODES (sizeof chaos_episodes / sizeof chaos_episodes[0])

static void chaos_tick(struct world *w, void *arg, uint64_t number)
{
        size_t idx = chaos_below(w, CHAOS_EPISODES);

        (void)arg;
        (void)number;
        if (w->is_healed)
                return;
        if (plan_has(&w->plan, chaos_episodes[idx].fault))
                chaos_episodes[idx].begin(w);
        queue_add(&w->queue, w->now + 1 + chaos_below(w, w->plan.episode_every_ms * NSEC_MS),
                  chaos_tick, NULL, 0);
}

void chaos_start(struct world *w)
{
        w->chaos = (struct chaos){.dice = {.state = w->plan.seed ^ 0x55}};
        queue_add(&w->queue, w->now + 100 * NSEC_MS, chaos_tick, NULL, 0);
}

void chaos_heal(struct world *w)
{
        wire_sim_heal(&w->wire);
        for (unsigned i = 0; i < w->plan.link_count; i++)
                host_set_link(w, i, true, w->plan.link_mtu[i]);
        for (unsigned i = 0; i < w->plan.device_count; i++) {
                struct target_device *d = target_device_at(w, i);
                struct target *t = target_of_device(w, i);

                d->is_reserved = false;
                target_resize(w, d, d->sectors_most); /* a smaller one would be another disk */
                target_right(w, d);
                if (d->present != d->right && !t->is_dead)
                        target_die(w, t); /* one does not change disks under a running target */
                d->present = d->right;
        }
        for (unsigned i = 0; i < w->targets.count; i++) {
                if (w->targets.boxes[i].is_dead)
                        target_return(w, &w->targets.boxes[i]);
        }
}
