/* SPDX-License-Identifier: MIT */
/*
 * The engine at steady work, for callgrind to count: DEVICES devices at PATHS MACs on one link, of
 * which BUSY have DEPTH requests open all the time, until FRAMES frames are sent. The clock is a
 * variable and each frame is answered in the turn after its own, so a run is the same instruction
 * by instruction.
 *
 * What belongs to the engine's caller and to the target happens outside of measured_turn(), the
 * function that `run` tells callgrind to collect. Prints how many frames were sent in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/engine.h"

#define COST_MTU        9000
#define COST_FRAME_ROOM 9280
#define COST_FRAMES     16384
#define COST_BLOCKS     64 /* of the arena */
#define COST_SECTORS    ((uint64_t)1 << 22)
#define COST_SLOTS      100 /* of a shelf */
#define COST_PATHS_MAX  16
#define COST_BATCH      256 /* frames in and out in one turn, as a shard's sockets allow */
#define COST_ASKED_MAX  65536
#define COST_TURN       (100 * NSEC_US)
#define COST_QUIET_AT   (4 * NSEC_SEC)
#define COST_WARM_TURNS 200 /* until the windows are open */
#define COST_PAYLOAD    (17 * AOE_SECTOR_BYTES)

/* A frame that was sent, and who is to answer it. */
struct asked {
        uint8_t header[AOE_FRAME_BYTES_MIN];
        aoe_addr addr;
        uint8_t path;
};

struct world {
        unsigned devices, paths, busy, depth;
        uint32_t request_bytes;
        bool writes;

        struct engine *engine;
        struct arena arena;
        struct frame_pool frames;
        nsec now;
        struct request *requests; /* busy * depth of them */
        struct request **idle;
        unsigned idle_count, failed_count;
        struct frame *in[COST_BATCH];
        unsigned in_count;
        struct tx tx[COST_BATCH];
        size_t tx_count, sent;
        struct asked asked[COST_ASKED_MAX]; /* ring */
        unsigned asked_head, asked_count;
};

static aoe_addr device_addr(unsigned idx)
{
        return aoe_addr_make((uint16_t)(7 + idx / COST_SLOTS), (uint8_t)(idx % COST_SLOTS));
}

/* ---- what is counted ---- */

static void turn(struct world *w)
{
        struct request *rq;

        for (unsigned i = 0; i < w->in_count; i++)
                if (!engine_input(w->engine, 0, w->in[i], w->now))
                        frame_put(&w->frames, w->in[i]);
        engine_tick(w->engine, w->now);
        while (w->idle_count > 0 && engine_submit(w->engine, w->idle[w->idle_count - 1], w->now))
                w->idle_count--;
        while ((rq = engine_pop_done(w->engine))) {
                w->failed_count += rq->status != REQUEST_OK;
                engine_release(w->engine, rq);
                w->idle[w->idle_count++] = rq;
        }
        CHECK(engine_deadline(w->engine) > w->now);
        w->tx_count = engine_emit(w->engine, w->tx, COST_BATCH, w->now);
}

__attribute__((noinline)) static void measured_turn(struct world *w)
{
        turn(w);
        w->sent += w->tx_count;
}

/* ---- the target ---- */

static void ask_one(struct world *w, const struct tx *tx, aoe_addr addr, unsigned path)
{
        struct asked *a = &w->asked[(w->asked_head + w->asked_count++) % COST_ASKED_MAX];

        CHECK(w->asked_count <= COST_ASKED_MAX);
        memcpy(a->header, tx->header,
               tx->header_bytes < sizeof a->header ? tx->header_bytes : sizeof a->header);
        a->addr = addr;
        a->path = (uint8_t)path;
}

/* A broadcast is answered by every device over every path. */
static void ask(struct world *w, const struct tx *tx)
{
        aoe_addr addr = aoe_addr_make(be16_load(tx->header + 16), tx->header[18]);

        if (tx->header[0] != 0xff) {
                ask_one(w, tx, addr, tx->header[5]);
                return;
        }
        for (unsigned i = 0; i < w->devices; i++)
                for (unsigned p = 0; p < w->paths; p++)
                        if (addr == AOE_ADDR_ALL || addr == device_addr(i))
                                ask_one(w, tx, device_addr(i), p);
}

static void identity_build(uint8_t *to, aoe_addr addr)
{
        memset(to, 0, ATA_IDENTIFY_BYTES);
        memcpy(to + 2 * 10, &addr, sizeof addr); /* the serial number */
        to[2 * 83 + 1] = 1 << 2;                 /* LBA48 */
        for (int i = 0; i < 8; i++)
                to[2 * 100 + i] = (uint8_t)(COST_SECTORS >> 8 * i);
}

static void answer(const struct asked *a, struct frame *f)
{
        const uint8_t *h = a->header;

        memcpy(f->data, h, sizeof a->header);
        memcpy(f->data, h + 6, 6);
        memcpy(f->data + 6, (uint8_t[]){2, 0, 0, 0, 1, a->path}, 6);
        f->data[14] |= AOE_FLAG_RESPONSE;
        f->bytes = AOE_FRAME_BYTES_MIN;
        be16_store(f->data + 16, aoe_addr_shelf(a->addr));
        f->data[18] = aoe_addr_slot(a->addr);
        if (h[19] == AOE_COMMAND_CONFIG) {
                be16_store(f->data + 24, 16);
                f->data[28] = COST_PAYLOAD / AOE_SECTOR_BYTES;
                return;
        }
        f->data[27] = ATA_STATUS_DRDY;
        if (h[27] == ATA_IDENTIFY) {
                identity_build(f->data + AOE_ATA_BYTES, a->addr);
                f->bytes = AOE_ATA_BYTES + ATA_IDENTIFY_BYTES;
        } else if (h[27] == ATA_READ_EXT) {
                f->bytes = AOE_ATA_BYTES + h[26] * (uint32_t)AOE_SECTOR_BYTES;
        }
}

