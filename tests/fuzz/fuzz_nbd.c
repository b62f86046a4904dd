/* SPDX-License-Identifier: MIT */
/*
 * The NBD server over a fake engine, driven by the input: clients come, haggle, ask, read as slowly
 * as they like, send garbage and hang up; answers come in any order with any status; memory is
 * short. Nothing may CHECK. What an honest client gets is checked byte by byte: each request one
 * answer, chunks that cover it, the data of its place. In the end, whoever still reads has all its
 * answers, nothing waits without a reason to wake, and everything that was taken is back.
 */
#include <poll.h>

#include "base/bytes.h"
#include "front/front_nbd.h"
#include "fuzz_nbd_client.h"

#define FUZZ_OPS_MAX      300
#define FUZZ_CLIENTS      4
#define FUZZ_DEVICE_BYTES ((uint64_t)48 << 20)
#define FUZZ_ARENA_BLOCKS 8
#define FUZZ_FRAMES       300
#define FUZZ_ROUNDS_MAX   20000 /* until everything is at rest */
#define FUZZ_SOCKET_BYTES 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
        struct bytes in;
        struct front *front;
        nsec now;
        struct fuzz_client clients[FUZZ_CLIENTS];
        bool wild; /* some client was */
        bool more; /* the front wants another turn */
        bool stopped;
        void *taken[FUZZ_ARENA_BLOCKS]; /* blocks of the arena that somebody else has */
};

static uint8_t fuzz_u8(struct fuzz *z)
{
        uint8_t v = 0;

        bytes_u8(&z->in, &v); /* an input that has ended goes on with zeroes */
        return v;
}

static uint16_t fuzz_u16(struct fuzz *z)
{
        uint16_t v = 0;

        bytes_be16(&z->in, &v);
        return v;
}

/* ---- the engine ---- */

/* The data of what honest clients write are those of the place. */
static void fuzz_check_write(const struct fuzz *z, const struct request *rq)
{
        CHECK(rq->bytes > 0 && rq->bytes <= REQUEST_BYTES_MAX);
        CHECK(rq->offset + rq->bytes <= FUZZ_DEVICE_BYTES);
        if (!z->wild)
                CHECK(memcmp(rq->data, disk_at(rq->offset), rq->bytes) == 0);
}

static void fuzz_finish(struct fuzz *z, unsigned idx, enum request_status status, bool by_frames)
{
        struct request *rq = fake_engine.open[idx];

        if (rq->op == REQUEST_WRITE)
                fuzz_check_write(z, rq);
        if (rq->op == REQUEST_READ && status == REQUEST_OK &&
            !(by_frames && disk_fill_frames(rq)) && !disk_fill_buffer(rq))
                status = REQUEST_NO_MEMORY;
        rq->status = status;
        fake_take(idx);
        z->front->ops->complete(z->front, rq, z->now);
        z->more = true;
}

static void fuzz_op_finish(struct fuzz *z)
{
        uint8_t what = fuzz_u8(z);
        enum request_status status = REQUEST_OK;

        if ((what & 0xf0) == 0xf0)
                status = 1 + fuzz_u8(z) % REQUEST_UNSUPPORTED;
        for (unsigned n = 1 + (what & 7); n > 0 && fake_engine.open_count > 0; n--)
                fuzz_finish(z, fuzz_u8(z) % fake_engine.open_count, status, what & 8);
}

/* What is submitted by the sending leaves with the frames of another turn: it has to be asked for.
 */
static void fuzz_turn(struct fuzz *z)
{
        unsigned submitted;

        z->more = false;
        z->front->ops->turn(z->front, z->stopped ? 0 : 64, z->now);
        submitted = fake_engine.submit_count;
        z->more |= z->front->ops->send(z->front, z->now);
        CHECK(z->more || fake_engine.submit_count == submitted);
}

/* ---- clients ---- */

