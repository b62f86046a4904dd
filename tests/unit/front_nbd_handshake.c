/* SPDX-License-Identifier: MIT */
/* nbd_handshake over a socket: every option, every refusal, and what comes after it. */
#include "front_client.h"

static void setup(void)
{
        client_start(4, 64);
}

TestSuite(front_nbd_handshake, .init = setup, .fini = client_stop);

static uint32_t reply_bytes;

static uint32_t reply_to(int fd, uint32_t code)
{
        return client_hear_option(fd, code, &reply_bytes);
}

/* The only reply to an option. */
static uint32_t option(int fd, uint32_t code, const void *data, uint32_t bytes)
{
        uint32_t type;

        client_say_option(fd, code, data, bytes);
        type = reply_to(fd, code);
        cr_expect(client_hears_nothing(fd));
        return type;
}

/* ---- flags ---- */

Test(front_nbd_handshake, greeting)
{
        int fd = client_connect(false);

        client_hear(fd, NBD_GREETING_BYTES);
        cr_expect_eq(memcmp(heard, "NBDMAGICIHAVEOPT\0\3", NBD_GREETING_BYTES), 0);
        cr_expect(client_hears_nothing(fd));
        close(fd);
}

static void expect_hung_up(uint32_t flags)
{
        int fd = client_connect(false);
        uint8_t bytes[4];

        be32_store(bytes, flags);
        client_say(fd, bytes, sizeof(bytes));
        client_hear(fd, NBD_GREETING_BYTES);
        cr_expect(client_is_hung_up_on(fd), "flags %#x", flags);
        close(fd);
}

Test(front_nbd_handshake, clients_that_are_too_old_or_too_new)
{
        expect_hung_up(0);
        expect_hung_up(NBD_CLIENT_NO_ZEROES);
        expect_hung_up(NBD_CLIENT_FIXED_NEWSTYLE | 4);
        expect_hung_up(0x80000001);
}

Test(front_nbd_handshake, byte_by_byte)
{
        static const char said[] = "\0\0\0\1IHAVEOPT\0\0\0\7\0\0\0\xa\0\0\0\4e7.1\0\0";
        int fd = client_connect(false);

        for (size_t i = 0; i + 1 < sizeof(said); i++)
                client_say(fd, said + i, 1);
        client_hear(fd, NBD_GREETING_BYTES);
        while (reply_to(fd, NBD_OPT_GO) == NBD_REP_INFO)
                ;
        client_ask(fd, NBD_CMD_FLUSH, 0, 5, 0, 0);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 5), NBD_OK);
        close(fd);
}

/* ---- options that are not understood ---- */

Test(front_nbd_handshake, unknown_option)
{
        int fd = client_haggle();

        cr_expect_eq(option(fd, 4711, "abc", 3), (uint32_t)NBD_REP_ERR_UNSUP);
        cr_expect_eq(option(fd, NBD_OPT_STARTTLS, NULL, 0), (uint32_t)NBD_REP_ERR_UNSUP);
        cr_expect_eq(option(fd, 4, NULL, 0), (uint32_t)NBD_REP_ERR_UNSUP);
        client_go(fd);
        close(fd);
}

Test(front_nbd_handshake, no_option_at_all)
{
        int fd = client_haggle();

        client_say(fd, "IHAVEOPTIMISM and more", 22);
        cr_expect_eq(reply_to(fd, 0x494d4953), (uint32_t)NBD_REP_ERR_TOO_BIG, "still an option");
        close(fd);
        fd = client_haggle();
        client_say(fd, "IHAVENOT\0\0\0\3\0\0\0\0", 16);
        cr_expect(client_is_hung_up_on(fd));
        close(fd);
}

Test(front_nbd_handshake, too_big_is_skipped)
{
        static uint8_t data[100000];
        int fd = client_haggle();

        client_say_option(fd, NBD_OPT_GO, data, sizeof(data));
        cr_expect_eq(reply_to(fd, NBD_OPT_GO), (uint32_t)NBD_REP_ERR_TOO_BIG);
        cr_expect(client_hears_nothing(fd));
        cr_expect_eq(option(fd, 4711, data, NBD_OPTION_DATA_MAX), (uint32_t)NBD_REP_ERR_UNSUP,
                     "the longest one that is looked at");
        cr_expect_eq(option(fd, 4711, data, NBD_OPTION_DATA_MAX + 1),
                     (uint32_t)NBD_REP_ERR_TOO_BIG);
        client_go(fd);
        close(fd);
        fd = client_haggle();
        client_say_option(fd, NBD_OPT_EXPORT_NAME, NULL, NBD_OPTION_DATA_MAX + 1);
        cr_expect(client_is_hung_up_on(fd));
        close(fd);
}

