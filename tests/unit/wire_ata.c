/* SPDX-License-Identifier: MIT */
/*
 * ata: the disk that a real vblade describes, the sizes of those that describe themselves badly,
 * and commands whose two forms never mix.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "golden.h"
#include "wire/ata.h"

static const uint8_t *const golden_id = golden_identify_answer + AOE_ATA_BYTES;

static void word_store(uint8_t *id, unsigned word, uint16_t v)
{
        id[2 * word] = (uint8_t)v;
        id[2 * word + 1] = (uint8_t)(v >> 8);
}

/* An empty disk that knows LBA48 or not; both capacities are words of the caller's. */
static void id_make(uint8_t *id, bool lba48, uint64_t sectors28, uint64_t sectors48)
{
        memset(id, 0, ATA_IDENTIFY_BYTES);
        word_store(id, 83, lba48 ? 1 << 10 : 0);
        word_store(id, 60, (uint16_t)sectors28);
        word_store(id, 61, (uint16_t)(sectors28 >> 16));
        for (unsigned i = 0; i < 4; i++)
                word_store(id, 100 + i, (uint16_t)(sectors48 >> 16 * i));
}

static enum drop id_parse(const uint8_t *id, size_t bytes, struct ata_identity *ret)
{
        struct bytes in = {.at = id, .left = bytes};

        return ata_parse_identity(&in, ret);
}

static void assert_size(bool lba48, uint64_t sectors28, uint64_t sectors48, uint64_t want,
                        bool want_lba48)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i;

        id_make(id, lba48, sectors28, sectors48);
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert_eq(i.sectors, want, "%lu sectors, not %lu", i.sectors, want);
        cr_assert_eq(i.lba48, want_lba48);
}

static void assert_no_size(bool lba48, uint64_t sectors28, uint64_t sectors48)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i = {.sectors = 0x5eed}, was = i;

        id_make(id, lba48, sectors28, sectors48);
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_LENGTH);
        cr_assert_eq(memcmp(&i, &was, sizeof i), 0, "touched on failure");
}

Test(ata, identity_of_vblade)
{
        struct ata_identity i;

        cr_assert_eq(id_parse(golden_id, ATA_IDENTIFY_BYTES, &i), DROP_NONE);
        cr_assert_eq(i.sectors, 2048);
        cr_assert(i.lba48);
        cr_assert_str_eq(i.model, "Coraid EtherDrive vblade");
        cr_assert_str_eq(i.serial, "7.1:golden");
        cr_assert_str_eq(i.firmware, "V25");
}

Test(ata, identity_truncated_at_every_length)
{
        for (size_t n = 0; n < ATA_IDENTIFY_BYTES; n++) {
                uint8_t *copy = malloc(n ? n : 1);
                struct ata_identity i = {.sectors = 0x5eed}, was = i;

                memcpy(copy, golden_id, n);
                cr_assert_eq(id_parse(copy, n, &i), DROP_LENGTH, "%zu bytes", n);
                cr_assert_eq(memcmp(&i, &was, sizeof i), 0);
                free(copy);
        }
}

Test(ata, sizes)
{
        assert_size(true, 2048, 2048, 2048, true);
        assert_size(true, 2048, 0x123456789abc, 0x123456789abc, true);
        assert_size(true, 2048, 1, 1, true);
        assert_size(false, 2048, 0, 2048, false);
        assert_size(true, ATA_LBA28_SECTORS_MAX - 1, UINT64_C(1) << 40, UINT64_C(1) << 40, true);
        assert_size(true, 0, ATA_LBA48_SECTORS_MAX, ATA_LBA48_SECTORS_MAX, true);
        assert_size(false, ATA_LBA28_SECTORS_MAX, 0, ATA_LBA28_SECTORS_MAX, false);
}

/* aoe.md 1.6: MyStorage fills words 100 to 103 only; others say LBA48 and fill word 60 only. */
Test(ata, sizes_of_sloppy_targets)
{
        assert_size(false, 0, 4096, 4096, true);
        assert_size(true, 4096, 0, 4096, true);
        assert_size(false, 2048, 4096, 2048, false);
}

Test(ata, sizes_that_are_none)
{
        assert_no_size(true, 0, 0);
        assert_no_size(false, 0, 0);
        assert_no_size(true, 0, ATA_LBA48_SECTORS_MAX + 1);
        assert_no_size(true, 2048, UINT64_MAX);
        assert_no_size(false, ATA_LBA28_SECTORS_MAX + 1, 0);
        assert_no_size(false, UINT32_MAX, 4096);
}

