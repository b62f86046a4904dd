/* SPDX-License-Identifier: MIT */
/* nbd_io and nbd_piece: requests cut into pieces, answered in chunks or in one run; errors, FUA. */
#include "front_client.h"

#define KIB   ((uint32_t)1 << 10)
#define CHUNK ((uint32_t)256 << 10)
#define MIB   ((uint32_t)1 << 20)

static void setup(void)
{
        client_start(64, 1024);
}

TestSuite(front_nbd_io, .init = setup, .fini = client_stop);

static const struct request *submitted(unsigned idx)
{
        cr_assert_lt(idx, fake_engine.open_count);
        return fake_engine.open[idx];
}

static void expect_data(int fd, uint64_t offset, uint32_t bytes)
{
        client_hear(fd, bytes);
        cr_expect_eq(memcmp(heard, disk_at(offset), bytes), 0, "data of %llu",
                     (unsigned long long)offset);
}

/* ---- READ ---- */

Test(front_nbd_io, read_from_frames_and_from_a_buffer)
{
        for (unsigned i = 0; i < 4; i++) {
                int fd = client_serve(i & 1);

                client_ask(fd, NBD_CMD_READ, 0, 77, 513, 10000);
                cr_expect_eq(submitted(0)->op, REQUEST_READ);
                cr_expect_eq(submitted(0)->offset, 513);
                cr_expect_eq(submitted(0)->bytes, 10000);
                client_finish_with(0, REQUEST_OK, i & 2);
                if (i & 1) {
                        struct client_chunk c = client_hear_chunk(fd, 77);

                        cr_expect(c.done && c.type == CLIENT_CHUNK_DATA && c.bytes == 10008);
                        client_hear(fd, 8);
                        cr_expect_eq(client_number(heard, 8), 513);
                } else {
                        cr_expect_eq(client_hear_simple(fd, 77), NBD_OK);
                }
                expect_data(fd, 513, 10000);
                cr_expect(client_hears_nothing(fd));
                cr_expect_eq(disk_frames.pool.used, 0);
                close(fd);
                client_turn();
        }
}

Test(front_nbd_io, answers_in_the_order_of_the_disk)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_READ, 0, 1, 0, 512);
        client_ask(fd, NBD_CMD_READ, 0, 2, 512, 1024);
        client_ask(fd, NBD_CMD_FLUSH, 0, 3, 0, 0);
        cr_expect_eq(front->ops->open_count(front), 3);
        client_finish(2, REQUEST_OK);
        client_finish(1, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 3), NBD_OK);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_OK);
        expect_data(fd, 512, 1024);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        expect_data(fd, 0, 512);
        cr_expect_eq(front->ops->open_count(front), 0);
        close(fd);
}

Test(front_nbd_io, chunks_of_the_largest_read)
{
        const unsigned chunks = NBD_PAYLOAD_MAX / CHUNK;
        int fd = client_serve(true);
        bool seen[NBD_PAYLOAD_MAX / CHUNK] = {false};

        client_ask(fd, NBD_CMD_READ, 0, 9, MIB, NBD_PAYLOAD_MAX);
        for (unsigned i = 0; i < chunks; i++) {
                struct client_chunk c;
                uint64_t at;

                cr_expect_eq(fake_engine.open_count, i + 16 <= chunks ? 16 : chunks - i,
                             "of one request");
                client_finish(fake_engine.open_count - 1, REQUEST_OK); /* the youngest first */
                c = client_hear_chunk(fd, 9);
                cr_expect_eq(c.done, i == chunks - 1);
                cr_assert(c.type == CLIENT_CHUNK_DATA && c.bytes == CHUNK + 8);
                client_hear(fd, 8);
                at = client_number(heard, 8);
                cr_assert(at % CHUNK == 0 && at >= MIB && at < MIB + (uint64_t)NBD_PAYLOAD_MAX);
                cr_expect_not(seen[(at - MIB) / CHUNK], "twice");
                seen[(at - MIB) / CHUNK] = true;
                expect_data(fd, at, CHUNK);
        }
        cr_expect(client_hears_nothing(fd));
        close(fd);
}

