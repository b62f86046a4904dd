/* SPDX-License-Identifier: MIT */
/*
 * ATA commands. The flags of a request must say what its command byte says: some targets believe
 * the one, some the other (aoe.md 1.7), so whoever contradicts himself is refused here.
 */
#include "target.h"

#include <string.h>

#define ATA_READ      0x20
#define ATA_READ_EXT  0x24
#define ATA_WRITE     0x30
#define ATA_WRITE_EXT 0x34
#define ATA_FLUSH     0xe7
#define ATA_FLUSH_EXT 0xea
#define ATA_IDENTIFY  0xec

#define FLAG_EXTENDED 0x40
#define FLAG_WRITE    0x01

#define ERROR_ABRT 0x04
#define ERROR_IDNF 0x10
#define ERROR_UNC  0x40

#define AOE_ARGUMENT 2
#define AOE_RESERVED 6
#define AOE_UNHEARD  71 /* a code that nobody has defined */

enum reply {
        REPLY_GOOD,
        REPLY_BAD,
        REPLY_NONE,
};

struct transfer {
        bool writes;
        uint64_t lba;
        unsigned count;
        size_t bytes;
};

/* ---- how to say no ---- */

static enum reply ata_fail(struct packet *a, uint8_t error)
{
        a->data[AT_STATUS] = 0x41;
        a->data[AT_FEATURE] = error;
        a->bytes = ATA_BYTES;
        return REPLY_BAD;
}

static enum reply aoe_fail(struct target *t, const struct packet *ask, struct packet *a,
                           uint8_t error)
{
        a->data[AT_FLAGS] |= 0x04;
        a->data[AT_ERROR] = error;
        a->bytes = ATA_BYTES;
        if (applies(t, QUIRK_SHORT_ERROR)) { /* what follows is left over from the request */
                memcpy(a->data + HEADER_BYTES, ask->data + HEADER_BYTES, ATA_BYTES - HEADER_BYTES);
                a->bytes = HEADER_BYTES;
        }
        return REPLY_BAD;
}

/* ---- READ and WRITE SECTORS (EXT) ---- */

static struct transfer transfer_parse(const struct packet *ask)
{
        uint8_t command = ask->data[AT_STATUS];
        bool extended = command == ATA_READ_EXT || command == ATA_WRITE_EXT;
        struct transfer x = {
                .writes = command == ATA_WRITE || command == ATA_WRITE_EXT,
                .count = ask->data[AT_COUNT],
                .bytes = (size_t)ask->data[AT_COUNT] * SECTOR,
        };

        for (int i = 5; i >= 0; i--)
                x.lba = x.lba << 8 | ask->data[AT_LBA + i];
        if (!extended)
                x.lba &= 0x0fffffff;
        return x;
}

/* A medium error. vblade tells how many sectors are left, and its answer to a READ is as long as
 * they are, full of what its buffer had. */
static enum reply transfer_abort(struct target *t, const struct transfer *x, struct packet *a)
{
        uint64_t good = x->lba < t->range_first ? t->range_first - x->lba : 0;
        size_t rest = x->count - good;

        ata_fail(a, ERROR_UNC);
        if (applies(t, QUIRK_COUNT_REST)) {
                a->data[AT_COUNT] = (uint8_t)rest;
                memset(a->data + ATA_BYTES, 0xa5, rest * SECTOR);
                a->bytes += x->writes ? 0 : rest * SECTOR;
        }
        return REPLY_BAD;
}

static enum reply transfer_in_range(struct target *t, const struct packet *ask,
                                    const struct transfer *x, struct packet *a)
{
        if (applies(t, QUIRK_ERROR_ZERO)) {
                ata_fail(a, ERROR_ABRT);
                return aoe_fail(t, ask, a, 0);
        }
        if (applies(t, QUIRK_ERROR_HIGH))
                return aoe_fail(t, ask, a, AOE_UNHEARD);
        if (applies(t, QUIRK_ARGUMENT))
                return aoe_fail(t, ask, a, AOE_ARGUMENT);
        return applies(t, QUIRK_ABORT) ? transfer_abort(t, x, a) : REPLY_GOOD;
}

static enum reply transfer_check(struct target *t, const struct packet *ask,
                                 const struct transfer *x, struct packet *a)
{
        if (x->count == 0 || x->count > config_sectors(t) ||
            (x->writes && ask->bytes < ATA_BYTES + x->bytes)) {
                if (applies(t, QUIRK_OVERSIZE_ABORT))
                        return ata_fail(a, ERROR_ABRT);
                return aoe_fail(t, ask, a, AOE_ARGUMENT);
        }
        if (x->lba > t->sectors || x->count > t->sectors - x->lba) {
                if (applies(t, QUIRK_END_ARGUMENT))
                        return aoe_fail(t, ask, a, AOE_ARGUMENT);
                return ata_fail(a, ERROR_IDNF);
        }
        if (x->lba < t->range_end && x->lba + x->count > t->range_first)
                return transfer_in_range(t, ask, x, a);
        return REPLY_GOOD;
}

