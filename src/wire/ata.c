/* SPDX-License-Identifier: MIT */
#include "wire/ata.h"

#include "base/check.h"

#define ATA_WORD_SERIAL     10
#define ATA_WORD_FIRMWARE   23
#define ATA_WORD_MODEL      27
#define ATA_WORD_SECTORS28  60
#define ATA_WORD_COMMANDS   83
#define ATA_WORD_ENABLED    86
#define ATA_WORD_ADDITIONAL 69
#define ATA_WORD_SECTORS48  100
#define ATA_WORD_DSM        169
#define ATA_WORD_ROTATION   217
#define ATA_WORD_LBA48_BIT  (1 << 10) /* (ATA8-ACS 7.16.7.42) */
#define ATA_WORD_DSM_TRIM   1         /* (ATA8-ACS 7.16.7.68) */
/* Deterministic, and zeroes: (ATA8-ACS 7.16.7.31). */
#define ATA_WORD_TRIM_ZEROES  (1 << 14 | 1 << 5)
#define ATA_WORD_ROTATION_MIN 0x401 /* turns a minute; 1: does not turn */
#define ATA_DEVICE_IDENTIFY   0xa0  /* lba3 of IDENTIFY, as every initiator sends it */
#define ATA_DEVICE_LBA28      0xe0

static uint16_t ata_word(const uint8_t *id, unsigned word)
{
        return le16_load(id + 2 * word);
}

/*
 * ATA strings are swapped in each word. qaoed sends its strings unswapped and filled with NUL
 * (aoe.md 4.3): they come out swapped, but printable and always the same, which is what identity
 * needs.
 */
static void ata_string(const uint8_t *id, unsigned word, size_t bytes, char *ret)
{
        size_t first = 0, end = bytes;
        char s[ATA_MODEL_BYTES];

        CHECK(bytes < sizeof s);
        for (size_t i = 0; i < bytes; i++) {
                uint8_t c = id[2 * word + (i ^ 1)];

                s[i] = (char)(c == 0 ? ' ' : c >= 0x20 && c < 0x7f ? c : '?');
        }
        while (first < end && s[first] == ' ')
                first++;
        while (end > first && s[end - 1] == ' ')
                end--;
        memcpy(ret, s + first, end - first);
        memset(ret + (end - first), 0, bytes + 1 - (end - first)); /* compared as a block */
}

/* Sectors, 0 when there is no sane number. Some targets fill only one of the two (aoe.md 1.6). */
static uint64_t ata_capacity(const uint8_t *id, bool *lba48)
{
        uint64_t sectors48 = (uint64_t)ata_word(id, ATA_WORD_SECTORS48) |
                             (uint64_t)ata_word(id, ATA_WORD_SECTORS48 + 1) << 16 |
                             (uint64_t)ata_word(id, ATA_WORD_SECTORS48 + 2) << 32 |
                             (uint64_t)ata_word(id, ATA_WORD_SECTORS48 + 3) << 48;
        uint64_t sectors28 = (uint64_t)ata_word(id, ATA_WORD_SECTORS28) |
                             (uint64_t)ata_word(id, ATA_WORD_SECTORS28 + 1) << 16;

        if (sectors28 == 0 && sectors48 > 0)
                *lba48 = true;
        if (*lba48 && sectors48 > 0)
                return sectors48 <= ATA_LBA48_SECTORS_MAX ? sectors48 : 0;
        return sectors28 <= ATA_LBA28_SECTORS_MAX ? sectors28 : 0;
}

enum drop ata_parse_identity(struct bytes *in, struct ata_identity *ret)
{
        struct ata_identity i = {0};
        const uint8_t *id;
        uint16_t either;