Test(front_nbd_io, one_run_of_the_largest_read)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_FLUSH, 0, 1, 0, 0);
        client_ask(fd, NBD_CMD_READ, 0, 9, MIB + 1, NBD_PAYLOAD_MAX);
        client_ask(fd, NBD_CMD_FLUSH, 0, 2, 0, 0);
        cr_expect_eq(fake_engine.open_count, 1, "it begins when it is alone");
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        for (unsigned i = 0; i < 32; i++) {
                cr_assert_eq(fake_engine.open_count, 1, "nothing beside it");
                cr_expect_eq(submitted(0)->op, REQUEST_READ);
                client_finish(0, REQUEST_OK);
                if (i == 0)
                        cr_expect_eq(client_hear_simple(fd, 9), NBD_OK);
                expect_data(fd, MIB + 1 + (uint64_t)i * MIB, MIB);
        }
        cr_expect_eq(submitted(0)->op, REQUEST_FLUSH);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_OK);
        close(fd);
}

Test(front_nbd_io, error_between_chunks)
{
        int fd = client_serve(true);
        struct client_chunk c;

        client_ask(fd, NBD_CMD_READ, 0, 9, 0, 8 * MIB);
        client_finish(1, REQUEST_ERROR);
        cr_expect_eq(fake_engine.open_count, 15, "no more pieces");
        for (unsigned i = 0; i < 15; i++) {
                cr_expect(client_hears_nothing(fd));
                client_finish(0, REQUEST_OK);
                c = client_hear_chunk(fd, 9);
                cr_expect(c.type == CLIENT_CHUNK_DATA && !c.done);
                client_hear(fd, 8);
                expect_data(fd, (i == 0 ? 0 : i + 1) * (uint64_t)CHUNK, CHUNK);
        }
        c = client_hear_chunk(fd, 9);
        cr_expect(c.type == CLIENT_CHUNK_ERROR && c.done);
        cr_expect_eq(client_number(heard, 4), NBD_EIO);
        client_ask(fd, NBD_CMD_FLUSH, 0, 10, 0, 0);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 10), NBD_OK, "it goes on");
        close(fd);
}

Test(front_nbd_io, error_in_a_run)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_READ, 0, 8, 0, 8 * MIB);
        client_finish(0, REQUEST_TIMEOUT);
        cr_expect_eq(client_hear_simple(fd, 8), NBD_EIO, "nothing was said yet");
        client_ask(fd, NBD_CMD_READ, 0, 9, 0, 8 * MIB);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 9), NBD_OK);
        expect_data(fd, 0, MIB);
        client_finish(0, REQUEST_TIMEOUT);
        cr_expect(client_is_hung_up_on(fd), "too late for an error");
        close(fd);
}

Test(front_nbd_io, statuses_and_errors)
{
        static const struct {
                enum request_status status;
                uint32_t error;
        } cases[] = {
                {REQUEST_ERROR, NBD_EIO},        {REQUEST_TIMEOUT, NBD_EIO},
                {REQUEST_NO_DEVICE, NBD_EIO},    {REQUEST_SWAPPED, NBD_EIO},
                {REQUEST_CANCELLED, NBD_EIO},    {REQUEST_RESERVED, NBD_EPERM},
                {REQUEST_NO_MEMORY, NBD_ENOMEM}, {REQUEST_RANGE, NBD_EINVAL},
                {REQUEST_UNSUPPORTED, NBD_OK},
        };
        int fd = client_serve(false);

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                client_ask(fd, NBD_CMD_TRIM, 0, i, 0, 512);
                client_finish(0, cases[i].status);
                cr_expect_eq(client_hear_simple(fd, i), cases[i].error, "case %u", i);
        }
        client_ask(fd, NBD_CMD_WRITE_ZEROES, 0, 9, 0, 512);
        client_finish(0, REQUEST_RANGE);
        cr_expect_eq(client_hear_simple(fd, 9), NBD_ENOSPC);
        client_ask(fd, NBD_CMD_WRITE_ZEROES, 0, 10, 0, 512);
        client_finish(0, REQUEST_UNSUPPORTED);
        cr_expect_eq(client_hear_simple(fd, 10), NBD_EIO, "only TRIM is advice");
        close(fd);
}

