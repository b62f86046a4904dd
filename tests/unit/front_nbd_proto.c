/* SPDX-License-Identifier: MIT */
/* nbd_proto: what clients send, cut off at every length, and the bytes of every reply. */
#include "front/nbd_proto.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(front_nbd_proto);

/* Bytes in a block of just their size, so that ASan sees who reads beyond it. */
static struct bytes exactly(const void *data, size_t bytes)
{
        uint8_t *at = malloc(bytes > 0 ? bytes : 1);

        memcpy(at, data, bytes);
        return (struct bytes){.at = at, .left = bytes};
}

static void done(struct bytes b)
{
        free((void *)(uintptr_t)b.at);
}

/* ---- options ---- */

static const char option[] = "IHAVEOPT\0\0\0\7\0\0\x20\1";

Test(front_nbd_proto, option_at_every_length)
{
        struct nbd_option o = {.code = 99, .bytes = 98};

        for (size_t n = 0; n < NBD_OPTION_BYTES; n++) {
                struct bytes whole = exactly(option, n), in = whole;

                cr_expect_not(nbd_parse_option(&in, &o), "%zu bytes", n);
                done(whole);
        }
        cr_expect(o.code == 99 && o.bytes == 98, "untouched");
}

Test(front_nbd_proto, option)
{
        char wrong[NBD_OPTION_BYTES];
        struct bytes in = {.at = (const uint8_t *)option, .left = NBD_OPTION_BYTES};
        struct nbd_option o;

        cr_assert(nbd_parse_option(&in, &o));
        cr_expect_eq(o.code, NBD_OPT_GO);
        cr_expect_eq(o.bytes, 8193);
        cr_expect_eq(in.left, 0);
        for (unsigned i = 0; i < 8; i++) {
                memcpy(wrong, option, sizeof(wrong));
                wrong[i] ^= 1;
                in = (struct bytes){.at = (const uint8_t *)wrong, .left = sizeof(wrong)};
                cr_expect_not(nbd_parse_option(&in, &o), "byte %u of the magic", i);
        }
}

static const char go[] = "\0\0\0\4e7.1\0\4\0\1\0\3\0\2\0\x63";
#define GO_BYTES (sizeof(go) - 1)

Test(front_nbd_proto, go_at_every_length)
{
        struct nbd_go g = {.name_bytes = 99};

        for (size_t n = 0; n < GO_BYTES; n++) {
                struct bytes in = exactly(go, n);

                cr_expect_not(nbd_parse_go(in, &g), "%zu bytes", n);
                done(in);
        }
        cr_expect_eq(g.name_bytes, 99);
}

Test(front_nbd_proto, go)
{
        struct bytes in = {.at = (const uint8_t *)go, .left = GO_BYTES};
        struct nbd_go g;

        cr_assert(nbd_parse_go(in, &g));
        cr_expect(g.name_bytes == 4 && memcmp(g.name, "e7.1", 4) == 0);
        cr_expect(g.wants_name && g.wants_description && g.wants_block_size);
        in = (struct bytes){.at = (const uint8_t *)"\0\0\0\0\0\1\0\3", .left = 8};
        cr_assert(nbd_parse_go(in, &g));
        cr_expect(g.name_bytes == 0 && g.wants_block_size && !g.wants_name && !g.wants_description);
        in = (struct bytes){.at = (const uint8_t *)"\0\0\0\0\0\1\0\3\0", .left = 9};
        cr_expect_not(nbd_parse_go(in, &g), "a byte too many");
}

Test(front_nbd_proto, names_have_an_end)
{
        uint8_t data[4 + NBD_NAME_BYTES_MAX + 1 + 2] = {0};
        struct bytes in = {.at = data, .left = 4 + NBD_NAME_BYTES_MAX + 2};
        struct nbd_go g;

        be32_store(data, NBD_NAME_BYTES_MAX);
        cr_expect(nbd_parse_go(in, &g));
        be32_store(data, NBD_NAME_BYTES_MAX + 1);
        in.left++;
        cr_expect_not(nbd_parse_go(in, &g));
        be32_store(data, UINT32_MAX);
        cr_expect_not(nbd_parse_go(in, &g));
}

/* ---- contexts ---- */

static const char meta[] = "\0\0\0\4e7.1\0\0\0\2\0\0\0\1x\0\0\0\17base:allocation";
#define META_BYTES (sizeof(meta) - 1)

Test(front_nbd_proto, meta_at_every_length)
{
        struct nbd_meta m = {.name_bytes = 99};

        for (size_t n = 0; n < META_BYTES; n++) {
                struct bytes in = exactly(meta, n);

                cr_expect_not(nbd_parse_meta(in, false, &m), "%zu bytes", n);
                cr_expect_not(nbd_parse_meta(in, true, &m), "%zu bytes", n);
                done(in);
        }
        cr_expect_eq(m.name_bytes, 99);
}

static bool wants(const char *data, size_t bytes, bool list)
{
        struct bytes in = {.at = (const uint8_t *)data, .left = bytes};
        struct nbd_meta m;

        cr_assert(nbd_parse_meta(in, list, &m));
        return m.wants_allocation;
}

