/* SPDX-License-Identifier: MIT */
/*
 * An NBD client, made by hand, and the server in front of the fake engine: what is said goes
 * through turns until the front is at rest, what is heard is taken byte by byte. Devices: e7.1,
 * e7.2.
 */
#pragma once

#include <criterion/criterion.h>
#include <poll.h>

#include "front/front_nbd.h"
#include "front/nbd_proto.h"
#include "front_disk.h"

#define CLIENT_TURNS_MAX   1000
#define CLIENT_SEND_BYTES  16384 /* that a client may leave in its socket, about */
#define CLIENT_REPLY       UINT64_C(0x3e889045565a9)
#define CLIENT_SIMPLE      0x67446698
#define CLIENT_CHUNK       0x668e33ef
#define CLIENT_DEVICE      ((uint64_t)64 << 20)
#define CLIENT_CHUNK_DATA  1
#define CLIENT_CHUNK_ERROR 0x8001
#define E71                aoe_addr_make(7, 1)
#define E72                aoe_addr_make(7, 2)

static struct front *front;
static struct front_host host;
static void *client_frames;
static nsec client_now = NSEC_SEC;
static bool client_stopped; /* the front is: it is watched no more */
static uint8_t heard[REQUEST_BYTES_MAX];

static inline bool client_front_is_readable(void)
{
        struct pollfd p = {.fd = front->fd, .events = POLLIN};

        return poll(&p, 1, 0) > 0;
}

/* One turn, as the shard does it. true: another one is due. */
static inline bool client_turn_once(void)
{
        unsigned submitted;
        bool more;

        client_now += NSEC_US;
        front->ops->turn(front, client_stopped ? 0 : 64, client_now);
        submitted = fake_engine.submit_count;
        more = front->ops->send(front, client_now);
        cr_expect(more || submitted == fake_engine.submit_count,
                  "what the sending submits leaves in another turn");
        return more || (!client_stopped && client_front_is_readable());
}

static inline void client_turn(void)
{
        unsigned turns = 0;

        while (client_turn_once())
                cr_assert_lt(++turns, CLIENT_TURNS_MAX, "it never comes to rest");
}

static inline void client_start_with(const struct front_nbd_options *o, size_t blocks,
                                     size_t frames)
{
        host = fake_host_make(blocks);
        client_frames = malloc(frame_pool_bytes(DISK_FRAME_BYTES, frames));
        disk_init(&host, client_frames, frames);
        cr_assert_eq(front_nbd_new(o, &host, &front), 0);
        front->ops->on_settled(front);
}

/* A server without a listener. */
static inline void client_start(size_t blocks, size_t frames)
{
        const struct front_nbd_options o = {.listen_fd = -1};

        fake_add(7, 1, CLIENT_DEVICE);
        fake_add(7, 2, CLIENT_DEVICE);
        client_start_with(&o, blocks, frames);
}

/* A client's end, which does not block; its server's end is the front's. */
static inline int client_connect(bool read_only)
{
        const int bytes = CLIENT_SEND_BYTES;
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        cr_assert_eq(front_nbd_attach(front, fds[1], read_only), 0);
        cr_assert_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
        client_turn();
        return fds[0];
}

/* ---- what it says ---- */

static inline void client_say(int fd, const void *data, size_t bytes)
{
        const uint8_t *at = data;

        while (bytes > 0) {
                ssize_t n = send(fd, at, bytes, MSG_NOSIGNAL);

                cr_assert(n > 0 || errno == EAGAIN, "%s", strerror(errno));
                client_turn();
                if (n < 0)
                        continue;
                at += n;
                bytes -= (size_t)n;
        }
}

static inline void client_say_option(int fd, uint32_t code, const void *data, uint32_t bytes)
{
        uint8_t head[NBD_OPTION_BYTES] = "IHAVEOPT";

        be32_store(head + 8, code);
        be32_store(head + 12, bytes);
        client_say(fd, head, sizeof(head));
        if (data)
                client_say(fd, data, bytes);
}

static inline void client_ask(int fd, uint16_t type, uint16_t flags, uint64_t cookie,
                              uint64_t offset, uint32_t bytes)
{
        uint8_t r[NBD_REQUEST_BYTES];

        be32_store(r, 0x25609513);
        be16_store(r + 4, flags);
        be16_store(r + 6, type);
        be32_store(r + 8, (uint32_t)(cookie >> 32));
        be32_store(r + 12, (uint32_t)cookie);
        be32_store(r + 16, (uint32_t)(offset >> 32));
        be32_store(r + 20, (uint32_t)offset);
        be32_store(r + 24, bytes);
        client_say(fd, r, sizeof(r));
}

/* ---- what it hears ---- */

static inline uint64_t client_number(const uint8_t *p, unsigned bytes)
{
        uint64_t v = 0;

        for (unsigned i = 0; i < bytes; i++)
                v = v << 8 | p[i];
        return v;
}

/* So many bytes, into heard; they have to be there. */
static inline void client_hear(int fd, size_t bytes)
{
        size_t at = 0;

        cr_assert_leq(bytes, sizeof(heard));
        while (at < bytes) {
                ssize_t n = recv(fd, heard + at, bytes - at, 0);

                cr_assert_gt(n, 0, "%zu of %zu bytes came: %s", at, bytes,
                             n == 0 ? "hung up" : strerror(errno));
                at += (size_t)n;
                client_turn();
        }
}

