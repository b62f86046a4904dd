/* SPDX-License-Identifier: MIT */
/* Dice become a plan. Only this file decides how likely things are. */
#include "plan.h"

#include "base/prng.h"

#define PLAN_BIT(f) (UINT64_C(1) << (f))

static bool plan_chance(struct prng *dice, unsigned percent)
{
        return prng_below(dice, 100) < percent;
}

static unsigned plan_between(struct prng *dice, unsigned low, unsigned high)
{
        return low + (unsigned)prng_below(dice, high - low + 1);
}

/* Faults that make frames disappear, or wait so long that they are taken for lost. */
bool plan_is_orderly(const struct plan *p)
{
        const uint64_t harmless =
                PLAN_BIT(FAULT_DUPLICATE_IN) | PLAN_BIT(FAULT_PARALLEL) |
                PLAN_BIT(FAULT_FEW_BUFFERS) | PLAN_BIT(FAULT_TRIM_ABORT) | PLAN_BIT(FAULT_NO_ECHO) |
                PLAN_BIT(FAULT_FLUSH_STATUS) | PLAN_BIT(FAULT_JUNK_ADDRESS) |
                PLAN_BIT(FAULT_JUNK_MAC) | PLAN_BIT(FAULT_JUNK_TAG) | PLAN_BIT(FAULT_JUNK_COMMAND) |
                PLAN_BIT(FAULT_REFLECT) | PLAN_BIT(FAULT_PADDED) | PLAN_BIT(FAULT_BEACON) |
                PLAN_BIT(FAULT_BACK_PRESSURE) | PLAN_BIT(FAULT_CANCEL) | PLAN_BIT(FAULT_ALIEN) |
                PLAN_BIT(FAULT_SLOW_READER);

        return (p->faults & ~harmless) == 0;
}

static uint32_t plan_mtu(struct prng *dice)
{
        static const uint32_t mtus[] = {1500, 1500, 1500, 9000, 9000, 4200, 1000};

        return mtus[prng_below(dice, sizeof mtus / sizeof mtus[0])];
}

static void plan_faults(struct plan *p, struct prng *dice)
{
        unsigned mood = plan_between(dice, 0, 15);
        unsigned percent = mood == 0 ? 0 : mood < 4 ? 12 : mood < 13 ? 30 : 65;

        for (unsigned f = 0; f < FAULT_COUNT; f++) {
                if (plan_chance(dice, percent))
                        p->faults |= PLAN_BIT(f);
        }
        p->loss_ppm = plan_between(dice, 1, 4) == 4 ? 200000 : plan_between(dice, 500, 50000);
        p->burst_ppm = plan_between(dice, 500, 10000);
        p->duplicate_ppm = plan_between(dice, 1000, 200000);
        p->reorder_ppm = plan_between(dice, 1000, 150000);
        p->junk_ppm = plan_between(dice, 2000, 60000);
        p->error_ppm = plan_between(dice, 500, 8000);
        p->slow_ppm = plan_between(dice, 500, 20000);
        p->episode_every_ms = plan_between(dice, 20, 800);
}

static void plan_network(struct plan *p, struct prng *dice)
{
        p->link_count = plan_between(dice, 1, PLAN_LINKS_MAX);
        p->target_count = plan_between(dice, 1, PLAN_TARGETS_MAX);
        for (unsigned i = 0; i < p->link_count; i++) {
                p->link_mtu[i] = plan_mtu(dice);
                p->link_delay[i] = NSEC_US * plan_between(dice, 5, 300);
        }
        for (unsigned i = 0; i < p->target_count; i++) {
                struct plan_target *t = &p->targets[i];

                t->port_count = p->link_count > 1 ? plan_between(dice, 1, 2) : 1;
                t->ports[0] = (struct plan_port){.link = plan_between(dice, 0, p->link_count - 1),
                                                 .mtu = plan_mtu(dice)};
                t->ports[1] =
                        (struct plan_port){.link = 1 - t->ports[0].link, .mtu = plan_mtu(dice)};
                t->is_parallel = plan_has(p, FAULT_PARALLEL) && plan_chance(dice, 50);
                t->refuses_zero_count = plan_chance(dice, 15);
                t->is_padding = plan_chance(dice, 50);
                t->has_echo = !plan_has(p, FAULT_NO_ECHO) || plan_chance(dice, 50);
                t->lies = plan_has(p, FAULT_LYING) && plan_chance(dice, 50);
                t->lies_silently = plan_chance(dice, 50);
                t->service = NSEC_US * plan_between(dice, 40, 200);
        }
}

static enum plan_flush plan_flush(const struct plan *p, struct prng *dice)
{
        if (plan_has(p, FAULT_FLUSH_SILENT) && plan_chance(dice, 40))
                return PLAN_FLUSH_SILENT;
        if (plan_has(p, FAULT_FLUSH_ABORT) && plan_chance(dice, 40))
                return PLAN_FLUSH_ABORT;
        if (plan_has(p, FAULT_FLUSH_STATUS) && plan_chance(dice, 80))
                return plan_chance(dice, 50) ? PLAN_FLUSH_ZERO : PLAN_FLUSH_ECHO;
        return PLAN_FLUSH_GOOD;
}

