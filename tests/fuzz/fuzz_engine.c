/* SPDX-License-Identifier: MIT */
/*
 * The whole engine, driven by the input: time passes, requests come and are cancelled, links go up
 * and down, frames are sent or do not leave, and what comes back is an honest answer with some
 * bytes changed, or bytes out of nowhere. Nothing may CHECK, turns stay bounded, and in the end,
 * when all links are down and all time-outs are over, everything that was taken must be back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/engine.h"

#define FUZZ_OPS_MAX      400
#define FUZZ_REQUESTS     24
#define FUZZ_SENT         64 /* frames that can still be answered */
#define FUZZ_DEVICES      3
#define FUZZ_LINKS        2
#define FUZZ_SECTORS      3000 /* of a device */
#define FUZZ_FRAMES       64
#define FUZZ_ROOM         4200
#define FUZZ_ARENA_BLOCKS 4
#define FUZZ_EMITS_MAX    4096  /* a turn */
#define FUZZ_TICKS_MAX    20000 /* until the engine is at rest */
#define FUZZ_TIMEOUT      (3 * NSEC_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_request {
        struct request rq;
        uint8_t *data; /* owned: WRITE */
        bool is_open;
};

struct fuzz_sent {
        uint8_t header[AOE_FRAME_BYTES_MIN];
        unsigned link;
};

