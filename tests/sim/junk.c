/* SPDX-License-Identifier: MIT */
/* Each kind of junk is one fault with its own counter. */
#include "junk.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/aoe.h"
#include "world.h"

#define JUNK_SEQ_AWAY (2048U << 12) /* half way round the transmissions of a slot */

static bool junk_chance(struct world *w, enum fault f)
{
        if (w->is_healed || !plan_has(&w->plan, f))
                return false;
        if (prng_below(&w->junk_dice, 1000000) >= w->plan.junk_ppm)
                return false;
        world_count(w, f);
        return true;
}

static struct packet *junk_from(struct world *w, const struct packet *p)
{
        struct packet *junk = packet_copy(&w->packets, p);

        junk->is_ours = false;
        for (uint32_t i = AOE_ATA_BYTES; i < junk->bytes; i++)
                junk->data[i] = (uint8_t)(0x5a + i);
        return junk;
}

static void junk_address(struct world *w, const struct packet *p)
{
        struct packet *junk = junk_from(w, p);
        uint64_t dice = prng_next(&w->junk_dice);
        const struct plan_device *other = &w->plan.devices[dice % w->plan.device_count];

        if (dice >> 32 & 1 && other->addr != world_addr_of(p)) {
                be16_store(junk->data + 16, aoe_addr_shelf(other->addr));
                junk->data[18] = aoe_addr_slot(other->addr);
        } else if (dice >> 33 & 1) {
                be16_store(junk->data + 16, AOE_SHELF_ALL);
                junk->data[18] = AOE_SLOT_ALL;
        } else {
                junk->data[18] ^= 1 << (dice >> 40 & 7);
        }
        host_enqueue(w, junk);
}

static void junk_mac(struct world *w, const struct packet *p)
{
        struct packet *junk = junk_from(w, p);

        junk->data[6 + prng_below(&w->junk_dice, 6)] ^= 0x40;
        host_enqueue(w, junk);
}

static void junk_tag(struct world *w, const struct packet *p)
{
        struct packet *junk = junk_from(w, p);
        uint32_t tag = be32_load(p->data + 20);

        switch (prng_below(&w->junk_dice, 3)) {
        case 0: tag ^= UINT32_C(1) << 31; break; /* the kernel driver's */
        case 1: tag ^= UINT32_C(1) << 26; break; /* another process's */
        default: tag = (tag & ~UINT32_C(0xfff000)) | ((tag + JUNK_SEQ_AWAY) & 0xfff000); break;
        }
        be32_store(junk->data + 20, tag);
        host_enqueue(w, junk);
}

static void junk_command(struct world *w, const struct packet *p)
{
        static const uint8_t commands[] = {1, 2, 3, 0xf0, 0xff};
        struct packet *junk = junk_from(w, p);

        junk->data[19] = commands[prng_below(&w->junk_dice, sizeof commands)];
        host_enqueue(w, junk);
}

/* A wrong bit where the answer must fit: MAC, ethertype, R flag, shelf.slot, command, cookie. What
 * AoE cannot see, in data, LBA or status, is left to Ethernet's checksum. */
static void junk_corrupt(struct world *w, struct packet *p)
{
        static const struct {
                uint8_t byte, bits;
        } fields[] = {{6, 0xff},  {8, 0xff},  {11, 0xf0}, {12, 0xff}, {13, 0xff}, {14, 0x08},
                      {16, 0xff}, {17, 0xff}, {18, 0xf0}, {19, 0xff}, {20, 0xff}};
        uint64_t field = prng_below(&w->junk_dice, sizeof fields / sizeof fields[0]);
        uint8_t bit;

        do {
                bit = (uint8_t)(1 << prng_below(&w->junk_dice, 8));
        } while (!(fields[field].bits & bit));
        p->data[fields[field].byte] ^= bit;
        p->is_ours = false;
}

void junk_beside(struct world *w, struct packet *p)
{
        if (junk_chance(w, FAULT_PADDED) && p->bytes + 70 < PACKET_BYTES_MAX) {
                memset(p->data + p->bytes, 0xff, 70);
                p->bytes += 1 + (uint32_t)prng_below(&w->junk_dice, 70);
        }
        if (p->data[19] == AOE_COMMAND_ATA) {
                if (junk_chance(w, FAULT_JUNK_ADDRESS))
                        junk_address(w, p);
                if (junk_chance(w, FAULT_JUNK_MAC))
                        junk_mac(w, p);
                if (junk_chance(w, FAULT_JUNK_TAG))
                        junk_tag(w, p);
                if (junk_chance(w, FAULT_JUNK_COMMAND))
                        junk_command(w, p);
                if (junk_chance(w, FAULT_CORRUPT))
                        junk_corrupt(w, p);
        }
        if (junk_chance(w, FAULT_TRUNCATE)) {
                uint32_t least = p->bytes > 512 ? p->bytes - 512 : AOE_HEADER_BYTES;

                p->is_ours = false;
                p->bytes = (uint32_t)prng_below(&w->junk_dice, 2) ? least : AOE_HEADER_BYTES - 1;
        }
}

void junk_reflect(struct world *w, const struct packet *p)
{
        struct packet *twin;

        if (!junk_chance(w, FAULT_REFLECT))
                return;
        twin = packet_copy(&w->packets, p);
        twin->is_ours = false;
        wire_sim_deliver(w, WIRE_IN, twin, w->now + 5 * NSEC_US);
}