Test(ata, lba48_by_either_word)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i;

        id_make(id, false, 100, 200);
        word_store(id, 86, 1 << 10);
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert(i.lba48);
        cr_assert_eq(i.sectors, 200);
}

static void string_store(uint8_t *id, unsigned word, size_t bytes, const char *s)
{
        for (size_t i = 0; i < bytes; i++)
                id[2 * word + (i ^ 1)] = (uint8_t)(i < strlen(s) ? s[i] : ' ');
}

Test(ata, strings)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i;

        id_make(id, true, 8, 8);
        string_store(id, 10, 20, "  12345678901234567 ");
        string_store(id, 23, 8, "12345678");
        string_store(id, 27, 40, "a\x01 \x7f\xff model\n");
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert_str_eq(i.serial, "12345678901234567", "outer blanks are cut");
        cr_assert_str_eq(i.firmware, "12345678", "no room for a blank is no harm");
        cr_assert_str_eq(i.model, "a? ?? model?", "nothing that a terminal would obey");
}

Test(ata, strings_without_a_blank)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i;

        id_make(id, true, 8, 8);
        string_store(id, 10, 20, "abcdefghijklmnopqrst");
        string_store(id, 27, 40, "abcdefghijklmnopqrstuvwxyzabcdefghijklmn");
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert_str_eq(i.serial, "abcdefghijklmnopqrst");
        cr_assert_str_eq(i.model, "abcdefghijklmnopqrstuvwxyzabcdefghijklmn");
}

Test(ata, strings_of_nothing)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity i;

        id_make(id, true, 8, 8);
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert_str_empty(i.serial);
        cr_assert_str_empty(i.model);
        string_store(id, 27, 40, "");
        cr_assert_eq(id_parse(id, sizeof id, &i), DROP_NONE);
        cr_assert_str_empty(i.model);
}

Test(ata, same_disk)
{
        uint8_t id[ATA_IDENTIFY_BYTES];
        struct ata_identity a, b;

        memcpy(id, golden_id, sizeof id);
        cr_assert_eq(id_parse(id, sizeof id, &a), DROP_NONE);
        word_store(id, 100, 9999);
        cr_assert_eq(id_parse(id, sizeof id, &b), DROP_NONE);
        cr_assert(ata_identity_is_same(&a, &b), "the size is judged by the caller");
        string_store(id, 10, 20, "7.1:silver");
        cr_assert_eq(id_parse(id, sizeof id, &b), DROP_NONE);
        cr_assert(!ata_identity_is_same(&a, &b));
        b = a;
        b.model[0] ^= 1;
        cr_assert(!ata_identity_is_same(&a, &b));
        b = a;
        b.firmware[0] ^= 1;
        cr_assert(!ata_identity_is_same(&a, &b));
}

/* The argument's 12 bytes as vblade took them. */
static void assert_argument(const struct aoe_ata *a, const uint8_t *golden)
{
        uint8_t p[AOE_ATA_BYTES];

        aoe_build_ata(p, a);
        cr_assert_arr_eq(p + AOE_HEADER_BYTES, golden + AOE_HEADER_BYTES,
                         AOE_ATA_BYTES - AOE_HEADER_BYTES);
}

Test(ata, makes_what_vblade_accepted)
{
        struct aoe_ata read = ata_make_transfer(false, true, 3, 1);
        struct aoe_ata read28 = ata_make_transfer(false, false, 2047, 1);
        struct aoe_ata write = ata_make_transfer(true, true, 5, 1);
        struct aoe_ata identify = ata_make_identify();
        struct aoe_ata flush = ata_make_flush(false, 0), flush_ext = ata_make_flush(true, 0);

        assert_argument(&read, golden_read_request);
        assert_argument(&read28, golden_read28_request);
        assert_argument(&write, golden_write_request);
        assert_argument(&identify, golden_identify_request);
        assert_argument(&flush, golden_flush_request);
        assert_argument(&flush_ext, golden_flush_ext_request);
}

/* vblade believes the command, ggaoed the E flag: they must never disagree (aoe.md 1.7). */
Test(ata, forms_never_mix)
{
        struct aoe_ata w28 = ata_make_transfer(true, false, 0x0fedcba9, 255);
        struct aoe_ata w48 = ata_make_transfer(true, true, 0x0fedcba9, 255);
        struct aoe_ata flush9 = ata_make_flush(true, 1);

        cr_assert_eq(w28.status, ATA_WRITE);
        cr_assert_eq(w28.aflags, AOE_ATA_WRITE);
        cr_assert_eq(w28.lba, 0xefedcba9);
        cr_assert_eq(w48.status, ATA_WRITE_EXT);
        cr_assert_eq(w48.aflags, AOE_ATA_WRITE | AOE_ATA_EXTENDED);
        cr_assert_eq(w48.lba, 0x0fedcba9);
        cr_assert_eq(flush9.sectors, 1);
        cr_assert_eq(flush9.status, ATA_FLUSH_EXT);
}