/* ---- WRITE ---- */

Test(front_nbd_io, write_in_pieces)
{
        int fd = client_serve(false);
        uint32_t bytes = 2 * MIB + 100;

        client_ask(fd, NBD_CMD_WRITE, 0, 4, 1000, bytes);
        for (uint32_t at = 0; at < bytes; at += 1000)
                client_say(fd, disk_at(1000 + at), bytes - at < 1000 ? bytes - at : 1000);
        cr_assert_eq(fake_engine.open_count, 3);
        for (unsigned i = 0; i < 3; i++) {
                const struct request *rq = submitted(i);

                cr_expect_eq(rq->op, REQUEST_WRITE);
                cr_expect_eq(rq->offset, 1000 + i * MIB);
                cr_expect_eq(rq->bytes, i < 2 ? MIB : 100);
                cr_expect_eq(memcmp(rq->data, disk_at(rq->offset), rq->bytes), 0);
        }
        client_finish(1, REQUEST_OK);
        client_finish(1, REQUEST_OK);
        cr_expect(client_hears_nothing(fd), "not all of it is written");
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 4), NBD_OK);
        cr_expect_eq(fake_engine.submit_count, 3, "no flush");
        cr_expect_eq(fake_host.writer_takes, 1);
        close(fd);
}

Test(front_nbd_io, write_that_fails_while_it_comes_in)
{
        int fd = client_serve(true);

        client_ask(fd, NBD_CMD_WRITE, NBD_CMD_FLAG_FUA, 4, 0, 3 * MIB);
        client_say(fd, disk_at(0), MIB);
        client_say(fd, disk_at(MIB), 1000);
        client_finish(0, REQUEST_ERROR);
        cr_expect(client_hears_nothing(fd), "the rest has to be taken first");
        client_say(fd, disk_at(MIB + 1000), MIB - 1000);
        client_say(fd, disk_at(2 * MIB), MIB);
        cr_expect_eq(fake_engine.submit_count, 1, "and goes nowhere");
        cr_expect_eq(client_hear_simple(fd, 4), NBD_EIO);
        client_ask(fd, NBD_CMD_FLUSH, 0, 5, 0, 0);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 5), NBD_OK);
        close(fd);
}

/* FUA on each command that changes something: answered when a flush behind it is done. */
Test(front_nbd_io, fua_is_a_flush_behind_it)
{
        static const uint16_t types[] = {NBD_CMD_WRITE, NBD_CMD_TRIM, NBD_CMD_WRITE_ZEROES};
        int fd = client_serve(false);

        for (unsigned i = 0; i < 6; i++) {
                client_ask(fd, types[i % 3], NBD_CMD_FLAG_FUA, i, 4096, 512);
                if (types[i % 3] == NBD_CMD_WRITE)
                        client_say(fd, disk_at(4096), 512);
                cr_assert_eq(fake_engine.open_count, 1);
                cr_expect_neq(submitted(0)->op, REQUEST_FLUSH);
                client_finish(0, REQUEST_OK);
                cr_expect(client_hears_nothing(fd));
                cr_assert_eq(fake_engine.open_count, 1);
                cr_expect_eq(submitted(0)->op, REQUEST_FLUSH);
                cr_expect_eq(submitted(0)->addr, E71);
                client_finish(0, i < 3 ? REQUEST_OK : REQUEST_ERROR);
                cr_expect_eq(client_hear_simple(fd, i), i < 3 ? NBD_OK : NBD_EIO);
        }
        client_ask(fd, NBD_CMD_TRIM, NBD_CMD_FLAG_FUA, 6, 0, 512);
        client_finish(0, REQUEST_TIMEOUT);
        cr_expect_eq(client_hear_simple(fd, 6), NBD_EIO);
        cr_expect_eq(fake_engine.open_count, 0, "nothing was written, nothing to flush");
        client_ask(fd, NBD_CMD_READ, NBD_CMD_FLAG_FUA, 7, 0, 512);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 7), NBD_OK);
        expect_data(fd, 0, 512);
        close(fd);
}