        if (!bytes_take(in, ATA_IDENTIFY_BYTES, &id))
                return DROP_LENGTH;
        /* Word 83 says supported, 86 enabled; targets fill one or both (aoe.md 1.6). */
        either = ata_word(id, ATA_WORD_COMMANDS) | ata_word(id, ATA_WORD_ENABLED);
        i.lba48 = either & ATA_WORD_LBA48_BIT;
        i.sectors = ata_capacity(id, &i.lba48);
        if (i.sectors == 0)
                return DROP_LENGTH;
        i.trim = i.lba48 && (ata_word(id, ATA_WORD_DSM) & ATA_WORD_DSM_TRIM);
        i.trim_zeroes = i.trim && (ata_word(id, ATA_WORD_ADDITIONAL) & ATA_WORD_TRIM_ZEROES) ==
                                          ATA_WORD_TRIM_ZEROES;
        i.rotational = ata_word(id, ATA_WORD_ROTATION) >= ATA_WORD_ROTATION_MIN;
        ata_string(id, ATA_WORD_SERIAL, ATA_SERIAL_BYTES - 1, i.serial);
        ata_string(id, ATA_WORD_FIRMWARE, ATA_FIRMWARE_BYTES - 1, i.firmware);
        ata_string(id, ATA_WORD_MODEL, ATA_MODEL_BYTES - 1, i.model);
        *ret = i;
        return DROP_NONE;
}

bool ata_identity_is_same(const struct ata_identity *a, const struct ata_identity *b)
{
        return memcmp(a->serial, b->serial, sizeof a->serial) == 0 &&
               memcmp(a->model, b->model, sizeof a->model) == 0 &&
               memcmp(a->firmware, b->firmware, sizeof a->firmware) == 0;
}

struct aoe_ata ata_make_transfer(bool write, bool lba48, uint64_t lba, uint8_t sectors)
{
        uint64_t reach = lba48 ? ATA_LBA48_SECTORS_MAX : ATA_LBA28_SECTORS_MAX;
        struct aoe_ata a = {.sectors = sectors, .lba = lba};

        CHECK(sectors > 0);
        CHECK(lba < reach && sectors <= reach - lba);
        /*
         * vblade looks at the command, ggaoed at the E flag: both must say the same (aoe.md 1.7).
         */
        if (lba48) {
                a.aflags = AOE_ATA_EXTENDED;
                a.status = write ? ATA_WRITE_EXT : ATA_READ_EXT;
        } else {
                a.status = write ? ATA_WRITE : ATA_READ;
                a.lba |= (uint64_t)ATA_DEVICE_LBA28 << 24;
        }
        if (write)
                a.aflags |= AOE_ATA_WRITE;
        return a;
}

struct aoe_ata ata_make_identify(void)
{
        return (struct aoe_ata){
                .sectors = 1, /* vblade and ggaoed refuse anything else */
                .status = ATA_IDENTIFY,
                .lba = (uint64_t)ATA_DEVICE_IDENTIFY << 24,
        };
}

struct aoe_ata ata_make_trim(void)
{
        return (struct aoe_ata){
                .aflags = AOE_ATA_EXTENDED | AOE_ATA_WRITE,
                .feature = 1, /* (ATA8-ACS 7.9.3): TRIM */
                .sectors = 1,
                .status = ATA_DSM,
        };
}

void ata_build_trim(uint8_t *p, uint64_t lba, uint64_t sectors)
{
        CHECK(sectors > 0 && sectors <= ATA_TRIM_SECTORS_MAX);
        CHECK(lba < ATA_LBA48_SECTORS_MAX && sectors <= ATA_LBA48_SECTORS_MAX - lba);
        memset(p, 0, AOE_SECTOR_BYTES); /* ranges of no sectors are ignored */
        while (sectors > 0) {
                uint64_t n = sectors < 0xffff ? sectors : 0xffff;

                le48_store(p, lba);
                p[6] = (uint8_t)n;
                p[7] = (uint8_t)(n >> 8);
                p += 8;
                lba += n;
                sectors -= n;
        }
}

struct aoe_ata ata_make_flush(bool ext, uint8_t sectors)
{
        return (struct aoe_ata){
                .aflags = ext ? AOE_ATA_EXTENDED : 0,
                .sectors = sectors,
                .status = ext ? ATA_FLUSH_EXT : ATA_FLUSH,
        };
}
