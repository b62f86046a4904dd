/* SPDX-License-Identifier: MIT */
/*
 * aoe: what a real vblade says is read as it was meant, what we say is what vblade accepted, and
 * everything that is cut short, foreign or wrong has its own reason and leaves the outputs alone.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "golden.h"
#include "wire/aoe.h"
#include "wire/ata.h"

#define TAG(n) (0x80000000u | (n))

static const uint8_t mac_ours[] = {2, 0, 0, 0, 0, 0x0a};
static const uint8_t mac_target[] = {2, 0, 0, 0, 0, 0x0b};

/* A cursor over a golden frame. */
#define BYTES_OF(array)                                                                            \
        (struct bytes)                                                                             \
        {                                                                                          \
                .at = (array), .left = sizeof(array)                                               \
        }

static struct aoe_header parse_header(struct bytes *in)
{
        struct aoe_header h;

        cr_assert_eq(aoe_parse_header(in, &h), DROP_NONE);
        return h;
}

static struct aoe_config parse_config(struct bytes *in)
{
        struct aoe_config c;

        cr_assert_eq(aoe_parse_config(in, &c), DROP_NONE);
        return c;
}

static struct aoe_ata parse_ata(struct bytes *in)
{
        struct aoe_ata a;

        cr_assert_eq(aoe_parse_ata(in, &a), DROP_NONE);
        return a;
}

static void assert_answer(const struct aoe_header *h, uint8_t command, uint32_t tag)
{
        cr_assert_arr_eq(h->dst, mac_ours, 6);
        cr_assert_arr_eq(h->src, mac_target, 6);
        cr_assert_eq(h->version, 1);
        cr_assert(h->flags & AOE_FLAG_RESPONSE);
        cr_assert(h->shelf == 7 && h->slot == 1);
        cr_assert_eq(h->command, command);
        cr_assert_eq(h->tag, tag);
}

Test(aoe, beacon)
{
        struct bytes in = BYTES_OF(golden_beacon);
        struct aoe_header h = parse_header(&in);
        struct aoe_config c = parse_config(&in);

        cr_assert_eq(h.version, 0, "vblade's beacon has no version");
        cr_assert_eq(h.flags, AOE_FLAG_RESPONSE);
        cr_assert_eq(h.tag, 0);
        cr_assert(h.shelf == 7 && h.slot == 1);
        cr_assert_eq(h.command, AOE_COMMAND_CONFIG);
        cr_assert_eq(c.buffers, 16);
        cr_assert_eq(c.sectors, 2);
        cr_assert_eq(c.string_bytes, 0);
}