Test(front_nbd_handshake, invalid_data)
{
        int fd = client_haggle();

        cr_expect_eq(option(fd, NBD_OPT_LIST, "x", 1), (uint32_t)NBD_REP_ERR_INVALID);
        cr_expect_eq(option(fd, NBD_OPT_STRUCTURED_REPLY, "x", 1), (uint32_t)NBD_REP_ERR_INVALID);
        cr_expect_eq(option(fd, NBD_OPT_GO, "\0\0\0\4e7", 6), (uint32_t)NBD_REP_ERR_INVALID);
        cr_expect_eq(option(fd, NBD_OPT_INFO, NULL, 0), (uint32_t)NBD_REP_ERR_INVALID);
        cr_expect_eq(option(fd, NBD_OPT_LIST_META_CONTEXT, "\0\0\0\4e7.1\0\0\0\0", 12),
                     (uint32_t)NBD_REP_ERR_INVALID, "structured replies come first");
        cr_expect_eq(option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0), NBD_REP_ACK);
        cr_expect_eq(option(fd, NBD_OPT_SET_META_CONTEXT, "\0\0\0\4e7.1\0\0\0\1", 12),
                     (uint32_t)NBD_REP_ERR_INVALID);
        client_go(fd);
        close(fd);
}

/* ---- options ---- */

Test(front_nbd_handshake, abort)
{
        int fd = client_haggle();

        client_say_option(fd, NBD_OPT_ABORT, NULL, 0);
        cr_expect_eq(reply_to(fd, NBD_OPT_ABORT), NBD_REP_ACK);
        cr_expect(client_is_hung_up_on(fd));
        close(fd);
}

Test(front_nbd_handshake, list)
{
        int fd = client_haggle();

        for (unsigned round = 0; round < 2; round++) {
                client_say_option(fd, NBD_OPT_LIST, NULL, 0);
                for (char slot = '1'; slot <= '2'; slot++) {
                        cr_assert_eq(reply_to(fd, NBD_OPT_LIST), NBD_REP_SERVER);
                        cr_expect_eq(client_number(heard, 4), 4);
                        cr_expect_eq(memcmp(heard + 4, "e7.", 3), 0);
                        cr_expect_eq(heard[7], slot);
                        cr_expect_eq(reply_bytes, 8 + strlen("Model, serial number Serial"));
                }
                cr_expect_eq(reply_to(fd, NBD_OPT_LIST), NBD_REP_ACK);
                cr_expect(client_hears_nothing(fd));
        }
        close(fd);
}

/* Many options at once, more replies than fit what waits to be sent. */
Test(front_nbd_handshake, options_without_waiting_for_replies)
{
        static uint8_t said[200 * NBD_OPTION_BYTES];
        int fd = client_haggle();

        for (unsigned i = 0; i < 200; i++) {
                memcpy(said + (size_t)i * NBD_OPTION_BYTES, "IHAVEOPT", 8);
                be32_store(said + (size_t)i * NBD_OPTION_BYTES + 8, i % 2 ? NBD_OPT_LIST : 4711);
        }
        client_say(fd, said, sizeof(said));
        for (unsigned i = 0; i < 200; i++) {
                if (i % 2 == 0) {
                        cr_assert_eq(reply_to(fd, 4711), (uint32_t)NBD_REP_ERR_UNSUP);
                        continue;
                }
                cr_assert_eq(reply_to(fd, NBD_OPT_LIST), NBD_REP_SERVER);
                cr_assert_eq(reply_to(fd, NBD_OPT_LIST), NBD_REP_SERVER);
                cr_assert_eq(reply_to(fd, NBD_OPT_LIST), NBD_REP_ACK);
        }
        cr_expect(client_hears_nothing(fd));
        close(fd);
}