struct fuzz {
        struct engine *engine;
        nsec now;
        struct bytes in;
        struct arena arena;
        struct frame_pool frames;
        struct fuzz_request requests[FUZZ_REQUESTS];
        struct fuzz_sent sent[FUZZ_SENT];
        unsigned sent_count;
        unsigned open;
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

/* Memory that is taken once and used by every run: allocating megabytes is what would take time. */
static void *fuzz_block(void **kept, size_t bytes)
{
        if (!*kept)
                *kept = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
        CHECK(*kept);
        return *kept;
}

static void fuzz_set_link(struct fuzz *z, unsigned link, uint8_t what)
{
        static const uint32_t mtus[] = {1500, 4150, 1000, 600};
        struct link_info i = {
                .mac = {2, 0, 0, 0xaa, 0, (uint8_t)link},
                .running = what & 1,
                .mtu = mtus[what >> 1 & 3],
                .receive_bytes = what & 8 ? 65536 : 0,
        };

        engine_link(z->engine, link, &i, z->now);
}

/* ---- answers ---- */

static void fuzz_store16(uint8_t *id, unsigned word, uint32_t v)
{
        id[2 * word] = (uint8_t)v;
        id[2 * word + 1] = (uint8_t)(v >> 8);
}

static void fuzz_identity(uint8_t *to, uint8_t slot)
{
        memset(to, 0, ATA_IDENTIFY_BYTES);
        to[20] = slot; /* serial */
        fuzz_store16(to, 60, FUZZ_SECTORS);
        if (slot != 2) {
                fuzz_store16(to, 83, 1 << 10);
                fuzz_store16(to, 100, FUZZ_SECTORS);
        }
}

/* An honest answer to s in f. */
static void fuzz_answer(const struct fuzz_sent *s, struct frame *f)
{
        const uint8_t *h = s->header;
        uint32_t data = 0;

        memset(f->data, 0, FUZZ_ROOM);
        memcpy(f->data, h, sizeof s->header);
        memcpy(f->data, h + 6, 6);
        memcpy(f->data + 6, (uint8_t[]){2, 0, 0, 0xee, 0, 1}, 6);
        f->data[14] |= AOE_FLAG_RESPONSE;
        f->bytes = AOE_FRAME_BYTES_MIN;
        if (h[18] == AOE_SLOT_ALL) {
                be16_store(f->data + 16, 7);
                f->data[18] = (uint8_t)(h[23] % FUZZ_DEVICES);
        }
        if (h[19] == AOE_COMMAND_CONFIG) {
                be16_store(f->data + 24, 4);
                f->data[28] = 7;
                return;
        }
        if (h[27] == ATA_IDENTIFY) {
                fuzz_identity(f->data + AOE_ATA_BYTES, h[18]);
                data = ATA_IDENTIFY_BYTES;
        }
        if (h[27] == ATA_READ || h[27] == ATA_READ_EXT)
                data = h[26] * (uint32_t)AOE_SECTOR_BYTES;
        f->data[27] = ATA_STATUS_DRDY;
        f->bytes = AOE_ATA_BYTES + data;
        if (f->bytes > FUZZ_ROOM)
                f->bytes = FUZZ_ROOM;
}

static void fuzz_input(struct fuzz *z, unsigned link, struct frame *f)
{
        if (!engine_input(z->engine, link, f, z->now))
                frame_put(&z->frames, f);
}

static void fuzz_op_answer(struct fuzz *z, bool is_honest)
{
        unsigned back = fuzz_u8(z);
        struct frame *f = frame_get(&z->frames);
        const struct fuzz_sent *s;

        if (!f)
                return;
        if (z->sent_count == 0) {
                frame_put(&z->frames, f);
                return;
        }
        s = &z->sent[(z->sent_count - 1 - back % FUZZ_SENT) % FUZZ_SENT];
        fuzz_answer(s, f);
        for (unsigned n = is_honest ? 0 : 1 + fuzz_u8(z) % 4; n > 0; n--) {
                uint8_t at = fuzz_u8(z), value = fuzz_u8(z);

                if (at == 255)
                        f->bytes = f->bytes * value / 255;
                else
                        f->data[at % 64] = value;
        }
        fuzz_input(z, is_honest ? s->link : fuzz_u8(z) % FUZZ_LINKS, f);
}

/* Bytes as they are, behind an EtherType that lets them in, or not. */
static void fuzz_op_raw(struct fuzz *z)
{
        struct frame *f = frame_get(&z->frames);
        size_t n = fuzz_u8(z) * (size_t)4;

        if (!f)
                return;
        if (n > z->in.left)
                n = z->in.left;
        memset(f->data, 0, 64);
        CHECK(bytes_copy(&z->in, f->data, n));
        f->bytes = (uint32_t)n;
        if (n > 14 && (f->data[0] & 1)) {
                be16_store(f->data + 12, AOE_ETHERTYPE);
                f->data[14] |= AOE_FLAG_RESPONSE;
        }
        fuzz_input(z, fuzz_u8(z) % FUZZ_LINKS, f);
}

/* ---- requests ---- */

static aoe_addr fuzz_addr(uint8_t v)
{
        return aoe_addr_make(7, v % (FUZZ_DEVICES + 1)); /* the last one does not exist */
}

static void fuzz_op_submit(struct fuzz *z)
{
        struct fuzz_request *r = &z->requests[fuzz_u8(z) % FUZZ_REQUESTS];
        uint8_t what = fuzz_u8(z);

        if (r->is_open)
                return;
        r->rq = (struct request){.op = what & 3, .addr = fuzz_addr(what >> 2), .user = r};
        r->rq.offset = fuzz_u16(z) * UINT64_C(24);
        r->rq.bytes = 1 + fuzz_u16(z) * (what & 0x80 ? 16U : 1U) % REQUEST_BYTES_MAX;
        if (r->rq.op == REQUEST_WRITE) {
                r->data = malloc(r->rq.bytes);
                CHECK(r->data);
                memset(r->data, 0x5a, r->rq.bytes);
                r->rq.data = r->data;
        }
        r->is_open = engine_submit(z->engine, &r->rq, z->now);
        z->open += r->is_open;
        if (!r->is_open)
                free(r->data);
        if (!r->is_open)
                r->data = NULL;
}

static void fuzz_op_cancel(struct fuzz *z)
{
        struct fuzz_request *r = &z->requests[fuzz_u8(z) % FUZZ_REQUESTS];

        if (r->is_open)
                engine_cancel(z->engine, &r->rq, z->now);
}

static void fuzz_finish(struct fuzz *z)
{
        struct request *rq;
        struct event ev;
        unsigned events = 0;

        while ((rq = engine_pop_done(z->engine))) {
                struct fuzz_request *r = rq->user;

                CHECK(r->is_open);
                CHECK(rq->status != REQUEST_PENDING);
                engine_release(z->engine, rq);
                free(r->data);
                r->data = NULL;
                r->is_open = false;
                z->open--;
        }
        while (engine_pop_event(z->engine, &ev))
                CHECK(++events < 10000);
}

/* ---- the rest of a turn ---- */

static void fuzz_remember(struct fuzz *z, const struct tx *tx)
{
        struct fuzz_sent *s = &z->sent[z->sent_count++ % FUZZ_SENT];

        CHECK(tx->header_bytes + tx->payload_bytes >= AOE_FRAME_BYTES_MIN);
        CHECK(tx->link < FUZZ_LINKS);
        memset(s->header, 0, sizeof s->header);
        memcpy(s->header, tx->header,
               tx->header_bytes < sizeof s->header ? tx->header_bytes : sizeof s->header);
        s->link = tx->link;
        for (uint32_t i = 0; i < tx->payload_bytes; i += 64) /* all of it can be read */
                s->header[sizeof s->header - 1] ^= tx->payload[i];
}

static void fuzz_op_emit(struct fuzz *z, bool is_refused)
{
        struct tx tx[16];
        unsigned sent = 0;
        size_t n, kept;

        while ((n = engine_emit(z->engine, tx, 1 + fuzz_u8(z) % 16, z->now)) > 0) {
                kept = is_refused ? fuzz_u8(z) % (n + 1) : n;
                for (size_t i = 0; i < kept; i++)
                        fuzz_remember(z, &tx[i]);
                if (kept < n) {
                        engine_unsent(z->engine, tx + kept, n - kept, z->now);
                        return;
                }
                sent += (unsigned)n;
                CHECK(sent < FUZZ_EMITS_MAX);
        }
}

static void fuzz_op_time(struct fuzz *z)
{
        uint8_t v = fuzz_u8(z);
        nsec deadline = engine_deadline(z->engine);

        if (v == 255 && deadline != NSEC_NEVER && deadline > z->now)
                z->now = deadline;
        else
                z->now += (nsec)v * v * v * 20 * NSEC_US; /* up to 5 minutes */
        engine_tick(z->engine, z->now);
        CHECK(engine_deadline(z->engine) > z->now);
}

static void fuzz_op_order(struct fuzz *z)
{
        uint8_t what = fuzz_u8(z);
        struct device_info info;
        bool is_known = engine_device_info(z->engine, fuzz_addr(what >> 4), &info);

        switch (what & 7) {
        case 0:
                if (is_known && info.state != DEVICE_NEW) /* what is not shown cannot be opened */
                        engine_hold(z->engine, info.addr, 1);
                break;
        case 1:
                if (is_known && info.holders > 0)
                        engine_hold(z->engine, info.addr, -1);
                break;
        case 2: engine_discover(z->engine, z->now); break;
        case 3: engine_revalidate(z->engine, fuzz_addr(what >> 4), z->now); break;
        case 4: engine_forget(z->engine, fuzz_addr(what >> 4), z->now); break;
        case 5: engine_fail_silent(z->engine, z->now); break;
        default: engine_is_settled(z->engine, z->now); break;
        }
}

static void fuzz_op(struct fuzz *z)
{
        uint8_t op = fuzz_u8(z);

        switch (op & 15) {
        case 0:
        case 1: fuzz_op_time(z); break;
        case 2:
        case 3: fuzz_op_submit(z); break;
        case 4: fuzz_op_cancel(z); break;
        case 5:
        case 6: fuzz_op_emit(z, false); break;
        case 7: fuzz_op_emit(z, true); break;
        case 8:
        case 9: fuzz_op_answer(z, true); break;
        case 10:
        case 11: fuzz_op_answer(z, false); break;
        case 12: fuzz_op_raw(z); break;
        case 13: fuzz_set_link(z, op >> 4 & 1, fuzz_u8(z)); break;
        case 14: fuzz_op_order(z); break;
        default: fuzz_finish(z); break;
        }
}

/* ---- beginning and end ---- */

static void fuzz_begin(struct fuzz *z)
{
        static void *region, *meta, *frames, *engine;
        struct engine_options o;

        arena_init(&z->arena, fuzz_block(&region, arena_region_bytes(FUZZ_ARENA_BLOCKS)),
                   fuzz_block(&meta, arena_meta_bytes(FUZZ_ARENA_BLOCKS)), FUZZ_ARENA_BLOCKS);
        frame_pool_init(&z->frames, fuzz_block(&frames, frame_pool_bytes(FUZZ_ROOM, FUZZ_FRAMES)),
                        FUZZ_ROOM, FUZZ_FRAMES);
        o = (struct engine_options){
                .devices_max = 4,
                .paths_max = 8,
                .slots = 16,
                .copies_max = 32,
                .window_max = 8,
                .station_max = 12,
                .cookie = 5,
                .timeout = FUZZ_TIMEOUT,
                .linger_max = NSEC_SEC,
                .seed = 1,
                .arena = &z->arena,
                .frames = &z->frames,
                .frames_for_reads = 32,
        };
        z->engine = engine_init(fuzz_block(&engine, engine_size(&o)), &o, z->now);
        fuzz_set_link(z, 0, 1);
        fuzz_set_link(z, 1, 3);
}

/* Most inputs begin where it gets interesting: the devices are known and up. */
static void fuzz_discover(struct fuzz *z)
{
        struct bytes in = z->in;

        z->in.left = 0; /* zeroes decide: the newest frame first */
        for (unsigned round = 0; round < 8; round++) {
                unsigned from = z->sent_count;

                z->now += NSEC_MS;
                engine_tick(z->engine, z->now);
                fuzz_op_emit(z, false);
                for (; from < z->sent_count; from++) {
                        struct frame *f = frame_get(&z->frames);

                        CHECK(f);
                        fuzz_answer(&z->sent[from % FUZZ_SENT], f);
                        fuzz_input(z, z->sent[from % FUZZ_SENT].link, f);
                }
        }
        z->in = in;
}

/* No answer comes any more: every request ends by its time-out, every copy by its age. */
static void fuzz_rest(struct fuzz *z)
{
        unsigned ticks = 0;

        fuzz_set_link(z, 0, 0);
        fuzz_set_link(z, 1, 0);
        fuzz_finish(z);
        while (z->open > 0 || !engine_is_quiet(z->engine)) {
                nsec deadline = engine_deadline(z->engine);

                CHECK(deadline != NSEC_NEVER);
                CHECK(++ticks < FUZZ_TICKS_MAX);
                z->now = nsec_max(z->now, deadline);
                engine_tick(z->engine, z->now);
                CHECK(engine_deadline(z->engine) > z->now);
                fuzz_op_emit(z, false);
                fuzz_finish(z);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct fuzz z;

        z = (struct fuzz){.now = NSEC_SEC, .in = {.at = data, .left = size}};
        fuzz_begin(&z);
        if (!(fuzz_u8(&z) & 1))
                fuzz_discover(&z);
        for (unsigned n = 0; n < FUZZ_OPS_MAX && z.in.left > 0; n++)
                fuzz_op(&z);
        engine_check(z.engine);
        fuzz_rest(&z);
        CHECK(arena_is_full(&z.arena));
        CHECK(z.frames.pool.used == 0);
        engine_fini(z.engine);
        return 0;
}