Test(aoe, config_answer)
{
        struct bytes in = BYTES_OF(golden_config_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_config c = parse_config(&in);

        assert_answer(&h, AOE_COMMAND_CONFIG, TAG(1));
        cr_assert_eq(h.flags, AOE_FLAG_RESPONSE);
        cr_assert_eq(c.buffers, 16);
        cr_assert_eq(c.firmware, 0x4019);
        cr_assert_eq(c.sectors, 2);
        cr_assert_eq(c.command, AOE_CONFIG_READ);
        cr_assert_eq(c.string_bytes, 0);
        cr_assert_eq(in.left, 0);
}

Test(aoe, config_string)
{
        struct bytes in = BYTES_OF(golden_config_string_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_config c = parse_config(&in);

        assert_answer(&h, AOE_COMMAND_CONFIG, TAG(4));
        cr_assert_eq(c.string_bytes, 4);
        cr_assert_arr_eq(c.string, "foo\n", 4);
}

Test(aoe, config_present)
{
        struct bytes in = BYTES_OF(golden_config_present_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_config c = parse_config(&in);

        assert_answer(&h, AOE_COMMAND_CONFIG, TAG(3));
        cr_assert_eq(h.flags, AOE_FLAG_RESPONSE | AOE_FLAG_ERROR);
        cr_assert_eq(h.error, AOE_ERROR_PRESENT);
        cr_assert_eq(c.command, AOE_CONFIG_SET);
        cr_assert_arr_eq(c.string, "foo\n", 4, "the string that is there, not ours");
}

/* aoeping(8) prints what a real EtherDrive blade answered: 80 bytes, filled up with 0xff. */
Test(aoe, etherdrive_blade)
{
        uint8_t frame[80] = {0x00, 0x0d, 0x87, 0xaa, 0xc9, 0x00, 0x00, 0x10, 0x04, 0x00,
                             0x11, 0x1f, 0x88, 0xa2, 0x18, 0x00, 0x00, 0x0a, 0x09, 0x01,
                             0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x30, 0x08, 0x00, 0x10,
                             0x00, 0x04, 'f',  'o',  'o',  '\n', 0x00};
        struct bytes in = BYTES_OF(frame);
        struct aoe_header h;
        struct aoe_config c;

        memset(frame + 37, 0xff, sizeof frame - 37);
        h = parse_header(&in);
        c = parse_config(&in);
        cr_assert_eq(h.version, 1);
        cr_assert(h.shelf == 10 && h.slot == 9);
        cr_assert_eq(c.buffers, 3);
        cr_assert_eq(c.firmware, 0x3008);
        cr_assert_eq(c.sectors, 0, "0 as sent; whoever uses it knows that it means 2");
        cr_assert_eq(c.string_bytes, 4);
        cr_assert_arr_eq(c.string, "foo\n", 4);
}

Test(aoe, read_answer)
{
        struct bytes in = BYTES_OF(golden_read_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_ata a = parse_ata(&in);

        assert_answer(&h, AOE_COMMAND_ATA, TAG(6));
        cr_assert_eq(a.aflags, AOE_ATA_EXTENDED);
        cr_assert_eq(a.status, ATA_STATUS_DRDY);
        cr_assert_eq(a.sectors, 0, "all were transferred");
        cr_assert_eq(a.lba, 3);
        cr_assert_eq(in.left, AOE_SECTOR_BYTES);
        for (unsigned i = 0; i < AOE_SECTOR_BYTES; i++)
                cr_assert_eq(in.at[i], (uint8_t)(7 * 3 + i));
}

Test(aoe, write_answer)
{
        struct bytes in = BYTES_OF(golden_write_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_ata a = parse_ata(&in);

        assert_answer(&h, AOE_COMMAND_ATA, TAG(8));
        cr_assert_eq(a.status, ATA_STATUS_DRDY);
        cr_assert_eq(a.lba, 5);
}

Test(aoe, flush_answers)
{
        struct bytes in = BYTES_OF(golden_flush_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_ata a = parse_ata(&in);

        assert_answer(&h, AOE_COMMAND_ATA, TAG(9));
        cr_assert_eq(a.status, 0, "vblade's flush says nothing, not even DRDY");
        in = BYTES_OF(golden_flush_ext_answer);
        h = parse_header(&in);
        a = parse_ata(&in);
        assert_answer(&h, AOE_COMMAND_ATA, TAG(10));
        cr_assert(!(h.flags & AOE_FLAG_ERROR), "an abort is ATA's error, not AoE's");
        cr_assert_eq(a.status, ATA_STATUS_DRDY | ATA_STATUS_ERR);
        cr_assert(a.feature & ATA_ERROR_ABRT);
}

Test(aoe, past_the_end)
{
        struct bytes in = BYTES_OF(golden_past_end_answer);
        struct aoe_header h = parse_header(&in);
        struct aoe_ata a = parse_ata(&in);

        assert_answer(&h, AOE_COMMAND_ATA, TAG(12));
        cr_assert(!(h.flags & AOE_FLAG_ERROR));
        cr_assert_eq(a.status, ATA_STATUS_DRDY | ATA_STATUS_ERR);
        cr_assert_eq(a.feature, ATA_ERROR_IDNF);
        cr_assert_eq(in.left, 0, "no data behind an error");
}

static void assert_refused(struct bytes in, uint32_t tag, enum aoe_error error)
{
        struct aoe_header h = parse_header(&in);

        cr_assert_eq(h.tag, tag);
        cr_assert_eq(h.flags, AOE_FLAG_RESPONSE | AOE_FLAG_ERROR);
        cr_assert_eq(h.error, error);
}

Test(aoe, refusals)
{
        assert_refused(BYTES_OF(golden_too_many_answer), TAG(11), AOE_ERROR_ARGUMENT);
        assert_refused(BYTES_OF(golden_vendor_answer), TAG(13), AOE_ERROR_COMMAND);
        assert_refused(BYTES_OF(golden_reserved_answer), TAG(14), AOE_ERROR_RESERVED);
}

static void build_header(uint8_t *p, uint8_t command, uint32_t tag)
{
        struct aoe_header h = {.version = 1, .shelf = 7, .slot = 1, .command = command, .tag = tag};

        memcpy(h.dst, mac_target, 6);
        memcpy(h.src, mac_ours, 6);
        aoe_build_header(p, &h);
}

Test(aoe, builds_what_vblade_accepted)
{
        uint8_t p[AOE_FRAME_BYTES_MIN] = {0};
        struct aoe_ata read = {
                .aflags = AOE_ATA_EXTENDED, .sectors = 1, .status = ATA_READ_EXT, .lba = 3};
        struct aoe_config set = {
                .command = AOE_CONFIG_SET, .string_bytes = 4, .string = (const uint8_t *)"foo\n"};

        build_header(p, AOE_COMMAND_ATA, TAG(6));
        aoe_build_ata(p, &read);
        cr_assert_arr_eq(p, golden_read_request, sizeof p);
        memset(p, 0, sizeof p);
        build_header(p, AOE_COMMAND_CONFIG, TAG(2));
        aoe_build_config(p, &set);
        cr_assert_arr_eq(p, golden_config_set_request, sizeof p);
        memset(p, 0, sizeof p);
        build_header(p, AOE_COMMAND_CONFIG, TAG(1));
        aoe_build_config(p, &(struct aoe_config){.command = AOE_CONFIG_READ});
        cr_assert_arr_eq(p, golden_config_request, sizeof p);
}

Test(aoe, builders_keep_within_their_bytes)
{
        uint8_t p[64];
        struct aoe_header h = {.version = 0xff, .flags = 0xff};
        struct aoe_ata a = {.lba = UINT64_MAX};

        memset(p, 0xaa, sizeof p);
        aoe_build_header(p, &h);
        cr_assert_eq(p[14] & 0xf, 0xf);
        cr_assert_eq(p[AOE_HEADER_BYTES], 0xaa);
        aoe_build_ata(p, &a);
        cr_assert_eq(p[33], 0xff);
        cr_assert(p[34] == 0 && p[35] == 0, "reserved is zero: mdlayher's targets insist");
        cr_assert_eq(p[AOE_ATA_BYTES], 0xaa);
        memset(p, 0xaa, sizeof p);
        aoe_build_config(p, &(struct aoe_config){.command = 0xff});
        cr_assert_eq(p[23], 0xaa);
        cr_assert_eq(p[29], 0x1f);
        cr_assert_eq(p[AOE_CONFIG_BYTES], 0xaa);
}

Test(aoe, parses_what_it_built)
{
        uint8_t p[AOE_ATA_BYTES], again[AOE_ATA_BYTES];
        struct bytes in = BYTES_OF(p);
        struct aoe_header h;
        struct aoe_ata a;

        for (unsigned i = 0; i < sizeof p; i++)
                p[i] = (uint8_t)(i * 37 + 5);
        be16_store(p + 12, AOE_ETHERTYPE);
        p[14] = 0x1c;
        p[34] = p[35] = 0;
        h = parse_header(&in);
        a = parse_ata(&in);
        aoe_build_header(again, &h);
        aoe_build_ata(again, &a);
        cr_assert_arr_eq(again, p, sizeof p);
}

Test(aoe, parses_the_config_that_it_built)
{
        uint8_t p[AOE_CONFIG_BYTES + 1] = {0};
        struct bytes in = BYTES_OF(p);
        struct aoe_config c = {.buffers = 0x1234, .firmware = 0x5678, .sectors = 0x9a};
        struct aoe_config again;

        c.command = AOE_CONFIG_FORCE;
        c.string_bytes = 1;
        c.string = (const uint8_t *)"x";
        build_header(p, AOE_COMMAND_CONFIG, TAG(1));
        aoe_build_config(p, &c);
        (void)parse_header(&in);
        again = parse_config(&in);
        cr_assert(again.buffers == 0x1234 && again.firmware == 0x5678 && again.sectors == 0x9a);
        cr_assert_eq(again.command, AOE_CONFIG_FORCE);
        cr_assert(again.string_bytes == 1 && again.string[0] == 'x');
}

/* The cut frame lies alone on the heap, where a sanitizer sees a read past its end. */
static enum drop parse_cut(const uint8_t *frame, size_t bytes)
{
        uint8_t *copy = malloc(bytes ? bytes : 1);
        struct bytes in = {.at = copy, .left = bytes};
        struct aoe_header h = {.tag = 0x5eed}, h_was = h;
        struct aoe_config c = {.firmware = 0x5eed}, c_was = c;
        struct aoe_ata a = {.lba = 0x5eed}, a_was = a;
        enum drop drop;

        memcpy(copy, frame, bytes);
        drop = aoe_parse_header(&in, &h);
        if (drop != DROP_NONE) {
                cr_assert_eq(memcmp(&h, &h_was, sizeof h), 0, "touched on failure");
        } else if (h.command == AOE_COMMAND_CONFIG) {
                drop = aoe_parse_config(&in, &c);
                cr_assert(drop == DROP_NONE || memcmp(&c, &c_was, sizeof c) == 0);
        } else {
                drop = aoe_parse_ata(&in, &a);
                cr_assert(drop == DROP_NONE || memcmp(&a, &a_was, sizeof a) == 0);
        }
        free(copy);
        return drop;
}

Test(aoe, truncated_at_every_length)
{
        for (size_t n = 0; n <= sizeof golden_read_answer; n++)
                cr_assert_eq(parse_cut(golden_read_answer, n),
                             n < AOE_ATA_BYTES ? DROP_SHORT : DROP_NONE, "%zu bytes", n);
        for (size_t n = 0; n <= sizeof golden_config_string_answer; n++)
                cr_assert_eq(parse_cut(golden_config_string_answer, n),
                             n < AOE_CONFIG_BYTES       ? DROP_SHORT
                             : n < AOE_CONFIG_BYTES + 4 ? DROP_LENGTH
                                                        : DROP_NONE,
                             "%zu bytes", n);
}

Test(aoe, a_header_alone_is_a_header)
{
        struct bytes in = {.at = golden_read_answer, .left = AOE_HEADER_BYTES};
        struct aoe_header h = parse_header(&in);
        struct aoe_ata a;

        assert_answer(&h, AOE_COMMAND_ATA, TAG(6));
        cr_assert_eq(in.left, 0);
        cr_assert_eq(aoe_parse_ata(&in, &a), DROP_SHORT);
}

Test(aoe, other_ethertype)
{
        uint8_t frame[sizeof golden_config_answer];

        memcpy(frame, golden_config_answer, sizeof frame);
        frame[13] = 0xa3;
        cr_assert_eq(parse_cut(frame, sizeof frame), DROP_ETHERTYPE);
        frame[12] = 0x81;
        frame[13] = 0x00;
        cr_assert_eq(parse_cut(frame, sizeof frame), DROP_ETHERTYPE, "a VLAN tag is not AoE");
}

Test(aoe, versions)
{
        uint8_t frame[sizeof golden_config_answer];

        memcpy(frame, golden_config_answer, sizeof frame);
        for (unsigned version = 0; version < 16; version++) {
                frame[14] = (uint8_t)(version << 4 | AOE_FLAG_RESPONSE);
                cr_assert_eq(parse_cut(frame, sizeof frame), version > 1 ? DROP_VERSION : DROP_NONE,
                             "version %u", version);
        }
}

Test(aoe, longest_config_string)
{
        static uint8_t frame[AOE_CONFIG_BYTES + AOE_STRING_BYTES_MAX + 1];

        memcpy(frame, golden_config_answer, AOE_CONFIG_BYTES);
        be16_store(frame + 30, AOE_STRING_BYTES_MAX);
        cr_assert_eq(parse_cut(frame, sizeof frame), DROP_NONE);
        be16_store(frame + 30, AOE_STRING_BYTES_MAX + 1);
        cr_assert_eq(parse_cut(frame, sizeof frame), DROP_LENGTH, "there, but too long");
        be16_store(frame + 30, 0xffff);
        cr_assert_eq(parse_cut(frame, sizeof frame), DROP_LENGTH);
}

Test(aoe, config_version_nibble_is_ignored)
{
        uint8_t frame[sizeof golden_config_answer];
        struct bytes in = BYTES_OF(frame);

        memcpy(frame, golden_config_answer, sizeof frame);
        frame[29] = 0xf2;
        (void)parse_header(&in);
        cr_assert_eq(parse_config(&in).command, AOE_CONFIG_PREFIX);
}

Test(aoe, each_drop_has_a_name_of_its_own)
{
        for (int i = 0; i < DROP_COUNT; i++) {
                const char *name = drop_name((enum drop)i);

                cr_assert_neq(name[0], '\0');
                cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
                for (int j = 0; j < i; j++)
                        cr_assert_str_neq(name, drop_name((enum drop)j));
        }
}

Test(aoe, a_drop_that_is_none_traps, .signal = SIGILL)
{
        (void)drop_name((enum drop)DROP_COUNT);
}

Test(aoe, names_of_devices)
{
        static const struct {
                const char *name;
                uint16_t shelf;
                uint8_t slot;
        } good[] = {
                {"e0.0", 0, 0},     {"e7.1", 7, 1}, {"e10.9", 10, 9}, {"e65534.254", 65534, 254},
                {"e1.100", 1, 100},
        };

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
                char name[AOE_NAME_BYTES];
                aoe_addr addr;

                cr_assert(aoe_addr_parse(good[i].name, &addr), "%s", good[i].name);
                cr_assert_eq(aoe_addr_shelf(addr), good[i].shelf);
                cr_assert_eq(aoe_addr_slot(addr), good[i].slot);
                aoe_addr_format(addr, name);
                cr_assert_str_eq(name, good[i].name);
        }
}

Test(aoe, names_that_are_none)
{
        static const char *const bad[] = {
                "",
                "e",
                "e.",
                "e7",
                "e7.",
                "e.1",
                "7.1",
                "E7.1",
                "e7.1 ",
                " e7.1",
                "e7.1p1",
                "e07.1",
                "e09.1",
                "e7.01",
                "e00.0",
                "e7.00",
                "e-1.0",
                "e+7.1",
                "e7.-1",
                "e7.+1",
                "e7. 1",
                "e 7.1",
                "e7..1",
                "e7.1.",
                "e65535.0",
                "e0.255",
                "e65536.0",
                "e0.256",
                "e4294967303.1",
                "e7.4294967297",
                "e99999999999999999999.1",
                "ex.y",
                "e7,1",
                "e0x7.1",
        };
        aoe_addr addr = 0x5eed;

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                cr_assert(!aoe_addr_parse(bad[i], &addr), "'%s' was taken", bad[i]);
                cr_assert_eq(addr, 0x5eed, "touched by '%s'", bad[i]);
        }
}

Test(aoe, the_broadcast_address)
{
        char name[AOE_NAME_BYTES];

        cr_assert_eq(aoe_addr_make(AOE_SHELF_ALL, AOE_SLOT_ALL), AOE_ADDR_ALL);
        aoe_addr_format(AOE_ADDR_ALL, name);
        cr_assert_str_eq(name, "e65535.255", "fits, and is not a name that parses");
}
