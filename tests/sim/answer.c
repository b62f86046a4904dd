/* SPDX-License-Identifier: MIT */
/* The commands that targets know, and the ways in which real ones differ (aoe.md 4). */
#include "answer.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/aoe.h"
#include "wire/ata.h"
#include "world.h"

static struct packet *answer_begin(struct world *w, const struct target *t,
                                   const struct target_device *d, unsigned port,
                                   const struct packet *request)
{
        struct packet *p = packet_get(&w->packets, w->now);
        struct aoe_header h = {
                .version = 1,
                .flags = AOE_FLAG_RESPONSE,
                .shelf = aoe_addr_shelf(d->addr),
                .slot = aoe_addr_slot(d->addr),
                .command = request->data[19],
                .tag = be32_load(request->data + 20),
        };

        memcpy(h.dst, request->data + 6, 6);
        memcpy(h.src, t->ports[port].mac, 6);
        aoe_build_header(p->data, &h);
        return p;
}

static struct packet *answer_end(const struct target *t, struct packet *p, uint32_t bytes)
{
        p->bytes = bytes;
        if (t->plan->is_padding && p->bytes < AOE_FRAME_BYTES_MIN) {
                memset(p->data + p->bytes, 0xff, AOE_FRAME_BYTES_MIN - p->bytes);
                p->bytes = AOE_FRAME_BYTES_MIN;
        }
        return p;
}

struct packet *answer_config(struct world *w, struct target *t, struct target_device *d,
                             unsigned port, const struct packet *request)
{
        static const uint8_t string[] = "simulated";
        struct aoe_config c = {
                .buffers = d->buffers,
                .firmware = 0x4019,
                .sectors = target_offer(t, port),
                .string = string,
                .string_bytes = d->idx % 2 ? sizeof string - 1 : 0,
        };
        struct packet unasked = {.data = {0}};
        struct packet *p;

        if (!request) {
                memset(unasked.data + 6, 0xff, 6);
                unasked.data[19] = AOE_COMMAND_CONFIG;
                request = &unasked;
                world_count(w, FAULT_BEACON);
        }
        if (d->buffers < 2)
                world_count(w, FAULT_FEW_BUFFERS);
        if (t->plan->lies)
                world_count(w, FAULT_LYING);
        if (c.sectors == AOE_SECTORS_DEFAULT && d->idx % 2)
                c.sectors = 0; /* means the same, and real blades say so */
        p = answer_begin(w, t, d, port, request);
        if (request == &unasked)
                p->data[14] = AOE_FLAG_RESPONSE; /* vblade: version 0 */
        aoe_build_config(p->data, &c);
        return answer_end(t, p, AOE_CONFIG_BYTES + c.string_bytes);
}

static struct packet *answer_aoe_error(const struct target *t, struct packet *p, uint8_t error)
{
        p->data[14] |= AOE_FLAG_ERROR;
        p->data[15] = error;
        memset(p->data + AOE_HEADER_BYTES, 0, 36);
        return answer_end(t, p, AOE_FRAME_BYTES_MIN);
}

static struct packet *answer_status(struct world *w, const struct target *t, struct packet *p,
                                    const struct aoe_ata *asked, uint8_t status, uint8_t error,
                                    uint32_t data_bytes)
{
        struct aoe_ata a = *asked;

        a.status = status;
        a.feature = error;
        if (t->plan->has_echo) {
                a.sectors = 0;
        } else {
                a.aflags = 0;
                a.lba = 0;
                world_count(w, FAULT_NO_ECHO);
        }
        aoe_build_ata(p->data, &a);
        return answer_end(t, p, AOE_ATA_BYTES + data_bytes);
}

static struct packet *answer_abort(struct world *w, const struct target *t, struct packet *p,
                                   const struct aoe_ata *asked)
{
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY | ATA_STATUS_ERR, ATA_ERROR_ABRT, 0);
}

