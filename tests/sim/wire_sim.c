/* SPDX-License-Identifier: MIT */
/* How a frame gets from one end of a link to the other, or does not. */
#include "wire_sim.h"

#include "world.h"

#define WIRE_QUEUE_BYTES_MAX 16000 /* a switch with little memory; a jumbo frame fits */
#define WIRE_REORDER_MAX     (30 * NSEC_MS)
#define WIRE_WILD_MAX        (4 * NSEC_SEC)
#define WIRE_WILD_FLIPS      200            /* one frame of so many has a wrong bit in its header */
#define WIRE_TWIN_MAX        (20 * NSEC_US) /* less than any target's service time */

static bool wire_chance(struct world *w, enum fault f, unsigned ppm)
{
        return !w->is_healed && plan_has(&w->plan, f) && prng_below(&w->wire.dice, 1000000) < ppm;
}

/* Why is the frame lost? Loss of either kind, partition, holes. */
static bool wire_loses(struct world *w, enum wire_lane dir, struct wire_lane_state *l,
                       const struct packet *p)
{
        enum fault loss = dir == WIRE_OUT ? FAULT_LOSS_OUT : FAULT_LOSS_IN;
        uint32_t mtu = w->wire.links[p->link].mtu;

        if (l->is_cut)
                return true;
        if (mtu && p->bytes > mtu + 14)
                return true;
        if (l->hole_bytes && p->bytes > l->hole_bytes) {
                world_count(w, FAULT_BLACK_HOLE);
                return true;
        }
        if (wire_chance(w, loss, w->plan.loss_ppm)) {
                world_count(w, loss);
                return true;
        }
        if (wire_chance(w, FAULT_BURST, l->is_bursting ? 150000 : w->plan.burst_ppm))
                l->is_bursting = !l->is_bursting;
        if (l->is_bursting && !w->is_healed && prng_below(&w->wire.dice, 10) < 8) {
                world_count(w, FAULT_BURST);
                return true;
        }
        return false;
}

static void wire_arrive_out(struct world *w, void *arg, uint64_t number)
{
        (void)number;
        target_receive(w, arg);
}

static void wire_arrive_in(struct world *w, void *arg, uint64_t number)
{
        (void)number;
        host_receive(w, arg);
}

void wire_sim_deliver(struct world *w, enum wire_lane lane, struct packet *p, nsec at)
{
        queue_add(&w->queue, at, lane == WIRE_OUT ? wire_arrive_out : wire_arrive_in, p, 0);
}

/* When does it arrive? NSEC_NEVER: the queue before the lane is full. */
static nsec wire_arrival(struct world *w, struct wire_lane_state *l, const struct packet *p)
{
        nsec at = nsec_max(w->now, l->free_at);

        if (l->ns_per_byte) {
                if ((at - w->now) / l->ns_per_byte > WIRE_QUEUE_BYTES_MAX) {
                        world_count(w, FAULT_RATE);
                        return NSEC_NEVER;
                }
                at += l->ns_per_byte * p->bytes;
                l->free_at = at;
        }
        at += w->plan.link_delay[p->link];
        at = nsec_max(at, nsec_max(l->last_at, l->held_until));
        if (at == l->held_until)
                world_count(w, FAULT_SPIKE);
        if (wire_chance(w, FAULT_REORDER, w->plan.reorder_ppm)) {
                nsec reach = w->plan.is_wild ? WIRE_WILD_MAX : WIRE_REORDER_MAX;

                world_count(w, FAULT_REORDER);
                return at + prng_below(&w->wire.dice, reach);
        }
        l->last_at = at;
        return at;
}

/* What no checksum of Ethernet lets pass, and AoE cannot detect: only in wild worlds. */
static void wire_flip(struct world *w, struct packet *p)
{
        uint64_t bit = prng_below(&w->wire.dice, UINT64_C(8) * AOE_ATA_BYTES);

        if (!w->is_healed && w->plan.is_wild && prng_below(&w->wire.dice, WIRE_WILD_FLIPS) == 0 &&
            bit / 8 < p->bytes)
                p->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

void wire_sim_send(struct world *w, enum wire_lane lane, struct packet *p)
{
        struct wire_lane_state *l = &w->wire.links[p->link].lanes[lane];
        enum fault twice = lane == WIRE_OUT ? FAULT_DUPLICATE_OUT : FAULT_DUPLICATE_IN;
        enum wire_verdict verdict = w->wire.script ? w->wire.script(w, lane, p) : WIRE_PASS;
        nsec at;

        if (verdict == WIRE_TAKEN)
                return;
        wire_flip(w, p);
        at = verdict == WIRE_DROP || wire_loses(w, lane, l, p) ? NSEC_NEVER : wire_arrival(w, l, p);
        if (at == NSEC_NEVER) {
                trace_add(&w->trace, w->now, "lost: lane %lu frame %lu", lane, p->id, 0, 0);
                packet_put(&w->packets, p);
                return;
        }
        if (wire_chance(w, twice, w->plan.duplicate_ppm)) {
                /* Towards the target a twin stays close (the contract); answers may wander. */
                nsec reach = lane == WIRE_OUT ? WIRE_TWIN_MAX : w->plan.linger_max;

                world_count(w, twice);
                wire_sim_deliver(w, lane, packet_copy(&w->packets, p),
                                 at + prng_below(&w->wire.dice, reach));
        }
        wire_sim_deliver(w, lane, p, at);
}

void wire_sim_init(struct wire_sim *s, const struct plan *p)
{
        *s = (struct wire_sim){.dice = {.state = p->seed ^ 0x11}};
        for (unsigned i = 0; i < p->link_count; i++) {
                for (int lane = 0; plan_has(p, FAULT_RATE) && lane < 2; lane++)
                        s->links[i].lanes[lane].ns_per_byte = 1 + prng_below(&s->dice, 80);
        }
}

void wire_sim_heal(struct wire_sim *s)
{
        for (unsigned i = 0; i < PLAN_LINKS_MAX; i++) {
                s->links[i].mtu = 0;
                for (int lane = 0; lane < 2; lane++) {
                        s->links[i].lanes[lane] = (struct wire_lane_state){
                                .last_at = s->links[i].lanes[lane].last_at};
                }
        }
}
