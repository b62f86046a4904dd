/* SPDX-License-Identifier: MIT */
/*
 * Hostile bytes into every parser of wire/. What is parsed is built again and must parse to the
 * same; what is refused must leave the result alone.
 */
#include <string.h>

#include "base/check.h"
#include "wire/aoe.h"
#include "wire/ata.h"

#define FUZZ_FRAME_MAX (AOE_CONFIG_BYTES + AOE_STRING_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_header(const struct aoe_header *h)
{
        struct aoe_header again = {0};
        uint8_t frame[AOE_HEADER_BYTES];
        struct bytes in = {.at = frame, .left = sizeof frame};

        aoe_build_header(frame, h);
        CHECK(aoe_parse_header(&in, &again) == DROP_NONE);
        CHECK(in.left == 0);
        CHECK(memcmp(again.dst, h->dst, 6) == 0);
        CHECK(memcmp(again.src, h->src, 6) == 0);
        CHECK(again.version == h->version);
        CHECK(again.flags == h->flags);
        CHECK(again.error == h->error);
        CHECK(again.shelf == h->shelf);
        CHECK(again.slot == h->slot);
        CHECK(again.command == h->command);
        CHECK(again.tag == h->tag);
}

static void fuzz_argument(const struct aoe_ata *a)
{
        uint8_t frame[AOE_ATA_BYTES];
        struct bytes built = {.at = frame + AOE_HEADER_BYTES,
                              .left = AOE_ATA_BYTES - AOE_HEADER_BYTES};
        struct aoe_ata again;

        aoe_build_ata(frame, a);
        CHECK(aoe_parse_ata(&built, &again) == DROP_NONE);
        CHECK(again.aflags == a->aflags);
        CHECK(again.feature == a->feature);
        CHECK(again.sectors == a->sectors);
        CHECK(again.status == a->status);
        CHECK(again.lba == a->lba);
}

static void fuzz_ata(struct bytes in)
{
        struct aoe_ata a;

        if (aoe_parse_ata(&in, &a) == DROP_NONE)
                fuzz_argument(&a);
}

static void fuzz_config(struct bytes in)
{
        static uint8_t frame[FUZZ_FRAME_MAX];
        struct aoe_config c, again;
        struct bytes built;

        if (aoe_parse_config(&in, &c) != DROP_NONE)
                return;
        CHECK(c.string_bytes <= AOE_STRING_BYTES_MAX);
        aoe_build_config(frame, &c);
        built = (struct bytes){.at = frame + AOE_HEADER_BYTES,
                               .left = AOE_CONFIG_BYTES - AOE_HEADER_BYTES +
                                       (size_t)c.string_bytes};
        CHECK(aoe_parse_config(&built, &again) == DROP_NONE);
        CHECK(built.left == 0);
        CHECK(again.buffers == c.buffers);
        CHECK(again.firmware == c.firmware);
        CHECK(again.sectors == c.sectors);
        CHECK(again.command == c.command);
        CHECK(again.string_bytes == c.string_bytes);
        CHECK(memcmp(again.string, c.string, c.string_bytes) == 0);
}

/* What a disk with this identity may be sent arrives as it was meant. */
static void fuzz_commands(const struct ata_identity *i)
{
        const struct aoe_ata identify = ata_make_identify();
        const struct aoe_ata commands[] = {
                ata_make_transfer(false, i->lba48, i->sectors - 1, 1), /* its last sector */
                ata_make_transfer(true, i->lba48, i->sectors - 1, 1),
                ata_make_flush(i->lba48, 0),
                ata_make_flush(i->lba48, 1),
        };

        fuzz_argument(&identify);
        for (size_t n = 0; n < sizeof commands / sizeof commands[0]; n++) {
                fuzz_argument(&commands[n]);
                CHECK(!(commands[n].aflags & AOE_ATA_EXTENDED) == !i->lba48);
        }
}

/* A block of ranges names each sector of the disk's end once, in order. */
static void fuzz_trim(const struct ata_identity *i)
{
        uint64_t sectors = i->sectors < ATA_TRIM_SECTORS_MAX ? i->sectors : ATA_TRIM_SECTORS_MAX;
        uint64_t lba = i->sectors - sectors;
        const struct aoe_ata trim = ata_make_trim();
        uint8_t block[AOE_SECTOR_BYTES];

        fuzz_argument(&trim);
        ata_build_trim(block, lba, sectors);
        for (size_t at = 0; at < sizeof block; at += 8) {
                struct bytes in = {.at = block + at, .left = 8};
                uint64_t first;

                CHECK(bytes_le48(&in, &first));
                if (in.at[0] == 0 && in.at[1] == 0)
                        continue; /* of no sectors */
                CHECK(first == lba);
                lba += in.at[0] + ((uint64_t)in.at[1] << 8);
        }
        CHECK(lba == i->sectors);
}

/* Ends within its array, and shows only what a terminal can show. */
static void fuzz_string(const char *s, size_t room)
{
        size_t n = strnlen(s, room);

        CHECK(n < room);
        for (size_t i = 0; i < n; i++)
                CHECK(s[i] >= 0x20 && s[i] < 0x7f);
}

static void fuzz_identity(struct bytes in)
{
        struct ata_identity i;

        if (ata_parse_identity(&in, &i) != DROP_NONE)
                return;
        CHECK(i.sectors > 0);
        CHECK(i.sectors <= (i.lba48 ? ATA_LBA48_SECTORS_MAX : ATA_LBA28_SECTORS_MAX));
        fuzz_string(i.serial, sizeof i.serial);
        fuzz_string(i.model, sizeof i.model);
        fuzz_string(i.firmware, sizeof i.firmware);
        CHECK(ata_identity_is_same(&i, &i));
        fuzz_commands(&i);
        fuzz_trim(&i);
}

static void fuzz_name(const uint8_t *data, size_t size)
{
        char name[AOE_NAME_BYTES + 8] = "", again[AOE_NAME_BYTES];
        aoe_addr addr = AOE_ADDR_ALL;

        memcpy(name, data, size < sizeof name - 1 ? size : sizeof name - 1);
        if (!aoe_addr_parse(name, &addr)) {
                CHECK(addr == AOE_ADDR_ALL);
                return;
        }
        CHECK(aoe_addr_shelf(addr) != AOE_SHELF_ALL);
        CHECK(aoe_addr_slot(addr) != AOE_SLOT_ALL);
        aoe_addr_format(addr, again);
        CHECK(strcmp(name, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = {.at = data, .left = size};
        struct aoe_header h;
        enum drop drop = aoe_parse_header(&in, &h);

        CHECK(drop_name(drop) != NULL);
        if (drop == DROP_NONE) {
                fuzz_header(&h);
                fuzz_ata(in);
                fuzz_config(in);
        }
        fuzz_identity((struct bytes){.at = data, .left = size});
        fuzz_name(data, size);
        return 0;
}