Test(ata, reaches_the_last_sector)
{
        cr_assert_eq(ata_make_transfer(false, false, ATA_LBA28_SECTORS_MAX - 255, 255).sectors,
                     255);
        cr_assert_eq(ata_make_transfer(false, true, ATA_LBA48_SECTORS_MAX - 1, 1).lba,
                     ATA_LBA48_SECTORS_MAX - 1);
}

Test(ata, no_sectors_trap, .signal = SIGILL)
{
        (void)ata_make_transfer(false, true, 0, 0);
}

Test(ata, past_28_bits_traps, .signal = SIGILL)
{
        (void)ata_make_transfer(false, false, ATA_LBA28_SECTORS_MAX - 1, 2);
}

Test(ata, past_48_bits_traps, .signal = SIGILL)
{
        (void)ata_make_transfer(false, true, ATA_LBA48_SECTORS_MAX - 1, 2);
}

Test(ata, far_past_48_bits_traps, .signal = SIGILL)
{
        (void)ata_make_transfer(false, true, UINT64_MAX, 1);
}

Test(ata, identity_tells_of_trim_and_rotation)
{
        uint8_t id[ATA_IDENTIFY_BYTES] = {0};
        struct ata_identity i;
        struct bytes in = {.at = id, .left = sizeof id};

        id[2 * 83 + 1] = 0x44; /* LBA48 */
        id[2 * 100] = 200;
        id[2 * 169] = 1;
        id[2 * 69] = 0x20;
        id[2 * 217] = 1; /* does not turn */
        cr_assert_eq(ata_parse_identity(&in, &i), DROP_NONE);
        cr_assert(i.trim);
        cr_assert(!i.trim_zeroes, "zeroes, but not always");
        cr_assert(!i.rotational);
        id[2 * 69 + 1] = 0x40;
        id[2 * 217] = 0x20; /* 7200 a minute */
        id[2 * 217 + 1] = 0x1c;
        in = (struct bytes){.at = id, .left = sizeof id};
        cr_assert_eq(ata_parse_identity(&in, &i), DROP_NONE);
        cr_assert(i.trim_zeroes);
        cr_assert(i.rotational);
        id[2 * 169] = 0;
        in = (struct bytes){.at = id, .left = sizeof id};
        cr_assert_eq(ata_parse_identity(&in, &i), DROP_NONE);
        cr_assert(!i.trim && !i.trim_zeroes, "no zeroes without TRIM");
}

/* Entry i of a block of ranges. */
static void expect_range(const uint8_t *block, unsigned i, uint64_t lba, uint16_t sectors)
{
        struct bytes in = {.at = block + 8 * i, .left = 8};
        uint64_t first;

        cr_assert(bytes_le48(&in, &first));
        cr_expect_eq(first, lba);
        cr_expect_eq(le16_load(block + 8 * i + 6), sectors);
}

Test(ata, trim_is_one_block_of_ranges)
{
        uint8_t block[AOE_SECTOR_BYTES];
        struct aoe_ata a = ata_make_trim();

        cr_assert_eq(a.status, 0x06);
        cr_assert_eq(a.feature, 1);
        cr_assert_eq(a.sectors, 1);
        cr_assert_eq(a.aflags, AOE_ATA_EXTENDED | AOE_ATA_WRITE);
        memset(block, 0xff, sizeof block);
        ata_build_trim(block, 0x123456789abc, 0x10001);
        expect_range(block, 0, 0x123456789abc, 0xffff);
        expect_range(block, 1, 0x123456789abc + 0xffff, 2);
        for (unsigned i = 2; i < 64; i++)
                expect_range(block, i, 0, 0);
        ata_build_trim(block, 0, ATA_TRIM_SECTORS_MAX);
        expect_range(block, 63, (uint64_t)63 * 0xffff, 0xffff);
}

Test(ata, trim_of_nothing_is_a_bug_of_the_caller, .signal = SIGILL)
{
        uint8_t block[AOE_SECTOR_BYTES];

        ata_build_trim(block, 0, 0);
}

Test(ata, trim_of_more_than_a_block_is_one, .signal = SIGILL)
{
        uint8_t block[AOE_SECTOR_BYTES];

        ata_build_trim(block, 0, ATA_TRIM_SECTORS_MAX + 1);
}