static struct packet *answer_flush(struct world *w, const struct target *t, struct target_device *d,
                                   struct packet *p, const struct aoe_ata *asked)
{
        d->flush_tries++;
        if (d->flush == PLAN_FLUSH_SILENT && !w->is_healed) {
                world_count(w, FAULT_FLUSH_SILENT);
                packet_put(&w->packets, p);
                return NULL;
        }
        if (t->plan->refuses_zero_count && asked->sectors == 0)
                return answer_aoe_error(t, p, AOE_ERROR_ARGUMENT);
        switch (d->flush) {
        case PLAN_FLUSH_ABORT:
                world_count(w, FAULT_FLUSH_ABORT);
                return answer_abort(w, t, p, asked);
        case PLAN_FLUSH_ZERO: /* vblade: the short form alone, with status 0 */
                if (asked->status == ATA_FLUSH_EXT)
                        return answer_abort(w, t, p, asked);
                world_count(w, FAULT_FLUSH_STATUS);
                d->flush_step = w->oracle.step++;
                return answer_status(w, t, p, asked, 0, 0x5a, 0);
        case PLAN_FLUSH_ECHO: /* ggaoed */
                world_count(w, FAULT_FLUSH_STATUS);
                d->flush_step = w->oracle.step++;
                return answer_status(w, t, p, asked, asked->status, 0, 0);
        case PLAN_FLUSH_SILENT:
        case PLAN_FLUSH_GOOD: break;
        }
        d->flush_step = w->oracle.step++;
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY, 0, 0);
}

/* The first `sectors` of a write reach the disk. */
static void answer_store(struct world *w, struct target_device *d, uint64_t lba, unsigned sectors,
                         const uint8_t *data)
{
        struct disk *disk = &d->disks[d->present];
        unsigned number = target_right(w, d);

        if (target_oracle(d, d->present) != number && !w->plan.is_wild)
                world_fail(w, "a write of sector %lu reached a swapped disk (device %u)", lba,
                           d->idx);
        for (unsigned i = 0; i < sectors; i++) {
                if (!disk_write(disk, lba + i, data + i * DISK_SECTOR) && !w->plan.is_wild)
                        world_fail(w, "a write of sector %lu that nobody asked for (device %u)",
                                   lba + i, d->idx);
                if (!w->plan.is_wild && !oracle_see_disk(&w->oracle, number, lba + i))
                        world_fail(w, "%s", w->oracle.fault);
        }
}

/* The sectors of one range of TRIM are zeroes. */
static void answer_zero(struct world *w, struct target_device *d, uint64_t lba, unsigned sectors)
{
        static const uint8_t zeroes[DISK_SECTOR];

        for (unsigned i = 0; i < sectors; i++)
                answer_store(w, d, lba + i, 1, zeroes);
}

static struct packet *answer_trim(struct world *w, const struct target *t, struct target_device *d,
                                  struct packet *p, const struct aoe_ata *asked,
                                  const struct packet *request)
{
        const uint8_t *range = request->data + AOE_ATA_BYTES;

        if (d->trim != PLAN_TRIM_ZEROES) {
                world_count(w, FAULT_TRIM_ABORT);
                return answer_abort(w, t, p, asked);
        }
        if (w->plan.is_wild &&
            (asked->sectors != 1 || request->bytes < AOE_ATA_BYTES + DISK_SECTOR))
                return answer_abort(w, t, p, asked); /* a bit was spoilt on its way */
        if (!w->plan.is_wild &&
            (asked->feature != 1 || asked->sectors != 1 || !(asked->aflags & AOE_ATA_WRITE) ||
             request->bytes < AOE_ATA_BYTES + DISK_SECTOR))
                world_fail(w, "a malformed TRIM");
        for (unsigned i = 0; i < 64; i++, range += 8) {
                uint64_t lba = (uint64_t)le16_load(range) | (uint64_t)le16_load(range + 2) << 16 |
                               (uint64_t)le16_load(range + 4) << 32;

                trace_add(&w->trace, w->now, "device %lu: frame %lu trims sectors %lu + %lu",
                          d->idx, request->id, lba, le16_load(range + 6));
                answer_zero(w, d, lba, le16_load(range + 6));
        }
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY, 0, 0);
}

static struct packet *answer_write(struct world *w, const struct target *t, struct target_device *d,
                                   struct packet *p, const struct aoe_ata *asked, uint64_t lba,
                                   const struct packet *request)
{
        if (request->bytes < AOE_ATA_BYTES + asked->sectors * DISK_SECTOR)
                return answer_aoe_error(t, p, AOE_ERROR_ARGUMENT);
        trace_add(&w->trace, w->now, "device %lu: frame %lu writes sectors %lu + %lu", d->idx,
                  request->id, lba, asked->sectors);
        answer_store(w, d, lba, asked->sectors, request->data + AOE_ATA_BYTES);
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY, 0, 0);
}

static struct packet *answer_read(struct world *w, const struct target *t,
                                  const struct target_device *d, struct packet *p,
                                  const struct aoe_ata *asked, uint64_t lba)
{
        const struct disk *disk = &d->disks[d->present];

        for (unsigned i = 0; i < asked->sectors; i++)
                disk_read(disk, lba + i, p->data + AOE_ATA_BYTES + i * DISK_SECTOR);
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY, 0, asked->sectors * DISK_SECTOR);
}

