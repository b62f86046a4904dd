/* SPDX-License-Identifier: MIT */
/* The NBD server under pressure: quotas, clients that take nothing, hang up, and the shutdown. */
#include "front_client.h"

#define KIB ((uint32_t)1 << 10)
#define MIB ((uint32_t)1 << 20)

static void setup(void)
{
        client_start(64, 1024);
}

/* A quarter of it, a little more than 1 MiB, is for all clients together. */
static void setup_small(void)
{
        client_start(4, 1024);
}

TestSuite(front_nbd_pressure, .init = setup, .fini = client_stop);
TestSuite(front_nbd_small, .init = setup_small, .fini = client_stop);

/* All that comes for cookie's READ, to its end. Returns in how many chunks. */
static unsigned hear_read(int fd, uint64_t cookie, uint32_t bytes)
{
        struct client_chunk c;
        unsigned chunks = 0;
        uint32_t seen = 0;

        do {
                uint64_t at;

                if (client_hears_nothing(fd) && fake_engine.open_count > 0)
                        client_finish(0, REQUEST_OK);
                c = client_hear_chunk(fd, cookie);
                cr_assert_eq(c.type, CLIENT_CHUNK_DATA);
                client_hear(fd, 8);
                at = client_number(heard, 8);
                client_hear(fd, c.bytes - 8);
                cr_assert_eq(memcmp(heard, disk_at(at), c.bytes - 8), 0);
                seen += c.bytes - 8;
                chunks++;
        } while (!c.done);
        cr_expect_eq(seen, bytes);
        return chunks;
}

/* ---- quotas ---- */

Test(front_nbd_pressure, a_client_holds_four_mib_until_it_takes_them)
{
        int fd = client_serve(true);

        for (unsigned i = 0; i < 20; i++)
                client_ask(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, i, i * (uint64_t)MIB, MIB);
        cr_expect_eq(fake_engine.open_count, 4);
        for (unsigned i = 0; i < 4; i++)
                client_finish(0, REQUEST_OK);
        cr_expect_eq(fake_engine.open_count, 0, "nothing before it takes what there is");
        cr_expect_eq(front->ops->open_count(front), 16);
        for (unsigned i = 0; i < 20; i++)
                cr_expect_eq(hear_read(fd, i, MIB), 1);
        close(fd);
}

Test(front_nbd_pressure, no_more_than_64_pieces_in_the_engine)
{
        int fd = client_serve(false);

        for (unsigned i = 0; i < 300; i++)
                client_ask(fd, NBD_CMD_READ, 0, i, i * 512, 512);
        cr_expect_eq(fake_engine.open_count, 64);
        cr_expect_eq(front->ops->open_count(front), 256, "the rest is not even read");
        for (unsigned i = 0; i < 300; i++) {
                client_finish(0, REQUEST_OK);
                cr_expect_eq(client_hear_simple(fd, i), NBD_OK);
                client_hear(fd, 512);
                cr_expect_eq(memcmp(heard, disk_at(i * 512), 512), 0);
        }
        cr_expect(client_hears_nothing(fd));
        close(fd);
}

Test(front_nbd_pressure, what_the_engine_refuses_is_tried_again)
{
        int fd = client_serve(false);

        fake_engine.refuses = true;
        client_ask(fd, NBD_CMD_READ, 0, 1, 0, 512);
        client_ask(fd, NBD_CMD_WRITE, 0, 2, 0, 512);
        client_say(fd, disk_at(0), 512);
        cr_expect_eq(fake_engine.open_count, 0);
        fake_engine.refuses = false;
        client_turn();
        cr_assert_eq(fake_engine.open_count, 2);
        cr_expect_eq(fake_engine.open[0]->op, REQUEST_READ, "in order");
        client_finish(1, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_OK);
        close(fd);
}

