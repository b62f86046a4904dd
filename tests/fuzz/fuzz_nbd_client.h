/* SPDX-License-Identifier: MIT */
/*
 * A client of the fuzzed NBD server: what it says waits to be taken, what it hears is understood
 * and compared: each request one answer, chunks that cover it, the data of its place.
 */
#pragma once

#include "../unit/front_disk.h"
#include "front/nbd_proto.h"

#define FUZZ_ASKED        32 /* of a client, at once */
#define FUZZ_OUT_BYTES    16384
#define FUZZ_IN_BYTES     512 /* what is looked at in one piece */
#define FUZZ_REPLY_OPTION UINT64_C(0x3e889045565a9)
#define FUZZ_REPLY_SIMPLE 0x67446698
#define FUZZ_REPLY_CHUNK  0x668e33ef
#define FUZZ_CHUNK_DATA   1
#define FUZZ_CHUNK_ERROR  0x8001

enum fuzz_phase { FUZZ_GREETED, FUZZ_HAGGLING, FUZZ_SERVED };

struct fuzz_asked {
        struct nbd_request r;
        uint32_t seen; /* bytes of data that came */
        unsigned chunks;
        bool open;
};

struct fuzz_client {
        int fd; /* -1: none */
        enum fuzz_phase phase;
        bool wild; /* has sent what no client sends: its answers are not understood */
        bool structured, leaves;
        uint8_t out[FUZZ_OUT_BYTES];
        size_t out_bytes;
        uint64_t flood, flood_at; /* bytes of a WRITE that follow, and where they belong */
        uint8_t in[FUZZ_IN_BYTES];
        size_t in_bytes;
        uint32_t data_left; /* of the answer to asked[data_of] */
        unsigned data_of;
        uint64_t data_at;
        bool data_ends;
        struct fuzz_asked asked[FUZZ_ASKED];
};

/* ---- what it says ---- */

static size_t fuzz_room(const struct fuzz_client *c)
{
        return c->fd < 0 || c->flood > 0 ? 0 : sizeof(c->out) - c->out_bytes;
}

static void fuzz_put(struct fuzz_client *c, const void *data, size_t bytes)
{
        CHECK(bytes <= sizeof(c->out) - c->out_bytes);
        memcpy(c->out + c->out_bytes, data, bytes);
        c->out_bytes += bytes;
}