/* An error that the faults ask for; a failed write may have happened in part. */
static struct packet *answer_fault(struct world *w, struct target *t, struct target_device *d,
                                   struct packet *p, const struct aoe_ata *asked, uint64_t lba,
                                   const struct packet *request)
{
        static const uint8_t codes[] = {0, 1, 3, 7};
        bool is_write = asked->aflags & AOE_ATA_WRITE;

        d->errors_sent++;
        if (is_write && request->bytes >= AOE_ATA_BYTES + asked->sectors * DISK_SECTOR) {
                unsigned part = (unsigned)prng_below(&w->targets.dice, asked->sectors + 1);

                answer_store(w, d, lba, part, request->data + AOE_ATA_BYTES);
        }
        if (plan_has(&w->plan, FAULT_ERROR_AOE) &&
            (!plan_has(&w->plan, FAULT_ERROR_ATA) || prng_below(&w->targets.dice, 2))) {
                world_count(w, FAULT_ERROR_AOE);
                return answer_aoe_error(t, p, codes[prng_below(&w->targets.dice, sizeof codes)]);
        }
        world_count(w, FAULT_ERROR_ATA);
        return answer_status(w, t, p, asked, ATA_STATUS_DRDY | ATA_STATUS_ERR, 0x40, 0);
}

static bool answer_is_faulty(struct world *w)
{
        uint64_t enabled = w->plan.faults >> FAULT_ERROR_ATA & 1;

        enabled |= w->plan.faults >> FAULT_ERROR_AOE & 1;
        if (w->is_healed)
                return false;
        return enabled && prng_below(&w->targets.dice, 1000000) < w->plan.error_ppm;
}

static struct packet *answer_transfer(struct world *w, struct target *t, struct target_device *d,
                                      unsigned port, struct packet *p, const struct aoe_ata *asked,
                                      const struct packet *request)
{
        bool is_ext = asked->aflags & AOE_ATA_EXTENDED;
        uint64_t lba = asked->lba & (is_ext ? (UINT64_C(1) << 48) - 1 : (1 << 28) - 1);
        uint32_t room = (t->ports[port].mtu - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;

        if (asked->sectors > room) {
                if (t->plan->lies_silently) {
                        packet_put(&w->packets, p);
                        return NULL;
                }
                d->errors_sent++;
                return answer_aoe_error(t, p, AOE_ERROR_ARGUMENT);
        }
        if (lba + asked->sectors > d->disks[d->present].sectors) {
                d->errors_sent++;
                return answer_status(w, t, p, asked, ATA_STATUS_DRDY | ATA_STATUS_ERR,
                                     ATA_ERROR_IDNF, 0);
        }
        if (answer_is_faulty(w))
                return answer_fault(w, t, d, p, asked, lba, request);
        if (asked->aflags & AOE_ATA_WRITE)
                return answer_write(w, t, d, p, asked, lba, request);
        return answer_read(w, t, d, p, asked, lba);
}

struct packet *answer_ata(struct world *w, struct target *t, struct target_device *d, unsigned port,
                          const struct packet *request)
{
        struct bytes in = {.at = request->data + AOE_HEADER_BYTES,
                           .left = request->bytes - AOE_HEADER_BYTES};
        struct packet *p = answer_begin(w, t, d, port, request);
        struct aoe_ata asked;

        if (aoe_parse_ata(&in, &asked) != DROP_NONE)
                return answer_aoe_error(t, p, AOE_ERROR_ARGUMENT);
        if (asked.status == ATA_IDENTIFY) {
                if (asked.sectors != 1)
                        return answer_aoe_error(t, p, AOE_ERROR_ARGUMENT);
                disk_identify(&d->disks[d->present], p->data + AOE_ATA_BYTES);
                return answer_status(w, t, p, &asked, ATA_STATUS_DRDY, 0, DISK_SECTOR);
        }
        if (d->is_reserved) {
                world_count(w, FAULT_RESERVED);
                d->reserved_sent++;
                return answer_aoe_error(t, p, AOE_ERROR_RESERVED);
        }
        switch (asked.status) {
        case ATA_READ:
        case ATA_READ_EXT:
        case ATA_WRITE:
        case ATA_WRITE_EXT: return answer_transfer(w, t, d, port, p, &asked, request);
        case ATA_DSM: return answer_trim(w, t, d, p, &asked, request);
        case ATA_FLUSH:
        case ATA_FLUSH_EXT: return answer_flush(w, t, d, p, &asked);
        default: return answer_abort(w, t, p, &asked);
        }
}