/* ---- the other commands ---- */

Test(front_nbd_io, ranges_without_data)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_WRITE_ZEROES, 0, 1, 0, 64 * MIB);
        cr_assert_eq(fake_engine.open_count, 2);
        cr_expect_eq(submitted(0)->bytes, REQUEST_RANGE_BYTES_MAX);
        cr_expect_eq(submitted(1)->offset, REQUEST_RANGE_BYTES_MAX);
        cr_expect(submitted(0)->op == REQUEST_ZERO && submitted(0)->may_trim);
        client_finish(1, REQUEST_OK);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        client_ask(fd, NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_NO_HOLE, 2, 0, 512);
        cr_expect(submitted(0)->op == REQUEST_ZERO && !submitted(0)->may_trim);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_OK);
        client_ask(fd, NBD_CMD_CACHE, 0, 3, 0, 3 * MIB);
        cr_expect_eq(fake_engine.open_count, 3);
        while (fake_engine.open_count > 0)
                client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 3), NBD_OK);
        cr_expect(client_hears_nothing(fd), "no data");
        close(fd);
}

Test(front_nbd_io, fast_zero_only_when_it_is)
{
        int fd = client_serve(false);

        client_ask(fd, NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_FAST_ZERO, 1, 0, 512);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_ENOTSUP);
        fake_device(E71)->trim_zeroes = true;
        client_ask(fd, NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_FAST_ZERO, 2, 0, 513);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_ENOTSUP, "edges are written");
        client_ask(fd, NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_FAST_ZERO | NBD_CMD_FLAG_NO_HOLE, 3, 0,
                   512);
        cr_expect_eq(client_hear_simple(fd, 3), NBD_ENOTSUP);
        client_ask(fd, NBD_CMD_WRITE_ZEROES, NBD_CMD_FLAG_FAST_ZERO, 4, 0, 512);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 4), NBD_OK);
        close(fd);
}

Test(front_nbd_io, block_status)
{
        int fd = client_serve(true);
        struct client_chunk c;

        client_ask(fd, NBD_CMD_BLOCK_STATUS, NBD_CMD_FLAG_REQ_ONE, 1, 512, 8192);
        c = client_hear_chunk(fd, 1);
        cr_expect(c.done && c.type == 5 && c.bytes == 12);
        cr_expect_eq(client_number(heard, 4), NBD_META_CONTEXT_ID);
        cr_expect_eq(client_number(heard + 4, 8), (uint64_t)8192 << 32, "one extent of data");
        close(fd);
        fd = client_serve(false);
        client_ask(fd, NBD_CMD_BLOCK_STATUS, 0, 2, 0, 512);
        cr_expect_eq(client_hear_simple(fd, 2), NBD_EINVAL, "a reply that it can read");
        close(fd);
}

/* ---- what is refused ---- */

static uint32_t refusal(int fd, uint16_t type, uint16_t flags, uint64_t offset, uint32_t bytes)
{
        static uint64_t cookie = 1000;
        static const uint8_t data[64 * 1024];
        uint32_t left = type == NBD_CMD_WRITE ? bytes : 0;

        client_ask(fd, type, flags, ++cookie, offset, bytes);
        for (uint32_t n; left > 0; left -= n) {
                n = left < sizeof(data) ? left : sizeof(data);
                client_say(fd, data, n);
        }
        return client_hear_simple(fd, cookie);
}