static void fuzz_connect(struct fuzz *z, struct fuzz_client *c, bool read_only)
{
        const int bytes = FUZZ_SOCKET_BYTES;
        int fds[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
        CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
        CHECK(front_nbd_attach(z->front, fds[1], read_only) == 0);
        CHECK(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
        *c = (struct fuzz_client){.fd = fds[0]};
        z->more = true; /* as the shard, which calls the front's send in this turn, too */
}

/* A new client, and mostly one that knows how it is done. */
static void fuzz_op_connect(struct fuzz *z, struct fuzz_client *c)
{
        uint8_t how = fuzz_u8(z);
        bool unknown = (how & 0x70) == 0x70;

        if (c->fd >= 0 || z->stopped)
                return;
        fuzz_connect(z, c, (how & 0x88) == 0x88);
        if (how & 1)
                return;
        fuzz_put_be(c, NBD_CLIENT_FIXED_NEWSTYLE | (how & 2), 4);
        c->structured = how & 4;
        if (c->structured)
                fuzz_put_option(c, NBD_OPT_STRUCTURED_REPLY, "", 0);
        if (c->structured)
                fuzz_put_option(c, NBD_OPT_SET_META_CONTEXT,
                                "\0\0\0\4e7.1\0\0\0\1\0\0\0\17base:allocation", 31);
        fuzz_put_option(c, NBD_OPT_GO, unknown ? "\0\0\0\4e7.9\0\0" : "\0\0\0\4e7.1\0\0", 10);
        c->leaves = how & 0x80;
}

static void fuzz_op_raw(struct fuzz *z, struct fuzz_client *c)
{
        size_t n = fuzz_u8(z);

        if (n > z->in.left)
                n = z->in.left;
        if (n > fuzz_room(c) || n == 0)
                return;
        fuzz_put(c, z->in.at, n);
        CHECK(bytes_skip(&z->in, n));
        c->wild = true;
        z->wild = true;
}

static void fuzz_op_option(struct fuzz *z, struct fuzz_client *c)
{
        uint8_t code = fuzz_u8(z) % 12;
        size_t n = fuzz_u8(z) % 64, left = z->in.left;

        if (fuzz_room(c) < 128 || c->phase == FUZZ_SERVED || code == NBD_OPT_GO)
                return;
        if (n > left)
                n = left;
        fuzz_put_option(c, code, z->in.at, n);
        CHECK(bytes_skip(&z->in, n));
        if (code == NBD_OPT_EXPORT_NAME || code == NBD_OPT_STRUCTURED_REPLY)
                c->wild = z->wild = true;
}

static void fuzz_op_request(struct fuzz *z, struct fuzz_client *c)
{
        uint8_t what = fuzz_u8(z), flags = fuzz_u8(z), unit = fuzz_u8(z);
        struct nbd_request r = {.type = what & 15, .flags = flags & 0x1f};
        unsigned idx = 0;

        r.offset = (uint64_t)fuzz_u16(z) << (unit & 15);
        r.bytes = (uint32_t)fuzz_u16(z) << (unit >> 4);
        while (idx < FUZZ_ASKED && c->asked[idx].open)
                idx++;
        if (c->phase != FUZZ_SERVED || fuzz_room(c) < NBD_REQUEST_BYTES || idx == FUZZ_ASKED)
                return;
        if (!(what & 0x80))
                r.flags = r.type == NBD_CMD_WRITE ? r.flags & NBD_CMD_FLAG_FUA : 0;
        if (r.type == NBD_CMD_DISC || (r.type == NBD_CMD_WRITE && r.bytes > NBD_PAYLOAD_MAX))
                return;
        r.cookie = idx;
        fuzz_put_be(c, 0x25609513, 4);
        fuzz_put_be(c, r.flags, 2);
        fuzz_put_be(c, r.type, 2);
        fuzz_put_be(c, r.cookie, 8);
        fuzz_put_be(c, r.offset, 8);
        fuzz_put_be(c, r.bytes, 4);
        c->asked[idx] = (struct fuzz_asked){.r = r, .open = true};
        if (r.type == NBD_CMD_WRITE) {
                c->flood = r.bytes;
                c->flood_at = r.offset;
        }
}

/* ---- the input's words ---- */

/* Others give back all that they have of the arena, or take what is left of it. */
static void fuzz_op_memory(struct fuzz *z, uint8_t op)
{
        for (unsigned i = 0; i < FUZZ_ARENA_BLOCKS; i++) {
                z->more |= z->taken[i] != NULL; /* whoever gives something back has had a turn */
                if (z->taken[i])
                        arena_put(&fake_arena, z->taken[i]);
                z->taken[i] = NULL;
        }
        for (unsigned i = 0; i < FUZZ_ARENA_BLOCKS && (op & 0x80); i++)
                z->taken[i] = arena_get(&fake_arena, ARENA_BLOCK_BYTES);
        fake_engine.refuses = op & 0x40;
}

static void fuzz_op(struct fuzz *z)
{
        uint8_t op = fuzz_u8(z);
        struct fuzz_client *c = &z->clients[op >> 4 & 3];

        switch (op & 15) {
        case 0:
        case 1:
        case 2:
                z->now += (nsec)(op >> 4) * NSEC_MS;
                fuzz_turn(z);
                break;
        case 3:
        case 4: fuzz_op_finish(z); break;
        case 5: fuzz_op_connect(z, c); break;
        case 6: fuzz_op_raw(z, c); break;
        case 7: fuzz_op_option(z, c); break;
        case 8:
        case 9: fuzz_op_request(z, c); break;
        case 10: fuzz_send(c, (size_t)fuzz_u8(z) * 4 + 1); break;
        case 11: fuzz_send(c, (size_t)fuzz_u8(z) << 12); break;
        case 12: fuzz_receive(c, (size_t)fuzz_u8(z) << 3); break;
        case 13: fuzz_receive(c, (size_t)fuzz_u8(z) << 12); break;
        case 14: fuzz_op_memory(z, op); break;
        default:
                if (op & 0x40)
                        fuzz_hang_up(c);
                else if (op == 0xbf) {
                        z->front->ops->stop(z->front);
                        z->stopped = true;
                }
                break;
        }
}

/* ---- beginning and end ---- */

/* Memory that is taken once and used by every run: allocating megabytes is what would take time. */
static void *fuzz_block(void **kept, size_t bytes)
{
        if (!*kept)
                *kept = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
        CHECK(*kept);
        return *kept;
}

static void fuzz_begin(struct fuzz *z)
{
        static void *frames;
        struct front_nbd_options o = {.listen_fd = -1, .mode = 0600};
        struct front_host host;

        free(fake_arena.region);
        free(fake_arena.units);
        fake_engine = (struct engine){0};
        fake_host = (struct fake_host){0};
        host = fake_host_make(FUZZ_ARENA_BLOCKS);
        disk_init(&host, fuzz_block(&frames, frame_pool_bytes(DISK_FRAME_BYTES, FUZZ_FRAMES)),
                  FUZZ_FRAMES);
        fake_add(7, 0, 4096)->trims = true;
        fake_add(7, 1, FUZZ_DEVICE_BYTES);
        for (unsigned i = 0; i < FUZZ_CLIENTS; i++)
                z->clients[i].fd = -1;
        CHECK(front_nbd_new(&o, &host, &z->front) == 0);
        z->front->ops->on_settled(z->front);
}

static bool fuzz_is_awake(const struct fuzz *z)
{
        struct pollfd p = {.fd = z->front->fd, .events = POLLIN};

        return z->more || (!z->stopped && poll(&p, 1, 0) > 0);
}

static bool fuzz_talk(struct fuzz *z)
{
        bool any = false;

        for (unsigned i = 0; i < FUZZ_CLIENTS; i++) {
                struct fuzz_client *c = &z->clients[i];

                if (c->leaves)
                        fuzz_hang_up(c);
                any |= fuzz_send(c, 1 << 20);
                any |= fuzz_receive(c, 1 << 20);
        }
        return any;
}

/* The clients take all that comes, the engine answers all: the front must come to its end by
 * itself, and is called only when it said that it has something to do. */
static void fuzz_rest(struct fuzz *z)
{
        unsigned rounds = 0;
        bool any = true;

        fuzz_op_memory(z, 0);
        z->more = true;
        while (any) {
                CHECK(++rounds < FUZZ_ROUNDS_MAX);
                any = fuzz_talk(z);
                while (fake_engine.open_count > 0)
                        fuzz_finish(z, 0, REQUEST_OK, false);
                if (!fuzz_is_awake(z))
                        continue;
                any = true;
                fuzz_turn(z);
        }
        CHECK(z->front->ops->open_count(z->front) == 0 || !z->stopped);
        for (unsigned i = 0; i < FUZZ_CLIENTS && !z->stopped; i++) {
                const struct fuzz_client *c = &z->clients[i];

                if (c->fd < 0 || c->wild)
                        continue;
                CHECK(c->out_bytes == 0 && c->flood == 0 && c->data_left == 0);
                for (unsigned k = 0; k < FUZZ_ASKED; k++)
                        CHECK(!c->asked[k].open);
        }
}

static void fuzz_end(struct fuzz *z)
{
        for (unsigned i = 0; i < FUZZ_CLIENTS; i++)
                fuzz_hang_up(&z->clients[i]);
        for (unsigned n = 0; n < 4; n++)
                fuzz_turn(z);
        while (fake_engine.open_count > 0)
                fuzz_finish(z, 0, REQUEST_CANCELLED, false);
        CHECK(z->front->ops->open_count(z->front) == 0);
        z->front->ops->free(z->front);
        CHECK(arena_is_full(&fake_arena));
        CHECK(disk_frames.pool.used == 0);
        CHECK(fake_engine.submit_count == fake_engine.release_count);
        CHECK(fake_engine.holders[0] == 0 && fake_engine.holders[1] == 0);
        CHECK(fake_host.writer_takes == fake_host.writer_drops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct fuzz z;

        z = (struct fuzz){.now = NSEC_SEC, .in = {.at = data, .left = size}};
        fuzz_begin(&z);
        for (unsigned n = 0; n < FUZZ_OPS_MAX && z.in.left > 0; n++)
                fuzz_op(&z);
        fuzz_rest(&z);
        fuzz_end(&z);
        return 0;
}