static void plan_disk(struct plan_device *d, struct prng *dice)
{
        const uint64_t reach28 = UINT64_C(1) << 28;

        d->count = plan_between(dice, 2100, 2600);
        d->lba48 = plan_chance(dice, 75);
        switch (plan_between(dice, 0, 4)) {
        case 0: /* across the reach of 28 bits */
                d->base = reach28 - d->count / 2;
                d->sectors = d->base + d->count;
                d->lba48 = true;
                break;
        case 1: /* far out */
                d->base = (UINT64_C(1) << 33) + plan_between(dice, 0, 100000);
                d->sectors = d->base + d->count;
                d->lba48 = true;
                break;
        case 2: /* at the end of a small disk */
                d->base = plan_between(dice, 1, 1000);
                d->sectors = d->base + d->count;
                break;
        default:
                d->base = 0;
                d->sectors = d->count + plan_between(dice, 0, 500);
                break;
        }
}

static void plan_devices(struct plan *p, struct prng *dice)
{
        static const uint16_t few[] = {0, 1, 1, 2, 3};

        p->device_count = plan_between(dice, p->target_count, PLAN_DEVICES_MAX);
        for (unsigned i = 0; i < p->device_count; i++) {
                struct plan_device *d = &p->devices[i];

                d->target = i < p->target_count ? i : plan_between(dice, 0, p->target_count - 1);
                d->addr = plan_between(dice, 0, 60000) << 8 | i;
                d->buffers = (uint16_t)plan_between(dice, 4, 64);
                if (plan_has(p, FAULT_FEW_BUFFERS) && plan_chance(dice, 60))
                        d->buffers = few[prng_below(dice, sizeof few / sizeof few[0])];
                d->flush = plan_flush(p, dice);
                d->trim = plan_chance(dice, 60) ? PLAN_TRIM_ZEROES : PLAN_TRIM_NONE;
                if (plan_has(p, FAULT_TRIM_ABORT))
                        d->trim = PLAN_TRIM_ABORT;
                plan_disk(d, dice);
        }
}

static void plan_work(struct plan *p, struct prng *dice)
{
        static const uint64_t hot[] = {8, 24, 64, 200, 2000};

        p->requests = plan_between(dice, 150, 400);
        p->depth = plan_chance(dice, 20) ? 1 : plan_between(dice, 2, 48);
        p->hot_sectors = hot[prng_below(dice, sizeof hot / sizeof hot[0])];
        p->unaligned_percent = plan_chance(dice, 30) ? 0 : plan_between(dice, 10, 80);
        p->bytes_max = plan_chance(dice, 25) ? 1 << 20 : 4096U << plan_between(dice, 0, 4);
        p->is_held = plan_chance(dice, 70);
}

static void plan_engine(struct plan *p, struct prng *dice)
{
        p->slots = plan_chance(dice, 20) ? plan_between(dice, 16, 64) : 1024;
        p->window_max = plan_chance(dice, 20) ? plan_between(dice, 1, 8) : 64;
        p->station_max = plan_chance(dice, 30) ? plan_between(dice, 1, 12) : 4096;
        p->copies_max = 2 * p->slots + (plan_chance(dice, 30) ? 0 : 4096);
        p->payload_max = plan_chance(dice, 80) ? 0 : 512 * plan_between(dice, 1, 16);
        p->loss_waits = plan_chance(dice, 40);
        p->timeout = NSEC_SEC * (plan_chance(dice, 70) ? plan_between(dice, 20, 180)
                                                       : plan_between(dice, 3, 20));
        p->linger_max = NSEC_SEC;
        p->frame_count = plan_chance(dice, 30) ? 160 : 1200;
        p->frames_for_reads = p->frame_count - 100;
        p->arena_blocks = plan_chance(dice, 20) ? 2 : 16;
        p->receive_bytes = plan_chance(dice, 40) ? 0 : plan_chance(dice, 50) ? 212992 : 4 << 20;
        p->cookie = (uint8_t)plan_between(dice, 1, 127);
        p->checks_each_turn = plan_chance(dice, 6);
}

void plan_make(struct plan *p, uint64_t seed)
{
        struct prng dice = {.state = seed};

        *p = (struct plan){.seed = seed};
        plan_faults(p, &dice);
        plan_network(p, &dice);
        plan_devices(p, &dice);
        plan_work(p, &dice);
        plan_engine(p, &dice);
}

void plan_make_quiet(struct plan *p)
{
        *p = (struct plan){
                .seed = 1,
                .link_count = 1,
                .target_count = 1,
                .device_count = 1,
                .link_mtu = {1500, 1500},
                .link_delay = {50 * NSEC_US, 50 * NSEC_US},
                .depth = 16,
                .hot_sectors = 64,
                .bytes_max = 65536,
                .episode_every_ms = 1000,
                .is_held = true,
                .slots = 1024,
                .window_max = 64,
                .station_max = 4096,
                .copies_max = 8192,
                .timeout = 180 * NSEC_SEC,
                .linger_max = NSEC_SEC,
                .frame_count = 1200,
                .frames_for_reads = 1100,
                .arena_blocks = 8,
                .cookie = 77,
                .checks_each_turn = true,
        };
        p->targets[0] = (struct plan_target){
                .ports = {{.link = 0, .mtu = 1500}, {.link = 1, .mtu = 1500}},
                .port_count = 1,
                .has_echo = true,
                .service = 100 * NSEC_US,
        };
        p->devices[0] = (struct plan_device){
                .addr = 7 << 8 | 1,
                .buffers = 16,
                .sectors = 4096,
                .count = 4096,
                .lba48 = true,
        };
}