Test(front_nbd_small, small_pieces_while_another_holds_the_memory)
{
        int one = client_serve(true), other = client_serve(true);

        client_ask(one, NBD_CMD_READ, NBD_CMD_FLAG_DF, 1, 0, MIB);
        cr_expect_eq(fake_engine.open[0]->bytes, MIB);
        client_ask(other, NBD_CMD_READ, 0, 2, 0, MIB);
        cr_assert_eq(fake_engine.open_count, 2, "it is not shut out");
        cr_expect_eq(fake_engine.open[1]->bytes, 64 * KIB);
        client_finish(1, REQUEST_OK);
        cr_expect_eq(fake_engine.open_count, 1, "nor has it more before that one is taken");
        cr_expect_eq(client_hear_chunk(other, 2).bytes, 64 * KIB + 8);
        client_hear(other, 64 * KIB + 8);
        cr_assert_eq(fake_engine.open_count, 2);
        cr_expect_eq(fake_engine.open[1]->bytes, 64 * KIB);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(hear_read(one, 1, MIB), 1);
        cr_expect_geq(hear_read(other, 2, MIB - 64 * KIB), 1);
        close(one);
        close(other);
}

Test(front_nbd_small, what_must_be_one_piece_is)
{
        int one = client_serve(true), other = client_serve(true), third = client_serve(false);

        client_ask(one, NBD_CMD_READ, NBD_CMD_FLAG_DF, 1, 0, MIB);
        client_ask(other, NBD_CMD_READ, NBD_CMD_FLAG_DF, 2, 0, MIB);
        client_ask(third, NBD_CMD_READ, 0, 3, 0, MIB);
        cr_assert_eq(fake_engine.open_count, 3);
        for (unsigned i = 0; i < 3; i++)
                cr_expect_eq(fake_engine.open[i]->bytes, MIB);
        close(one);
        close(other);
        close(third);
}

Test(front_nbd_small, small_pieces_of_a_write)
{
        int one = client_serve(true), other = client_serve(true);

        client_ask(one, NBD_CMD_READ, NBD_CMD_FLAG_DF, 1, 0, MIB);
        client_ask(other, NBD_CMD_WRITE, 0, 2, 0, 128 * KIB);
        client_say(other, disk_at(0), 64 * KIB);
        cr_assert_eq(fake_engine.open_count, 2);
        cr_expect_eq(fake_engine.open[1]->bytes, 64 * KIB);
        client_finish(1, REQUEST_OK);
        client_say(other, disk_at(64 * KIB), 64 * KIB);
        client_finish(1, REQUEST_OK);
        cr_expect_eq(client_hear_simple(other, 2), NBD_OK);
        close(one);
        close(other);
}

/* No block is free, and then one is: the WRITE goes on without its client's doing. */
Test(front_nbd_small, a_write_waits_for_memory)
{
        int fd = client_serve(false);
        void *blocks[4];

        for (unsigned i = 0; i < 4; i++)
                blocks[i] = arena_get(&fake_arena, ARENA_BLOCK_BYTES);
        client_ask(fd, NBD_CMD_WRITE, 0, 1, 0, 512);
        cr_assert_eq(send(fd, disk_at(0), 512, 0), 512);
        client_turn();
        cr_expect_eq(fake_engine.open_count, 0);
        arena_put(&fake_arena, blocks[0]);
        client_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        for (unsigned i = 1; i < 4; i++)
                arena_put(&fake_arena, blocks[i]);
        close(fd);
}

/* ---- clients that take nothing ---- */

Test(front_nbd_pressure, a_client_that_takes_nothing_gives_frames_back)
{
        int fd = client_serve(true), other = client_serve(false);

        client_ask(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, 1, 0, 768 * KIB);
        client_finish_with(0, REQUEST_OK, true);
        cr_expect_eq(disk_frames.pool.used, 192, "it may be about to");
        client_now += 20 * NSEC_MS;
        client_turn();
        cr_expect_eq(disk_frames.pool.used, 0);
        client_ask(other, NBD_CMD_FLUSH, 0, 2, 0, 0);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(other, 2), NBD_OK, "others do not wait for it");
        cr_expect_eq(hear_read(fd, 1, 768 * KIB), 1, "and it has missed nothing");
        close(fd);
        close(other);
}