static inline bool client_hears_nothing(int fd)
{
        uint8_t byte;

        return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static inline bool client_is_hung_up_on(int fd)
{
        uint8_t byte;
        ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

        return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* An option's reply; its data are in heard. */
static inline uint32_t client_hear_option(int fd, uint32_t code, uint32_t *ret_bytes)
{
        uint32_t type;

        client_hear(fd, NBD_OPTION_REPLY_BYTES);
        cr_assert_eq(client_number(heard, 8), CLIENT_REPLY);
        cr_assert_eq(client_number(heard + 8, 4), code);
        type = (uint32_t)client_number(heard + 12, 4);
        *ret_bytes = (uint32_t)client_number(heard + 16, 4);
        client_hear(fd, *ret_bytes);
        return type;
}

/* The error that a simple reply to cookie says. */
static inline uint32_t client_hear_simple(int fd, uint64_t cookie)
{
        client_hear(fd, NBD_SIMPLE_BYTES);
        cr_assert_eq(client_number(heard, 4), CLIENT_SIMPLE);
        cr_assert_eq(client_number(heard + 8, 8), cookie);
        return (uint32_t)client_number(heard + 4, 4);
}

struct client_chunk {
        bool done;
        uint16_t type;
        uint32_t bytes; /* they are in heard */
};

static inline struct client_chunk client_hear_chunk(int fd, uint64_t cookie)
{
        struct client_chunk c;

        client_hear(fd, NBD_CHUNK_BYTES);
        cr_assert_eq(client_number(heard, 4), CLIENT_CHUNK);
        cr_assert_eq(client_number(heard + 8, 8), cookie);
        c.done = client_number(heard + 4, 2) & 1;
        c.type = (uint16_t)client_number(heard + 6, 2);
        c.bytes = (uint32_t)client_number(heard + 16, 4);
        if (c.type != CLIENT_CHUNK_DATA)
                client_hear(fd, c.bytes);
        return c;
}

/* ---- common beginnings ---- */

/* The greeting was heard and the flags were said. */
static inline int client_haggle(void)
{
        int fd = client_connect(false);

        client_hear(fd, NBD_GREETING_BYTES);
        client_say(fd, (uint8_t[]){0, 0, 0, 3}, 4);
        return fd;
}

static inline void client_go(int fd)
{
        uint32_t bytes;

        client_say_option(fd, NBD_OPT_GO, "\0\0\0\4e7.1\0\0", 10);
        while (client_hear_option(fd, NBD_OPT_GO, &bytes) == NBD_REP_INFO)
                ;
}

/* A client of e7.1. */
static inline int client_serve(bool structured)
{
        int fd = client_haggle();
        uint32_t bytes;

        if (structured) {
                client_say_option(fd, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
                cr_assert_eq(client_hear_option(fd, NBD_OPT_STRUCTURED_REPLY, &bytes), NBD_REP_ACK);
                client_say_option(fd, NBD_OPT_SET_META_CONTEXT,
                                  "\0\0\0\4e7.1\0\0\0\1\0\0\0\17base:allocation", 31);
                cr_assert_eq(client_hear_option(fd, NBD_OPT_SET_META_CONTEXT, &bytes),
                             NBD_REP_META_CONTEXT);
                cr_assert_eq(client_hear_option(fd, NBD_OPT_SET_META_CONTEXT, &bytes), NBD_REP_ACK);
        }
        client_go(fd);
        return fd;
}

/* ---- the engine's side ---- */

/* The idx-th open request ends; the data of a READ are in frames or in a buffer. */
static inline void client_finish_with(unsigned idx, enum request_status status, bool by_frames)
{
        struct request *rq = fake_engine.open[idx];

        cr_assert_lt(idx, fake_engine.open_count);
        if (rq->op == REQUEST_READ && status == REQUEST_OK)
                cr_assert(by_frames ? disk_fill_frames(rq) : disk_fill_buffer(rq));
        rq->status = status;
        fake_take(idx);
        front->ops->complete(front, rq, client_now);
        client_turn();
}

static inline void client_finish(unsigned idx, enum request_status status)
{
        client_finish_with(idx, status, false);
}

/* Everybody hangs up by now; all that is open ends, the front gives everything back. */
static inline void client_stop(void)
{
        client_turn();
        while (fake_engine.open_count > 0)
                client_finish(0, REQUEST_TIMEOUT);
        cr_expect_eq(front->ops->open_count(front), 0);
        front->ops->free(front);
        cr_expect_eq(fake_engine.submit_count, fake_engine.release_count);
        cr_expect(arena_is_full(&fake_arena));
        cr_expect_eq(disk_frames.pool.used, 0);
        for (unsigned i = 0; i < fake_engine.device_count; i++)
                cr_expect_eq(fake_engine.holders[i], 0);
        cr_expect_eq(fake_host.writer_takes - (fake_host.writer_result != 0),
                     fake_host.writer_drops);
        free(fake_arena.region);
        free(fake_arena.units);
        free(client_frames);
}