Test(front_nbd_proto, meta)
{
        struct bytes in = {.at = (const uint8_t *)meta, .left = META_BYTES};
        struct nbd_meta m;

        cr_assert(nbd_parse_meta(in, false, &m));
        cr_expect(m.name_bytes == 4 && memcmp(m.name, "e7.1", 4) == 0);
        cr_expect(m.wants_allocation);
        cr_expect(wants("\0\0\0\0\0\0\0\0", 8, true), "list without a query: all");
        cr_expect_not(wants("\0\0\0\0\0\0\0\0", 8, false), "set without a query: none");
        cr_expect(wants("\0\0\0\0\0\0\0\1\0\0\0\5base:", 17, true), "list of a namespace");
        cr_expect_not(wants("\0\0\0\0\0\0\0\1\0\0\0\5base:", 17, false));
        cr_expect_not(wants("\0\0\0\0\0\0\0\1\0\0\0\4base", 16, true));
        in = (struct bytes){.at = (const uint8_t *)"\0\0\0\0\xff\xff\xff\xff\0\0\0\0", .left = 12};
        cr_expect_not(nbd_parse_meta(in, true, &m), "more queries than there are bytes");
        in = (struct bytes){.at = (const uint8_t *)"\0\0\0\0\0\0\0\0x", .left = 9};
        cr_expect_not(nbd_parse_meta(in, true, &m), "a byte too many");
}

/* ---- requests ---- */

static const char request[] = "\x25\x60\x95\x13\0\1\0\6\1\2\3\4\5\6\7\x8\x11\x12\x13\x14\x15\x16"
                              "\x17\x18\x21\x22\x23\x24";

Test(front_nbd_proto, request_at_every_length)
{
        struct nbd_request r = {.cookie = 99};

        cr_assert_eq(sizeof(request) - 1, NBD_REQUEST_BYTES);
        for (size_t n = 0; n < NBD_REQUEST_BYTES; n++) {
                struct bytes in = exactly(request, n);

                cr_expect_not(nbd_parse_request(in, &r), "%zu bytes", n);
                done(in);
        }
        cr_expect_eq(r.cookie, 99);
}

Test(front_nbd_proto, request)
{
        struct bytes in = {.at = (const uint8_t *)request, .left = NBD_REQUEST_BYTES};
        struct nbd_request r;

        cr_assert(nbd_parse_request(in, &r));
        cr_expect_eq(r.flags, NBD_CMD_FLAG_FUA);
        cr_expect_eq(r.type, NBD_CMD_WRITE_ZEROES);
        cr_expect_eq(r.cookie, 0x0102030405060708);
        cr_expect_eq(r.offset, 0x1112131415161718);
        cr_expect_eq(r.bytes, 0x21222324);
        in.at = (const uint8_t *)"\x25\x60\x95\x12\0\1\0\6\1\2\3\4\5\6\7\x8\x11\x12\x13\x14\x15\x16"
                                 "\x17\x18\x21\x22\x23\x24";
        cr_expect_not(nbd_parse_request(in, &r));
}

/* ---- replies ---- */

static uint8_t built[256];

static void expect(size_t bytes, const char *what, size_t what_bytes)
{
        cr_expect_eq(bytes, what_bytes, "%zu bytes, not %zu", bytes, what_bytes);
        cr_expect_eq(memcmp(built, what, what_bytes), 0, "%.*s", (int)what_bytes, what);
}

#define EXPECT(bytes, what) expect(bytes, what, sizeof(what) - 1)

Test(front_nbd_proto, builds_the_handshake)
{
        EXPECT(nbd_build_greeting(built), "NBDMAGICIHAVEOPT\0\3");
        EXPECT(nbd_build_option_reply(built, 7, (uint32_t)NBD_REP_ERR_TOO_BIG, 258),
               "\0\x03\xe8\x89\x04\x55\x65\xa9\0\0\0\7\x80\0\0\x09\0\0\1\2");
        EXPECT(nbd_build_info_export(built, 0x0102030405060708, 0x0910),
               "\0\0\1\2\3\4\5\6\7\x8\x9\x10");
        EXPECT(nbd_build_info_block_size(built, 512, 8192, 0x2000000),
               "\0\3\0\0\2\0\0\0\x20\0\2\0\0\0");
        EXPECT(nbd_build_export(built, 0x0102030405060708, 0x0910, false),
               "\1\2\3\4\5\6\7\x8\x9\x10");
        memset(built, 0xff, sizeof(built));
        cr_expect_eq(nbd_build_export(built, 1, 2, true), NBD_EXPORT_REPLY_BYTES);
        for (unsigned i = 10; i < NBD_EXPORT_REPLY_BYTES; i++)
                cr_expect_eq(built[i], 0);
        cr_expect_eq(built[NBD_EXPORT_REPLY_BYTES], 0xff);
}

Test(front_nbd_proto, builds_replies)
{
        const uint64_t cookie = 0x0102030405060708;

        EXPECT(nbd_build_simple(built, cookie, NBD_ENOSPC),
               "\x67\x44\x66\x98\0\0\0\x1c\1\2\3\4\5\6\7\x8");
        EXPECT(nbd_build_chunk_error(built, cookie, NBD_EIO),
               "\x66\x8e\x33\xef\0\1\x80\1\1\2\3\4\5\6\7\x8\0\0\0\6\0\0\0\5\0\0");
        EXPECT(nbd_build_chunk_data(built, cookie, false, 512, 4096),
               "\x66\x8e\x33\xef\0\0\0\1\1\2\3\4\5\6\7\x8\0\0\x10\x8\0\0\0\0\0\0\2\0");
        EXPECT(nbd_build_chunk_data(built, cookie, true, 0, 1),
               "\x66\x8e\x33\xef\0\1\0\1\1\2\3\4\5\6\7\x8\0\0\0\x9\0\0\0\0\0\0\0\0");
        EXPECT(nbd_build_chunk_status(built, cookie, 4096),
               "\x66\x8e\x33\xef\0\1\0\5\1\2\3\4\5\6\7\x8\0\0\0\xc\0\0\0\1\0\0\x10\0\0\0\0\0");
}