/* INFO or GO with all that can be asked; returns the export's flags. */
static uint16_t expect_infos(int fd, uint32_t code)
{
        uint16_t flags;

        client_say_option(fd, code, "\0\0\0\4e7.1\0\3\0\1\0\2\0\3", 16);
        cr_assert_eq(reply_to(fd, code), NBD_REP_INFO);
        cr_expect_eq(client_number(heard, 2), NBD_INFO_EXPORT);
        cr_expect_eq(client_number(heard + 2, 8), CLIENT_DEVICE);
        flags = (uint16_t)client_number(heard + 10, 2);
        cr_assert_eq(reply_to(fd, code), NBD_REP_INFO);
        cr_expect_eq(client_number(heard, 2), NBD_INFO_NAME);
        cr_expect(reply_bytes == 6 && memcmp(heard + 2, "e7.1", 4) == 0);
        cr_assert_eq(reply_to(fd, code), NBD_REP_INFO);
        cr_expect_eq(client_number(heard, 2), NBD_INFO_DESCRIPTION);
        cr_assert_eq(reply_to(fd, code), NBD_REP_INFO);
        cr_expect_eq(client_number(heard, 2), NBD_INFO_BLOCK_SIZE);
        cr_expect_eq(client_number(heard + 2, 4), 512);
        cr_expect_eq(client_number(heard + 6, 4), 8192);
        cr_expect_eq(client_number(heard + 10, 4), NBD_PAYLOAD_MAX);
        cr_assert_eq(reply_to(fd, code), NBD_REP_ACK);
        return flags;
}

Test(front_nbd_handshake, info_and_go)
{
        int fd = client_haggle();

        cr_expect_not(expect_infos(fd, NBD_OPT_INFO) & NBD_FLAG_SEND_DF, "no chunks, no DF");
        cr_expect_eq(fake_engine.holders[0], 0);
        cr_expect_eq(option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0), NBD_REP_ACK);
        cr_expect(expect_infos(fd, NBD_OPT_GO) & NBD_FLAG_SEND_DF);
        cr_expect_eq(fake_engine.holders[0], 1);
        close(fd);
        client_turn();
        cr_expect_eq(fake_engine.holders[0], 0);
}

Test(front_nbd_handshake, unknown_names)
{
        int fd = client_haggle();

        cr_expect_eq(option(fd, NBD_OPT_GO, "\0\0\0\4disk\0\0", 10), (uint32_t)NBD_REP_ERR_UNKNOWN);
        cr_expect_eq(option(fd, NBD_OPT_GO, "\0\0\0\0\0\0", 6), (uint32_t)NBD_REP_ERR_UNKNOWN,
                     "there are two");
        fake_engine.device_count = 1;
        cr_expect_eq(option(fd, NBD_OPT_GO, "\0\0\0\4disk\0\0", 10), (uint32_t)NBD_REP_ERR_UNKNOWN);
        client_say_option(fd, NBD_OPT_GO, "\0\0\0\0\0\0", 6);
        cr_expect_eq(reply_to(fd, NBD_OPT_GO), NBD_REP_INFO);
        fake_engine.device_count = 2;
        close(fd);
}

Test(front_nbd_handshake, unheard_name_is_asked_for)
{
        int fd = client_haggle();

        fake_engine.refuses = true;
        client_say_option(fd, NBD_OPT_GO, "\0\0\0\4e7.3\0\0", 10);
        cr_expect_eq(fake_engine.open_count, 0);
        fake_engine.refuses = false;
        client_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->op, REQUEST_LOOKUP);
        cr_expect_eq(fake_engine.open[0]->addr, aoe_addr_make(7, 3));
        cr_expect(client_hears_nothing(fd));
        fake_add(7, 3, 4096);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(reply_to(fd, NBD_OPT_GO), NBD_REP_INFO);
        cr_expect_eq(client_number(heard + 2, 8), 4096);
        close(fd);
}