Test(front_nbd_pressure, not_more_than_a_quarter_of_the_frames)
{
        int fd = client_serve(true);

        for (unsigned i = 0; i < 3; i++)
                client_ask(fd, NBD_CMD_READ, 0, i, 0, 768 * KIB);
        for (unsigned i = 0; i < 3; i++) {
                client_finish_with(0, REQUEST_OK, true);
                cr_expect_leq(disk_frames.pool.used, 256);
        }
        for (unsigned i = 0; i < 3; i++)
                hear_read(fd, i, 768 * KIB);
        close(fd);
}

/* ---- who leaves ---- */

Test(front_nbd_pressure, hanging_up_in_the_middle_of_everything)
{
        int fd = client_serve(true);

        client_ask(fd, NBD_CMD_READ, 0, 1, 0, 8 * MIB);
        client_finish(0, REQUEST_OK);
        client_ask(fd, NBD_CMD_TRIM, NBD_CMD_FLAG_FUA, 2, 0, 512);
        client_ask(fd, NBD_CMD_WRITE, 0, 3, 0, 512);
        client_say(fd, disk_at(0), 100);
        close(fd);
        client_turn();
        cr_expect_eq(fake_engine.cancel_count, fake_engine.open_count);
        cr_expect_eq(fake_engine.holders[0], 0);
        cr_expect_eq(fake_host.writer_drops, 1);
        while (fake_engine.open_count > 0)
                client_finish(0, REQUEST_OK);
        cr_expect_eq(front->ops->open_count(front), 0);
        cr_expect(arena_is_full(&fake_arena));
}

Test(front_nbd_pressure, disconnect_after_what_was_asked)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_READ, 0, 1, 0, 512);
        client_ask(fd, NBD_CMD_DISC, 0, 2, 0, 0);
        cr_expect(client_hears_nothing(fd));
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        client_hear(fd, 512);
        cr_expect(client_is_hung_up_on(fd));
        close(fd);
}

Test(front_nbd_pressure, all_places_are_used_again)
{
        int fds[NBD_CONNECTIONS_MAX], pair[2];

        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++)
                fds[i] = client_serve(false);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        cr_expect_eq(front_nbd_attach(front, pair[1], false), -EBUSY);
        close(fds[5]);
        client_turn();
        cr_expect_eq(front_nbd_attach(front, pair[1], false), 0);
        client_turn();
        client_hear(pair[0], NBD_GREETING_BYTES);
        close(pair[0]);
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++)
                if (i != 5)
                        close(fds[i]);
}

/* ---- the shutdown ---- */

static void stop(void)
{
        front->ops->stop(front);
        client_stopped = true;
        client_turn();
}

Test(front_nbd_pressure, stop_answers_what_is_in_the_engine)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_TRIM, 0, 1, 0, 512);
        client_ask(fd, NBD_CMD_TRIM, NBD_CMD_FLAG_FUA, 2, 0, 512);
        client_ask(fd, NBD_CMD_WRITE, 0, 3, 0, 1000);
        client_say(fd, disk_at(0), 500);
        stop();
        client_finish(0, REQUEST_OK);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 3), NBD_ESHUTDOWN, "not all of it came");
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_ESHUTDOWN, "it was not flushed");
        cr_expect_eq(front->ops->open_count(front), 0);
        close(fd);
}

Test(front_nbd_pressure, stop_does_not_wait_for_who_takes_nothing)
{
        int fd = client_serve(true), other = client_serve(false);

        client_ask(fd, NBD_CMD_READ, 0, 1, 0, NBD_PAYLOAD_MAX);
        client_ask(other, NBD_CMD_READ, 0, 1, 0, NBD_PAYLOAD_MAX);
        while (fake_engine.open_count > 0)
                client_finish(0, REQUEST_OK);
        cr_expect_eq(front->ops->open_count(front), 2);
        stop();
        cr_expect_eq(fake_engine.open_count, 0);
        cr_expect_eq(front->ops->open_count(front), 0);
        close(fd);
        close(other);
}
