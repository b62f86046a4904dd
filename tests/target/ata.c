/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

static void ata_fail(struct packet *a, uint8_t error)
{
        a->data[AT_STATUS] = 0x41;
        a->data[AT_FEATURE] = error;
        a->bytes = ATA_BYTES;
}

static void aoe_fail(struct packet *a, uint8_t error)
{
        a->data[AT_FLAGS] |= 0x04;
        a->data[AT_ERROR] = error;
        a->bytes = ATA_BYTES;
}

/* FLUSH CACHE (EXT). false: no answer. */
static bool ata_flush(struct target *t, uint8_t command, struct packet *a)
{
        if (applies(t, QUIRK_NO_FLUSH))
                return false;
        if (applies(t, QUIRK_ABORT_FLUSH))
                ata_fail(a, 0x04);
        else if (applies(t, QUIRK_ECHO_FLUSH))
                a->data[AT_STATUS] = command;
        return true;
}

/* READ and WRITE SECTORS (EXT). */
static bool ata_transfer(struct target *t, const struct packet *ask, struct packet *a, bool writes,
                         uint64_t lba)
{
        unsigned count = ask->data[AT_COUNT];
        size_t bytes = (size_t)count * SECTOR;
        enum quirk bogus;

        if (count == 0 || count > config_sectors(t) || (writes && ask->bytes < ATA_BYTES + bytes)) {
                aoe_fail(a, 2);
                return true;
        }
        if (lba > t->sectors || count > t->sectors - lba) {
                ata_fail(a, 0x10);
                return true;
        }
        if (lba < t->range_end && lba + count > t->range_first) {
                if (applies(t, QUIRK_ERROR_ZERO)) {
                        ata_fail(a, 0x04);
                        aoe_fail(a, 0);
                        return true;
                }
                if (applies(t, QUIRK_ABORT)) {
                        ata_fail(a, 0x40);
                        return true;
                }
        }
        if (!writes) {
                memcpy(a->data + ATA_BYTES, t->image + lba * SECTOR, bytes);
                a->bytes += bytes;
        }
        if (bogus_due(t, &bogus)) {
                bogus_send(t, bogus, ask, a);
                return false;
        }
        if (writes)
                memcpy(t->image + lba * SECTOR, ask->data + ATA_BYTES, bytes);
        return true;
}

static uint64_t ata_lba(const struct packet *ask, bool extended)
{
        uint64_t lba = 0;

        for (int i = 5; i >= 0; i--)
                lba = lba << 8 | ask->data[AT_LBA + i];
        return extended ? lba : lba & 0x0fffffff;
}

void ata_serve(struct target *t, const struct packet *ask, struct packet *a)
{
        uint8_t command = ask->data[AT_STATUS];
        bool answers = true;

        if (ask->bytes < ATA_BYTES)
                return;
        answer_begin(t, ask, a);
        a->data[AT_STATUS] = 0x40;
        a->data[AT_FEATURE] = 0;
        if (!applies(t, QUIRK_COUNT_ECHO))
                a->data[AT_COUNT] = 0;
        if (applies(t, QUIRK_NO_ECHO)) {
                a->data[AT_AFLAGS] = 0;
                memset(a->data + AT_LBA, 0, 6);
        }
        if (command != 0xec && applies(t, QUIRK_RESERVED)) {
                aoe_fail(a, 6);
        } else if (command == 0xec) {
                identify_build(t, a->data + ATA_BYTES);
                a->bytes += SECTOR;
        } else if (command == 0xe7 || command == 0xea) {
                answers = ata_flush(t, command, a);
        } else if (command == 0x24 || command == 0x34) {
                answers = ata_transfer(t, ask, a, command == 0x34, ata_lba(ask, true));
        } else if (command == 0x20 || command == 0x30) {
                answers = ata_transfer(t, ask, a, command == 0x30, ata_lba(ask, false));
        } else {
                ata_fail(a, 0x04);
        }
        if (answers)
                answer_send(t, a);
}