Test(front_nbd_handshake, unheard_name_that_nobody_answers_to)
{
        int fd = client_haggle();

        for (unsigned round = 1; round <= 2; round++) {
                client_say_option(fd, NBD_OPT_INFO, "\0\0\0\4e7.3\0\0", 10);
                cr_assert_eq(fake_engine.open_count, 1);
                client_finish(0, REQUEST_NO_DEVICE);
                cr_expect_eq(reply_to(fd, NBD_OPT_INFO), (uint32_t)NBD_REP_ERR_UNKNOWN);
                cr_expect_eq(fake_engine.submit_count, round, "each time anew");
        }
        client_say_option(fd, NBD_OPT_GO, "\0\0\0\4e7.3\0\0", 10);
        close(fd); /* in the middle of it */
        client_turn();
        cr_expect_eq(fake_engine.cancel_count, 1);
}

Test(front_nbd_handshake, export_name)
{
        int fd = client_haggle();

        client_say_option(fd, NBD_OPT_EXPORT_NAME, "e7.1", 4);
        client_hear(fd, 10);
        cr_expect_eq(client_number(heard, 8), CLIENT_DEVICE);
        cr_expect_not(client_number(heard + 8, 2) & NBD_FLAG_SEND_DF);
        cr_expect(client_hears_nothing(fd), "it wants no zeroes");
        close(fd);
        fd = client_connect(true);
        client_say(fd, "\0\0\0\1", 4);
        client_say_option(fd, NBD_OPT_EXPORT_NAME, "e7.2", 4);
        client_hear(fd, NBD_GREETING_BYTES + NBD_EXPORT_REPLY_BYTES);
        cr_expect(client_number(heard + NBD_GREETING_BYTES + 8, 2) & NBD_FLAG_READ_ONLY);
        cr_expect(client_hears_nothing(fd));
        cr_expect_eq(fake_engine.holders[1], 1);
        close(fd);
        fd = client_haggle();
        client_say_option(fd, NBD_OPT_EXPORT_NAME, "disk", 4);
        cr_expect(client_is_hung_up_on(fd), "there is no word for an error");
        close(fd);
}

/* ---- contexts ---- */

static uint32_t meta(int fd, uint32_t code, const char *query, uint32_t *ret_id)
{
        char data[64] = "\0\0\0\4e7.1\0\0\0\1";
        uint32_t bytes = 12, type, count = 0;

        be32_store((uint8_t *)data + bytes, (uint32_t)strlen(query));
        memcpy(data + bytes + 4, query, strlen(query));
        bytes += 4 + (uint32_t)strlen(query);
        client_say_option(fd, code, data, bytes);
        while ((type = reply_to(fd, code)) == NBD_REP_META_CONTEXT) {
                count++;
                *ret_id = (uint32_t)client_number(heard, 4);
                cr_expect_eq(reply_bytes, 4 + strlen(NBD_META_CONTEXT));
                cr_expect_eq(memcmp(heard + 4, NBD_META_CONTEXT, strlen(NBD_META_CONTEXT)), 0);
        }
        cr_expect_eq(type, NBD_REP_ACK);
        return count;
}

Test(front_nbd_handshake, contexts)
{
        int fd = client_haggle();
        uint32_t id;

        cr_assert_eq(option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0), NBD_REP_ACK);
        cr_expect_eq(meta(fd, NBD_OPT_LIST_META_CONTEXT, "base:", &id), 1);
        cr_expect_eq(meta(fd, NBD_OPT_LIST_META_CONTEXT, "qemu:", &id), 0);
        cr_expect_eq(meta(fd, NBD_OPT_SET_META_CONTEXT, "base:allocation", &id), 1);
        cr_expect_eq(id, NBD_META_CONTEXT_ID);
        cr_expect_eq(meta(fd, NBD_OPT_SET_META_CONTEXT, "base:", &id), 0,
                     "and takes the first back");
        cr_expect_eq(option(fd, NBD_OPT_SET_META_CONTEXT, "\0\0\0\4disk\0\0\0\0", 12),
                     (uint32_t)NBD_REP_ERR_UNKNOWN);
        client_go(fd);
        client_ask(fd, NBD_CMD_BLOCK_STATUS, 0, 1, 0, 512);
        cr_expect_eq(client_hear_chunk(fd, 1).type, CLIENT_CHUNK_ERROR, "nothing is negotiated");
        cr_expect_eq(client_number(heard, 4), NBD_EINVAL);
        close(fd);
}