/* What comes in with the next turn. */
static void target_answers(struct world *w)
{
        for (size_t i = 0; i < w->tx_count; i++)
                ask(w, &w->tx[i]);
        for (w->in_count = 0; w->in_count < COST_BATCH && w->asked_count > 0; w->in_count++) {
                w->in[w->in_count] = frame_get(&w->frames);
                CHECK(w->in[w->in_count]);
                answer(&w->asked[w->asked_head], w->in[w->in_count]);
                w->asked_head = (w->asked_head + 1) % COST_ASKED_MAX;
                w->asked_count--;
        }
        w->now += COST_TURN;
}

/* ---- the beginning ---- */

static void *block(size_t bytes)
{
        void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

        CHECK(p);
        return p;
}

static void world_init(struct world *w)
{
        struct engine_options o = {
                .devices_max = ENGINE_DEVICES_MAX,
                .paths_max = ENGINE_PATHS_MAX,
                .slots = ENGINE_SLOTS_MAX,
                .copies_max = 16384,
                .window_max = ENGINE_WINDOW_MAX,
                .station_max = ENGINE_STATION_MAX,
                .cookie = 5,
                .timeout = 10 * NSEC_SEC,
                .linger_max = NSEC_SEC,
                .seed = 1,
                .arena = &w->arena,
                .frames = &w->frames,
                .frames_for_reads = COST_FRAMES - COST_BATCH,
        };

        w->now = NSEC_SEC;
        arena_init(&w->arena, block(arena_region_bytes(COST_BLOCKS)),
                   block(arena_meta_bytes(COST_BLOCKS)), COST_BLOCKS);
        frame_pool_init(&w->frames, block(frame_pool_bytes(COST_FRAME_ROOM, COST_FRAMES)),
                        COST_FRAME_ROOM, COST_FRAMES);
        w->engine = engine_init(block(engine_size(&o)), &o, w->now);
        engine_link(
                w->engine, 0,
                &(struct link_info){.mac = {2, 0, 0, 0, 0, 1}, .running = true, .mtu = COST_MTU},
                w->now);
}

static bool is_ready(const struct world *w)
{
        struct path_info path;

        for (unsigned i = 0; i < w->devices; i++)
                for (unsigned p = 0; p < w->paths; p++)
                        if (!engine_path_info(w->engine, device_addr(i), p, &path) ||
                            path.state != PATH_UP || path.payload_bytes < COST_PAYLOAD)
                                return false;
        return true;
}

static void rest(struct world *w, nsec span)
{
        struct event ev;

        turn(w);
        target_answers(w);
        w->now += span;
        while (engine_pop_event(w->engine, &ev))
                ;
}

/* Until all is known, and the rounds of queries that follow a start are over: the next one comes
 * after ten seconds, behind what is measured. */
static void discover(struct world *w)
{
        while (!is_ready(w)) {
                CHECK(w->now < COST_QUIET_AT);
                rest(w, NSEC_MS);
        }
        while (w->now < COST_QUIET_AT)
                rest(w, 5 * NSEC_MS);
}

/* Each in a MiB of its own, so that no write waits for another. */
static void requests_init(struct world *w)
{
        unsigned count = w->busy * w->depth;
        uint8_t *data = block(w->request_bytes);

        memset(data, 0, w->request_bytes);
        w->requests = block(count * sizeof *w->requests);
        w->idle = block(count * sizeof(struct request *));
        for (unsigned i = 0; i < count; i++) {
                w->requests[i] = (struct request){
                        .op = w->writes ? REQUEST_WRITE : REQUEST_READ,
                        .addr = device_addr(i % w->busy),
                        .offset = (uint64_t)(i / w->busy) << 20,
                        .bytes = w->request_bytes,
                        .data = data,
                };
                w->idle[w->idle_count++] = &w->requests[i];
        }
}

static unsigned number(const char *text, unsigned long max)
{
        char *end;
        unsigned long v = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || v == 0 || v > max) {
                fprintf(stderr, "cost: %s: not a number from 1 to %lu\n", text, max);
                exit(2);
        }
        return (unsigned)v;
}

int main(int argc, char **argv)
{
        static struct world w;
        unsigned frames;

        if (argc != 8) {
                fputs("usage: cost read|write BYTES DEVICES PATHS BUSY DEPTH FRAMES\n", stderr);
                return 2;
        }
        w.writes = !strcmp(argv[1], "write");
        w.request_bytes = number(argv[2], REQUEST_BYTES_MAX);
        w.devices = number(argv[3], ENGINE_DEVICES_MAX);
        w.paths = number(argv[4], COST_PATHS_MAX);
        w.busy = number(argv[5], w.devices);
        w.depth = number(argv[6], 1024);
        frames = number(argv[7], 10000000);
        world_init(&w);
        discover(&w);
        requests_init(&w);
        for (unsigned i = 0; i < COST_WARM_TURNS; i++) {
                turn(&w);
                target_answers(&w);
        }
        while (w.sent < frames) {
                measured_turn(&w);
                target_answers(&w);
        }
        CHECK(w.failed_count == 0);
        printf("%zu\n", w.sent);
        return 0;
}