Test(front_nbd_io, what_is_refused_and_how)
{
        int fd = client_serve(false);

        cr_expect_eq(refusal(fd, 8, 0, 0, 512), NBD_EINVAL, "an unknown command");
        cr_expect_eq(refusal(fd, 0xffff, 0, 0, 512), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_READ, 0x8000, 0, 512), NBD_EINVAL, "an unknown flag");
        cr_expect_eq(refusal(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, 0, 512), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, NBD_CMD_FLAG_DF, 0, 512), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_READ, 0, 0, 0), NBD_EINVAL, "nothing");
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, 0, 0, 0), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_TRIM, 0, 0, 0), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_FLUSH, 0, 512, 0), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_FLUSH, 0, 0, 512), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_READ, 0, CLIENT_DEVICE, 1), NBD_EINVAL, "beyond the end");
        cr_expect_eq(refusal(fd, NBD_CMD_READ, 0, UINT64_MAX, 512), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_TRIM, 0, CLIENT_DEVICE - 1, 2), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, 0, CLIENT_DEVICE - 1, 2), NBD_ENOSPC);
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE_ZEROES, 0, CLIENT_DEVICE - 1, 2), NBD_ENOSPC);
        cr_expect_eq(refusal(fd, NBD_CMD_READ, 0, 0, NBD_PAYLOAD_MAX + 1), NBD_EINVAL, "too much");
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, 0, 0, NBD_PAYLOAD_MAX + 1), NBD_EINVAL);
        cr_expect_eq(fake_engine.submit_count, 0);
        client_ask(fd, NBD_CMD_READ, 0, 1, CLIENT_DEVICE - 1, 1);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK, "the connection was kept");
        expect_data(fd, CLIENT_DEVICE - 1, 1);
        close(fd);
}

Test(front_nbd_io, refusals_in_chunks)
{
        int fd = client_serve(true);

        client_ask(fd, NBD_CMD_READ, NBD_CMD_FLAG_DF, 1, 0, MIB + 1);
        cr_expect(client_hear_chunk(fd, 1).done);
        cr_expect_eq(client_number(heard, 4), NBD_EOVERFLOW);
        client_ask(fd, NBD_CMD_BLOCK_STATUS, 0, 2, CLIENT_DEVICE, 1);
        cr_expect(client_hear_chunk(fd, 2).done);
        cr_expect_eq(client_number(heard, 4), NBD_EINVAL);
        cr_expect_eq(refusal(fd, NBD_CMD_TRIM, 0, 0, 0), NBD_EINVAL, "others stay simple");
        close(fd);
}

Test(front_nbd_io, read_only)
{
        int fd = client_connect(true);

        client_hear(fd, NBD_GREETING_BYTES);
        client_say(fd, "\0\0\0\3", 4);
        client_go(fd);
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, 0, 0, 100000), NBD_EPERM);
        cr_expect_eq(refusal(fd, NBD_CMD_TRIM, 0, 0, 512), NBD_EPERM);
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE_ZEROES, 0, 0, 512), NBD_EPERM);
        client_ask(fd, NBD_CMD_FLUSH, 0, 1, 0, 0);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK);
        cr_expect_eq(fake_host.writer_takes, 0);
        close(fd);
}

Test(front_nbd_io, another_daemon_writes)
{
        int fd = client_serve(false);

        fake_host.writer_result = -EBUSY;
        cr_expect_eq(refusal(fd, NBD_CMD_WRITE, 0, 0, 100000), NBD_EPERM);
        cr_expect_eq(fake_host.log_count, 1);
        cr_expect_not_null(strstr(fake_host.log, "process 4711"));
        fake_host.writer_result = 0;
        fake_host.writer_takes = 0;
        client_ask(fd, NBD_CMD_TRIM, 0, 1, 0, 512);
        client_finish(0, REQUEST_OK);
        cr_expect_eq(client_hear_simple(fd, 1), NBD_OK, "it ended");
        cr_expect_eq(fake_host.log_count, 1);
        close(fd);
}

Test(front_nbd_io, garbage)
{
        int fd = client_serve(false), other = client_serve(false);

        client_ask(fd, NBD_CMD_READ, 0, 1, 0, 512);
        client_say(fd, "This is no request, whoever says it.", 28);
        cr_expect(client_is_hung_up_on(fd));
        cr_expect_eq(fake_engine.cancel_count, 1);
        client_ask(other, NBD_CMD_READ, 0, 1, 0, 512);
        client_finish(1, REQUEST_OK);
        cr_expect_eq(client_hear_simple(other, 1), NBD_OK);
        expect_data(other, 0, 512);
        close(fd);
        close(other);
}