static enum reply ata_transfer(struct target *t, const struct packet *ask, struct packet *a,
                               bool honest)
{
        struct transfer x = transfer_parse(ask);
        enum quirk bogus;

        if (transfer_check(t, ask, &x, a) != REPLY_GOOD)
                return REPLY_BAD;
        if (!x.writes) {
                memcpy(a->data + ATA_BYTES, t->image + x.lba * SECTOR, x.bytes);
                a->bytes += x.bytes;
        }
        if (!honest && bogus_due(t, &bogus)) {
                bogus_send(t, bogus, ask, a);
                return REPLY_NONE;
        }
        if (x.writes)
                memcpy(t->image + x.lba * SECTOR, ask->data + ATA_BYTES, x.bytes);
        t->served++;
        return REPLY_GOOD;
}

/* ---- all commands ---- */

static enum reply ata_flush(struct target *t, const struct packet *ask, struct packet *a)
{
        if (applies(t, QUIRK_NO_FLUSH))
                return REPLY_NONE;
        if (applies(t, QUIRK_ABORT_FLUSH))
                return ata_fail(a, ERROR_ABRT);
        if (applies(t, QUIRK_ECHO_FLUSH))
                a->data[AT_STATUS] = ask->data[AT_STATUS];
        return REPLY_GOOD;
}

static bool ata_contradicts_itself(const struct packet *ask)
{
        uint8_t command = ask->data[AT_STATUS];
        bool writes = command == ATA_WRITE || command == ATA_WRITE_EXT;
        bool extended =
                command == ATA_READ_EXT || command == ATA_WRITE_EXT || command == ATA_FLUSH_EXT;
        unsigned flags = (extended ? FLAG_EXTENDED : 0) | (writes ? FLAG_WRITE : 0);

        return ask->data[AT_AFLAGS] != flags || get16(ask->data + AT_RESERVED) != 0;
}

static enum reply ata_do(struct target *t, const struct packet *ask, struct packet *a, bool honest)
{
        uint8_t command = ask->data[AT_STATUS];

        if (ata_contradicts_itself(ask))
                return aoe_fail(t, ask, a, AOE_ARGUMENT);
        if (command != ATA_IDENTIFY && applies(t, QUIRK_RESERVED))
                return aoe_fail(t, ask, a, AOE_RESERVED);
        if (ask->data[AT_AFLAGS] & FLAG_EXTENDED && t->wants[QUIRK_SIZE_28])
                return ata_fail(a, ERROR_ABRT);
        switch (command) {
        case ATA_IDENTIFY:
                t->identified++;
                identify_build(t, a->data + ATA_BYTES);
                a->bytes += SECTOR;
                return REPLY_GOOD;
        case ATA_FLUSH:
        case ATA_FLUSH_EXT: return ata_flush(t, ask, a);
        case ATA_READ:
        case ATA_READ_EXT:
        case ATA_WRITE:
        case ATA_WRITE_EXT: return ata_transfer(t, ask, a, honest);
        default: return ata_fail(a, ERROR_ABRT);
        }
}

/* A good answer to any command, which ata_do() makes a specific or a bad one. */
static void ata_begin(struct target *t, const struct packet *ask, struct packet *a)
{
        answer_begin(t, ask, a);
        a->data[AT_STATUS] = 0x40;
        a->data[AT_FEATURE] = 0;
        if (applies(t, QUIRK_STATUS_ZERO)) {
                a->data[AT_STATUS] = 0;
                a->data[AT_FEATURE] = roll(t);
        }
        if (applies(t, QUIRK_COUNT_FF))
                a->data[AT_COUNT] = 0xff;
        else if (!applies(t, QUIRK_COUNT_ECHO))
                a->data[AT_COUNT] = 0;
        if (applies(t, QUIRK_NO_ECHO)) {
                a->data[AT_AFLAGS] = 0;
                memset(a->data + AT_LBA, 0, 6);
        }
}

static void ata_answer(struct target *t, const struct packet *ask, struct packet *a, bool honest)
{
        ata_begin(t, ask, a);
        switch (ata_do(t, ask, a, honest)) {
        case REPLY_GOOD: answer_send_data(t, a); break;
        case REPLY_BAD:
                if (!applies(t, QUIRK_SILENT_ERRORS))
                        answer_send(t, a);
                break;
        case REPLY_NONE: break;
        }
}

void ata_serve(struct target *t, const struct packet *ask, struct packet *a)
{
        const struct packet *late;

        if (applies(t, QUIRK_CONFIG_ONLY))
                return;
        late = bogus_take_late(t, ask);
        if (late)
                ata_answer(t, late, a, true);
        ata_answer(t, ask, a, late);
}
