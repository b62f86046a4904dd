/* SPDX-License-Identifier: MIT */
/* Ports, queues and time; what the answers say is in answer.c. */
#include "target.h"

#include <string.h>

#include "answer.h"
#include "base/bytes.h"
#include "wire/aoe.h"
#include "wire/ata.h"
#include "world.h"

#define TARGET_SLOW_MAX   (300 * NSEC_MS)
#define TARGET_AT_COMMAND 27 /* of an ATA frame, which has been parsed (AoEr11 3.1) */

struct target *target_of_device(struct world *w, unsigned idx)
{
        return &w->targets.boxes[w->plan.devices[idx].target];
}

struct target_device *target_device_at(struct world *w, unsigned idx)
{
        struct target *t = target_of_device(w, idx);

        for (unsigned i = 0; i < t->device_count; i++) {
                if (t->devices[i].idx == idx)
                        return &t->devices[i];
        }
        CHECK(!"a device of the plan");
        return NULL;
}

struct target_device *target_find(struct world *w, aoe_addr addr)
{
        for (unsigned i = 0; i < w->plan.device_count; i++) {
                if (w->plan.devices[i].addr == addr)
                        return target_device_at(w, i);
        }
        return NULL;
}

unsigned target_oracle(const struct target_device *d, unsigned disk)
{
        return d->idx * TARGET_DISKS + disk;
}

unsigned target_right(struct world *w, struct target_device *d)
{
        struct device_info info;
        char serial[ATA_SERIAL_BYTES];
        unsigned taken = d->right;

        if (!host_device_info(w, d->idx, &info) || info.state == DEVICE_NEW)
                return target_oracle(d, d->right);
        for (unsigned i = 0; i < TARGET_DISKS; i++) {
                disk_serial(&d->disks[i], serial);
                if (strcmp(serial, info.identity.serial) == 0)
                        taken = i;
        }
        if (taken != d->right && !d->may_change)
                world_fail(w, "device %u: the engine took another disk without being told", d->idx);
        d->right = taken;
        if (info.state == DEVICE_UP) /* until then an order to revalidate stands */
                d->may_change = false;
        return target_oracle(d, taken);
}