static void fuzz_put_be(struct fuzz_client *c, uint64_t v, unsigned bytes)
{
        uint8_t b[8];

        for (unsigned i = 0; i < bytes; i++)
                b[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
        fuzz_put(c, b, bytes);
}

static void fuzz_put_option(struct fuzz_client *c, uint32_t code, const void *data, size_t bytes)
{
        fuzz_put(c, "IHAVEOPT", 8);
        fuzz_put_be(c, code, 4);
        fuzz_put_be(c, bytes, 4);
        fuzz_put(c, data, bytes);
}

static void fuzz_hang_up(struct fuzz_client *c)
{
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
}

/* Sends at most so many bytes. false: there was nothing, or they are not taken. */
static bool fuzz_send(struct fuzz_client *c, size_t max)
{
        bool is_flood = c->out_bytes == 0;
        size_t n = is_flood ? (size_t)c->flood : c->out_bytes;
        ssize_t sent;

        if (n > max)
                n = max;
        if (c->fd < 0 || n == 0)
                return false;
        sent = send(c->fd, is_flood ? disk_at(c->flood_at) : c->out, n,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
                fuzz_hang_up(c);
        if (sent <= 0)
                return false;
        if (is_flood) {
                c->flood -= (size_t)sent;
                c->flood_at += (size_t)sent;
        } else {
                c->out_bytes -= (size_t)sent;
                memmove(c->out, c->out + sent, c->out_bytes);
        }
        return true;
}

/* ---- what it is told ---- */

/* A big-endian number of so many bytes. */
static uint64_t fuzz_be(const uint8_t *p, unsigned bytes)
{
        uint64_t v = 0;

        for (unsigned i = 0; i < bytes; i++)
                v = v << 8 | p[i];
        return v;
}

static void fuzz_answered(struct fuzz_asked *a, uint32_t error)
{
        bool is_read = a->r.type == NBD_CMD_READ;

        CHECK(a->open);
        if (is_read && !error)
                CHECK(a->seen == a->r.bytes);
        if (is_read && !error && (a->r.flags & NBD_CMD_FLAG_DF))
                CHECK(a->chunks == 1);
        a->open = false;
}

static struct fuzz_asked *fuzz_asked_at(struct fuzz_client *c, uint64_t cookie)
{
        CHECK(cookie < FUZZ_ASKED && c->asked[cookie].open);
        c->data_of = (unsigned)cookie;
        return &c->asked[cookie];
}

static void fuzz_expect_data(struct fuzz_client *c, uint64_t at, uint32_t bytes, bool ends)
{
        struct fuzz_asked *a = &c->asked[c->data_of];

        CHECK(a->r.type == NBD_CMD_READ && at >= a->r.offset);
        CHECK(at - a->r.offset + bytes <= a->r.bytes && bytes > 0);
        c->data_at = at;
        c->data_left = bytes;
        c->data_ends = ends;
        a->seen += bytes;
        a->chunks++;
}

/* Bytes of the header that were used; 0: there are too few. */
static size_t fuzz_hear_simple(struct fuzz_client *c)
{
        uint32_t error = (uint32_t)fuzz_be(c->in + 4, 4);
        struct fuzz_asked *a;

        if (c->in_bytes < NBD_SIMPLE_BYTES)
                return 0;
        a = fuzz_asked_at(c, fuzz_be(c->in + 8, 8));
        if (a->r.type == NBD_CMD_READ && !error) {
                CHECK(!c->structured);
                fuzz_expect_data(c, a->r.offset, a->r.bytes, true);
        } else {
                fuzz_answered(a, error);
        }
        return NBD_SIMPLE_BYTES;
}

static size_t fuzz_hear_chunk(struct fuzz_client *c)
{
        bool ends = c->in[5] & 1;
        uint16_t type = (uint16_t)fuzz_be(c->in + 6, 2);
        uint32_t bytes = (uint32_t)fuzz_be(c->in + 16, 4);
        struct fuzz_asked *a;

        CHECK(c->structured);
        if (c->in_bytes < NBD_CHUNK_BYTES ||
            c->in_bytes < NBD_CHUNK_BYTES + (type == FUZZ_CHUNK_DATA ? 8 : bytes))
                return 0;
        a = fuzz_asked_at(c, fuzz_be(c->in + 8, 8));
        if (type == FUZZ_CHUNK_DATA) {
                fuzz_expect_data(c, fuzz_be(c->in + NBD_CHUNK_BYTES, 8), bytes - 8, ends);
                return NBD_CHUNK_BYTES + 8;
        }
        CHECK(ends);
        fuzz_answered(a, type == FUZZ_CHUNK_ERROR ? 1 : 0);
        return NBD_CHUNK_BYTES + bytes;
}

static size_t fuzz_hear_option(struct fuzz_client *c)
{
        uint32_t bytes = (uint32_t)fuzz_be(c->in + 16, 4);
        uint32_t code = (uint32_t)fuzz_be(c->in + 8, 4);

        if (c->in_bytes < NBD_OPTION_REPLY_BYTES)
                return 0;
        CHECK(fuzz_be(c->in, 8) == FUZZ_REPLY_OPTION);
        CHECK(bytes <= FUZZ_IN_BYTES - NBD_OPTION_REPLY_BYTES);
        if (c->in_bytes < NBD_OPTION_REPLY_BYTES + bytes)
                return 0;
        if (code == NBD_OPT_GO && fuzz_be(c->in + 12, 4) == NBD_REP_ACK)
                c->phase = FUZZ_SERVED;
        return NBD_OPTION_REPLY_BYTES + bytes;
}

static size_t fuzz_hear_data(struct fuzz_client *c)
{
        size_t n = c->in_bytes < c->data_left ? c->in_bytes : c->data_left;

        CHECK(memcmp(c->in, disk_at(c->data_at), n) == 0);
        c->data_at += n;
        c->data_left -= (uint32_t)n;
        if (c->data_left == 0 && c->data_ends)
                fuzz_answered(&c->asked[c->data_of], 0);
        return n;
}

static size_t fuzz_hear(struct fuzz_client *c)
{
        if (c->wild)
                return c->in_bytes;
        if (c->data_left > 0)
                return fuzz_hear_data(c);
        if (c->phase == FUZZ_HAGGLING)
                return fuzz_hear_option(c);
        if (c->phase == FUZZ_GREETED) {
                if (c->in_bytes < NBD_GREETING_BYTES)
                        return 0;
                c->phase = FUZZ_HAGGLING;
                return NBD_GREETING_BYTES;
        }
        if (c->in_bytes < 4)
                return 0;
        if (fuzz_be(c->in, 4) == FUZZ_REPLY_SIMPLE)
                return fuzz_hear_simple(c);
        CHECK(fuzz_be(c->in, 4) == FUZZ_REPLY_CHUNK);
        return fuzz_hear_chunk(c);
}

/* Reads so many bytes. false: nothing is there. */
static bool fuzz_receive(struct fuzz_client *c, size_t max)
{
        bool any = false;

        while (c->fd >= 0 && max > 0) {
                size_t room = sizeof(c->in) - c->in_bytes, used;
                ssize_t n = recv(c->fd, c->in + c->in_bytes, room < max ? room : max, MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno != EAGAIN)) {
                        fuzz_hang_up(c);
                        return true;
                }
                if (n < 0)
                        return any;
                any = true;
                max -= (size_t)n;
                c->in_bytes += (size_t)n;
                while (c->in_bytes > 0 && (used = fuzz_hear(c)) > 0) {
                        c->in_bytes -= used;
                        memmove(c->in, c->in + used, c->in_bytes);
                }
        }
        return any;
}