uint8_t target_offer(const struct target *t, unsigned port)
{
        uint32_t sectors = (t->ports[port].mtu - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;

        /* Every Ethernet takes two sectors: a lie about less leaves nothing to fall back to. */
        if (t->plan->lies && sectors >= AOE_SECTORS_DEFAULT)
                sectors = 2 * sectors + 1;
        return (uint8_t)(sectors < 255 ? sectors : 255);
}

static void target_send(struct world *w, const struct target *t, unsigned port, struct packet *p)
{
        p->link = t->ports[port].link;
        trace_add(&w->trace, w->now, "target answers: tag %08lx frame %lu, %lu bytes",
                  be32_load(p->data + 20), p->id, p->bytes, 0);
        wire_sim_send(w, WIRE_IN, p);
}

void target_beacon(struct world *w, struct target *t, struct target_device *d, unsigned port)
{
        if (!t->is_dead)
                target_send(w, t, port, answer_config(w, t, d, port, NULL));
}

/* The oldest answer known to the queue is an old one now. */
static void target_age_answer(struct target_queue *q)
{
        const struct target_answered *a = &q->answered[q->answered_first++ % TARGET_ANSWERED_MAX];

        if (a->serial > q->overtaken)
                q->overtaken = a->serial;
}

static void target_note_answer(struct target_queue *q, const struct packet *p, nsec now)
{
        if (q->answered_end - q->answered_first == TARGET_ANSWERED_MAX)
                target_age_answer(q);
        q->answered[q->answered_end++ % TARGET_ANSWERED_MAX] =
                (struct target_answered){.serial = p->serial, .at = now};
}

/* Was a later send answered so long ago that this one must not be executed any more? */
static bool target_is_overtaken(const struct world *w, struct target_queue *q,
                                const struct packet *p)
{
        while (q->answered_first < q->answered_end &&
               q->answered[q->answered_first % TARGET_ANSWERED_MAX].at + WIRE_SIM_OVERTAKEN_MAX <=
                       w->now)
                target_age_answer(q);
        return p->serial < q->overtaken;
}

static bool target_breaks_contract(const struct world *w, struct target_queue *q,
                                   const struct packet *p)
{
        if (w->plan.is_wild)
                return false;
        return w->now - p->sent_at >= w->plan.linger_max || target_is_overtaken(w, q, p);
}

/* number: generation << 8 | target << 4 | device << 2 | port */
static uint64_t target_number(const struct target *t, unsigned box, unsigned device, unsigned port)
{
        return (uint64_t)t->generation << 8 | box << 4 | device << 2 | port;
}

static void target_job_done(struct world *w, void *arg, uint64_t number)
{
        struct target *t = &w->targets.boxes[number >> 4 & 3];
        struct target_device *d = &t->devices[number >> 2 & 3];
        unsigned port = number & 3;
        struct target_queue *q = &d->queues[port];
        struct packet *p = arg, *answer;

        if (t->generation != number >> 8)
                return; /* a restart threw the job away */
        list_del(&p->node);
        q->count--;
        if (target_breaks_contract(w, q, p)) {
                trace_add(&w->trace, w->now, "too old: frame %lu", p->id, 0, 0, 0);
                packet_put(&w->packets, p);
                return;
        }
        for (unsigned i = 0; i < p->copies; i++) {
                answer = answer_ata(w, t, d, port, p);
                if (!answer)
                        continue;
                target_note_answer(q, p, w->now);
                target_send(w, t, port, answer);
        }
        packet_put(&w->packets, p);
}

static nsec target_service(struct world *w, const struct target *t)
{
        nsec span = t->plan->service / 2 + prng_below(&w->targets.dice, t->plan->service);

        if (!w->is_healed && plan_has(&w->plan, FAULT_SLOW) &&
            prng_below(&w->targets.dice, 1000000) < w->plan.slow_ppm) {
                world_count(w, FAULT_SLOW);
                span += prng_below(&w->targets.dice, TARGET_SLOW_MAX);
        }
        return nsec_max(span, TARGET_SERVICE_MIN);
}

/* Is p a second copy of a frame that waits here? Both are executed together (wire_sim.h). */
static bool target_has_twin(struct target_queue *q, const struct packet *p)
{
        LIST_FOREACH (node, &q->jobs) {
                struct packet *job = LIST_ENTRY(node, struct packet, node);

                if (job->id == p->id) {
                        job->copies++;
                        return true;
                }
        }
        return false;
}

/* IDENTIFY stands outside the window: it must pass when nothing else does. */
static bool target_is_windowed(const struct packet *p)
{
        return p->data[TARGET_AT_COMMAND] != ATA_IDENTIFY;
}

/* With p, which finds no room, do more frames of the window wait here than there are buffers? */
static bool target_is_overrun(const struct target_queue *q, const struct packet *p, unsigned room)
{
        unsigned count = target_is_windowed(p);

        LIST_FOREACH (node, &q->jobs)
                count += target_is_windowed(LIST_ENTRY(node, struct packet, node));
        return count > room;
}

static void target_queue_ata(struct world *w, unsigned box, unsigned device, unsigned port,
                             struct packet *p)
{
        struct target *t = &w->targets.boxes[box];
        struct target_device *d = &t->devices[device];
        struct target_queue *q = &d->queues[port];
        unsigned room = d->buffers ? d->buffers : 1;
        nsec done;

        /* vblade counts its buffers in bytes that the kernel counts otherwise: fewer fit. */
        if (plan_has(&w->plan, FAULT_OVERRUN) && !w->is_healed)
                room = (room + 1) / 2;

        if (target_has_twin(q, p)) {
                packet_put(&w->packets, p);
                return;
        }
        if (q->count >= room) {
                world_count(w, FAULT_OVERRUN);
                if (target_is_overrun(q, p, room))
                        host_on_overrun(w, d);
                d->overruns++;
                trace_add(&w->trace, w->now, "overrun: frame %lu", p->id, 0, 0, 0);
                packet_put(&w->packets, p);
                return;
        }
        done = target_service(w, t);
        if (t->plan->is_parallel) {
                world_count(w, FAULT_PARALLEL);
                done += w->now;
        } else {
                done += nsec_max(w->now, t->busy_until);
                t->busy_until = done;
        }
        q->count++;
        list_add_tail(&q->jobs, &p->node);
        queue_add(&w->queue, done, target_job_done, p, target_number(t, box, device, port));
}

/* A frame for one device of one box through one of its ports. */
static void target_take(struct world *w, unsigned box, unsigned device, unsigned port,
                        const struct packet *p)
{
        struct target *t = &w->targets.boxes[box];
        struct target_device *d = &t->devices[device];
        struct packet *answer;

        if (p->data[19] == AOE_COMMAND_CONFIG) {
                answer = answer_config(w, t, d, port, p);
                target_send(w, t, port, answer);
        } else if (p->data[19] == AOE_COMMAND_ATA) {
                target_queue_ata(w, box, device, port, packet_copy(&w->packets, p));
        }
}

static bool target_is_addressed(const struct target_device *d, const struct packet *p)
{
        uint16_t shelf = be16_load(p->data + 16);
        uint8_t slot = p->data[18];

        return (shelf == AOE_SHELF_ALL || shelf == aoe_addr_shelf(d->addr)) &&
               (slot == AOE_SLOT_ALL || slot == aoe_addr_slot(d->addr));
}

static void target_hear(struct world *w, unsigned box, unsigned port, const struct packet *p)
{
        static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        struct target *t = &w->targets.boxes[box];
        struct target_port *at = &t->ports[port];

        if (at->link != p->link || t->is_dead)
                return;
        if (p->bytes > at->mtu + 14 && (!t->plan->lies || t->plan->lies_silently))
                return;
        if (memcmp(p->data, at->mac, 6) != 0 && memcmp(p->data, broadcast, 6) != 0)
                return;
        for (unsigned i = 0; i < t->device_count; i++) {
                if (target_is_addressed(&t->devices[i], p))
                        target_take(w, box, i, port, p);
        }
}

void target_receive(struct world *w, struct packet *p)
{
        for (unsigned box = 0; box < w->targets.count; box++) {
                for (unsigned port = 0; port < w->targets.boxes[box].port_count; port++)
                        target_hear(w, box, port, p);
        }
        packet_put(&w->packets, p);
}

void target_die(struct world *w, struct target *t)
{
        struct list *node;

        t->is_dead = true;
        t->generation++;
        t->busy_until = 0;
        for (unsigned i = 0; i < t->device_count; i++) {
                for (unsigned port = 0; port < t->port_count; port++) {
                        struct target_queue *q = &t->devices[i].queues[port];

                        while ((node = list_pop(&q->jobs)))
                                packet_put(&w->packets, LIST_ENTRY(node, struct packet, node));
                        q->count = 0;
                }
        }
        trace_add(&w->trace, w->now, "target dies: e%lu.%lu", aoe_addr_shelf(t->devices[0].addr),
                  aoe_addr_slot(t->devices[0].addr), 0, 0);
}

void target_return(struct world *w, struct target *t)
{
        t->is_dead = false;
        trace_add(&w->trace, w->now, "target is back: e%lu.%lu", aoe_addr_shelf(t->devices[0].addr),
                  aoe_addr_slot(t->devices[0].addr), 0, 0);
        for (unsigned i = 0; i < t->device_count; i++) {
                for (unsigned port = 0; port < t->port_count; port++)
                        target_beacon(w, t, &t->devices[i], port);
        }
}

void target_resize(struct world *w, struct target_device *d, uint64_t sectors)
{
        trace_add(&w->trace, w->now, "device %lu has %lu sectors now", d->idx, sectors, 0, 0);
        d->shrinks += sectors < d->disks[0].sectors;
        for (unsigned i = 0; i < TARGET_DISKS; i++)
                d->disks[i].sectors = sectors;
        if (sectors < d->sectors_least)
                d->sectors_least = sectors;
        if (sectors > d->sectors_most)
                d->sectors_most = sectors;
}

static void target_init_device(struct target *t, const struct plan_device *plan, unsigned idx)
{
        struct target_device *d = &t->devices[t->device_count++];

        *d = (struct target_device){
                .addr = plan->addr,
                .idx = idx,
                .buffers = plan->buffers,
                .flush = plan->flush,
                .trim = plan->trim,
                .sectors_least = plan->sectors,
                .sectors_most = plan->sectors,
        };
        d->may_change = true;
        for (unsigned i = 0; i < TARGET_DISKS; i++)
                disk_init(&d->disks[i], TARGET_DISKS * idx + i, plan->sectors, plan->base,
                          plan->count, plan->lba48);
        for (unsigned i = 0; i < TARGET_DISKS; i++)
                d->disks[i].trim = plan->lba48 && plan->trim != PLAN_TRIM_NONE;
        for (unsigned port = 0; port < PLAN_PORTS_MAX; port++)
                list_init(&d->queues[port].jobs);
}

void targets_init(struct world *w)
{
        struct targets *ts = &w->targets;

        *ts = (struct targets){.count = w->plan.target_count,
                               .dice = {.state = w->plan.seed ^ 0x22}};
        for (unsigned i = 0; i < ts->count; i++) {
                struct target *t = &ts->boxes[i];

                t->plan = &w->plan.targets[i];
                t->port_count = t->plan->port_count;
                for (unsigned port = 0; port < t->port_count; port++) {
                        t->ports[port] = (struct target_port){
                                .link = t->plan->ports[port].link,
                                .mtu = t->plan->ports[port].mtu,
                                .mac = {2, 0, 0, 0xee, (uint8_t)i, (uint8_t)port},
                        };
                }
        }
        for (unsigned i = 0; i < w->plan.device_count; i++)
                target_init_device(&ts->boxes[w->plan.devices[i].target], &w->plan.devices[i], i);
        for (unsigned i = 0; i < w->plan.device_count * TARGET_DISKS; i++)
                oracle_attach(&w->oracle, i, &target_device_at(w, i / TARGET_DISKS)->disks[i % 2]);
}

void targets_fini(struct targets *ts)
{
        for (unsigned i = 0; i < ts->count; i++) {
                for (unsigned j = 0; j < ts->boxes[i].device_count; j++) {
                        for (unsigned k = 0; k < TARGET_DISKS; k++)
                                disk_fini(&ts->boxes[i].devices[j].disks[k]);
                }
        }
}
