/* SPDX-License-Identifier: MIT */
/*
 * The engine through its face, with the answers of a target written by hand: what goes out, byte
 * for byte, and what the requests get. Hostile networks are the simulator's part.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/check.h"
#include "engine/engine.h"

#define SECTORS 4096
#define FRAMES  512

static const uint8_t host[6] = {2, 0, 0, 0, 0, 1}, target[6] = {2, 0, 0, 0, 0, 2};

struct world {
        struct engine *e;
        void *block, *frame_block, *region, *meta;
        struct frame_pool frames;
        struct arena arena;
        nsec now;
        uint8_t disk[SECTORS * AOE_SECTOR_BYTES];
        uint8_t sent[64][9100]; /* frames that went out since the last take */
        uint32_t sent_bytes[64];
        unsigned sent_count;
        uint16_t buffers;
        uint8_t sectors;
        bool lba48;
};

static void world_init(struct world *w, uint32_t mtu)
{
        struct engine_options o = {
                .devices_max = 8,
                .paths_max = 16,
                .slots = 64,
                .copies_max = 256,
                .window_max = 64,
                .station_max = 64,
                .cookie = 5,
                .timeout = 10 * NSEC_SEC,
                .linger_max = NSEC_SEC,
                .seed = 1,
                .arena = &w->arena,
                .frames = &w->frames,
                .frames_for_reads = FRAMES / 2,
        };
        struct link_info link = {.running = true, .mtu = mtu};

        w->frame_block = malloc(frame_pool_bytes(9280, FRAMES));
        frame_pool_init(&w->frames, w->frame_block, 9280, FRAMES);
        w->region = malloc(arena_region_bytes(4));
        w->meta = malloc(arena_meta_bytes(4));
        arena_init(&w->arena, w->region, w->meta, 4);
        w->block = aligned_alloc(64, engine_size(&o));
        w->now = NSEC_SEC;
        w->e = engine_init(w->block, &o, w->now);
        memcpy(link.mac, host, 6);
        engine_link(w->e, 0, &link, w->now);
        for (size_t i = 0; i < sizeof w->disk; i++)
                w->disk[i] = (uint8_t)(i * 7 + i / 512);
}

static void world_fini(struct world *w)
{
        engine_check(w->e);
        engine_fini(w->e);
        cr_assert_eq(w->frames.pool.used, 0, "every frame is back");
        cr_assert(arena_is_full(&w->arena));
        free(w->block);
        free(w->frame_block);
        free(w->region);
        free(w->meta);
}

/* Collects what the engine wants to send. */
static unsigned world_take(struct world *w)
{
        struct tx tx[16];
        size_t n;

        w->sent_count = 0;
        engine_tick(w->e, w->now);
        while ((n = engine_emit(w->e, tx, 16, w->now)) > 0)
                for (size_t i = 0; i < n; i++) {
                        uint8_t *p = w->sent[w->sent_count];

                        cr_assert_lt(w->sent_count, 64);
                        memcpy(p, tx[i].header, tx[i].header_bytes);
                        if (tx[i].payload_bytes)
                                memcpy(p + tx[i].header_bytes, tx[i].payload, tx[i].payload_bytes);
                        w->sent_bytes[w->sent_count++] = tx[i].header_bytes + tx[i].payload_bytes;
                        cr_assert_geq(tx[i].header_bytes + tx[i].payload_bytes, 60);
                }
        cr_assert_gt(engine_deadline(w->e), w->now);
        return w->sent_count;
}

static void world_feed(struct world *w, const uint8_t *bytes, uint32_t count)
{
        struct frame *f = frame_get(&w->frames);

        memcpy(f->data, bytes, count);
        f->bytes = count;
        if (!engine_input(w->e, 0, f, w->now))
                frame_put(&w->frames, f);
}

static void identify_fill(const struct world *w, uint8_t *id)
{
        static const char serial[] = "7.1:host            ";

        memset(id, 0, 512);
        for (int i = 0; i < 20; i++)
                id[20 + (i ^ 1)] = (uint8_t)serial[i];
        id[2 * 83 + 1] = w->lba48 ? 0x04 : 0;
        id[2 * 60] = (uint8_t)(SECTORS & 0xff);
        id[2 * 60 + 1] = SECTORS >> 8;
        if (w->lba48)
                memcpy(id + 200, id + 120, 2);
}

/* Answers one request frame as a well-behaved target does. */
static void world_answer(struct world *w, unsigned i)
{
        uint8_t reply[9100] = {0};
        const uint8_t *rq = w->sent[i];
        uint32_t bytes = 36;
        uint64_t lba = rq[28] | rq[29] << 8 | rq[30] << 16;

        memcpy(reply, rq, 36);
        memcpy(reply, host, 6);
        memcpy(reply + 6, target, 6);
        reply[14] |= AOE_FLAG_RESPONSE;
        if (rq[19] == AOE_COMMAND_CONFIG) {
                be16_store(reply + 16, 7);
                reply[18] = 1;
                be16_store(reply + 24, w->buffers);
                reply[28] = w->sectors;
                bytes = 32;
        } else if (rq[27] == ATA_IDENTIFY) {
                identify_fill(w, reply + 36);
                bytes = 36 + 512;
        } else if (rq[27] == ATA_READ || rq[27] == ATA_READ_EXT) {
                memcpy(reply + 36, w->disk + lba * 512, rq[26] * 512u);
                bytes = 36 + rq[26] * 512u;
        } else if (rq[27] == ATA_WRITE || rq[27] == ATA_WRITE_EXT) {
                memcpy(w->disk + lba * 512, rq + 36, rq[26] * 512u);
        }
        reply[27] = ATA_STATUS_DRDY;
        world_feed(w, reply, bytes);
}

/* Lets the target answer all until nobody has anything to say. */
static void world_run(struct world *w)
{
        while (world_take(w))
                for (unsigned i = 0; i < w->sent_count; i++) {
                        w->now += 10 * NSEC_US;
                        world_answer(w, i);
                }
}

static struct world *world_up(uint32_t mtu, uint8_t sectors, bool lba48)
{
        struct world *w = calloc(1, sizeof *w);

        w->buffers = 16;
        w->sectors = sectors;
        w->lba48 = lba48;
        world_init(w, mtu);
        world_run(w);
        return w;
}

static void world_end(struct world *w)
{
        world_fini(w);
        free(w);
}

Test(engine, finds_identifies_and_measures_a_device)
{
        struct world *w = world_up(9000, 17, true);
        struct device_info d;
        struct event ev;

        cr_assert(engine_device_info(w->e, aoe_addr_make(7, 1), &d));
        cr_assert_eq(d.state, DEVICE_UP);
        cr_assert_eq(d.bytes, SECTORS * 512);
        cr_assert_str_eq(d.identity.serial, "7.1:host");
        cr_assert_eq(d.payload_bytes, 17 * 512, "verified both ways");
        cr_assert(engine_pop_event(w->e, &ev));
        cr_assert(ev.changes & EVENT_APPEARED);
        world_end(w);
}

Test(engine, sector_count_0_means_2_and_the_mtu_limits_the_rest)
{
        struct world *w = world_up(9000, 0, true);
        struct device_info d;

        engine_device_info(w->e, aoe_addr_make(7, 1), &d);
        cr_assert_eq(d.payload_bytes, 1024);
        world_end(w);
        w = world_up(1500, 17, true);
        engine_device_info(w->e, aoe_addr_make(7, 1), &d);
        cr_assert_eq(d.payload_bytes, 1024);
        world_end(w);
}

static void read_and_compare(struct world *w, uint64_t offset, uint32_t bytes)
{
        struct request rq = {
                .op = REQUEST_READ, .addr = aoe_addr_make(7, 1), .offset = offset, .bytes = bytes};
        uint64_t at = offset;

        cr_assert(engine_submit(w->e, &rq, w->now));
        world_run(w);
        cr_assert_eq(engine_pop_done(w->e), &rq);
        cr_assert_eq(rq.status, REQUEST_OK);
        if (rq.buffer) {
                cr_assert_arr_eq(rq.buffer, w->disk + offset, bytes);
        } else {
                LIST_FOREACH (node, &rq.frames) {
                        struct frame *f = LIST_ENTRY(node, struct frame, node);

                        cr_assert_arr_eq(f->part, w->disk + at, f->part_bytes);
                        at += f->part_bytes;
                }
                cr_assert_eq(at, offset + bytes);
        }
        engine_release(w->e, &rq);
}

Test(engine, reads_any_range_by_frames_and_by_copy)
{
        for (uint32_t mtu = 1500; mtu <= 9000; mtu += 7500) {
                struct world *w = world_up(mtu, 17, mtu == 9000);

                read_and_compare(w, 0, 1 << 20);
                read_and_compare(w, 1, 1);
                read_and_compare(w, 511, 2);
                read_and_compare(w, 100, 65536);
                read_and_compare(w, SECTORS * 512 - 3, 3);
                world_end(w);
        }
}

Test(engine, writes_partial_sectors_without_touching_their_neighbours)
{
        static const struct {
                uint64_t offset;
                uint32_t bytes;
        } cases[] = {{0, 1}, {511, 1}, {511, 2}, {100, 1000}, {512, 512}, {1, 511}, {700, 100000}};
        struct world *w = world_up(9000, 17, true);
        uint8_t *want = malloc(sizeof w->disk), *data = malloc(1 << 20);

        memset(data, 0xa5, 1 << 20);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct request rq = {
                        .op = REQUEST_WRITE,
                        .addr = aoe_addr_make(7, 1),
                        .offset = cases[i].offset,
                        .bytes = cases[i].bytes,
                        .data = data,
                };

                memcpy(want, w->disk, sizeof w->disk);
                memset(want + cases[i].offset, 0xa5, cases[i].bytes);
                cr_assert(engine_submit(w->e, &rq, w->now));
                world_run(w);
                cr_assert_eq(engine_pop_done(w->e), &rq);
                cr_assert_eq(rq.status, REQUEST_OK);
                engine_release(w->e, &rq);
                cr_assert_arr_eq(w->disk, want, sizeof w->disk);
        }
        free(want);
        free(data);
        world_end(w);
}

Test(engine, a_range_beyond_the_end_is_refused_and_so_is_an_unknown_device)
{
        struct world *w = world_up(1500, 2, true);
        struct request rq = {.op = REQUEST_READ, .addr = aoe_addr_make(7, 1), .bytes = 2};

        rq.offset = SECTORS * 512 - 1;
        engine_submit(w->e, &rq, w->now);
        cr_assert_eq(engine_pop_done(w->e), &rq);
        cr_assert_eq(rq.status, REQUEST_RANGE);
        engine_release(w->e, &rq);
        rq.offset = UINT64_MAX;
        engine_submit(w->e, &rq, w->now);
        cr_assert_eq(engine_pop_done(w->e)->status, REQUEST_RANGE);
        engine_release(w->e, &rq);
        rq.addr = aoe_addr_make(9, 9);
        engine_submit(w->e, &rq, w->now);
        cr_assert_eq(engine_pop_done(w->e)->status, REQUEST_NO_DEVICE);
        engine_release(w->e, &rq);
        world_end(w);
}

Test(engine, unsent_frames_go_out_again_first_and_in_order)
{
        struct world *w = world_up(1500, 2, true);
        struct request rq = {.op = REQUEST_READ, .addr = aoe_addr_make(7, 1), .bytes = 4096};
        struct tx tx[16];
        struct path_info p;

        engine_submit(w->e, &rq, w->now);
        cr_assert_eq(engine_emit(w->e, tx, 16, w->now), 4);
        engine_unsent(w->e, tx + 1, 3, w->now);
        engine_path_info(w->e, aoe_addr_make(7, 1), 0, &p);
        cr_assert_eq(p.in_flight, 1);
        cr_assert_eq(engine_emit(w->e, tx, 16, w->now), 3);
        for (int i = 0; i < 3; i++)
                cr_assert_eq(tx[i].header[28], 2 * (i + 1), "lba of frame %d", i);
        engine_path_info(w->e, aoe_addr_make(7, 1), 0, &p);
        cr_assert_eq(p.resent, 0, "what never left is no resend");
        w->now += 20 * NSEC_SEC;
        engine_tick(w->e, w->now);
        cr_assert_eq(engine_pop_done(w->e)->status, REQUEST_TIMEOUT);
        engine_release(w->e, &rq);
        world_end(w);
}

Test(engine, submitting_nothing_is_a_bug_of_the_caller, .signal = SIGILL)
{
        struct world *w = world_up(1500, 2, true);
        struct request rq = {.op = REQUEST_READ, .addr = aoe_addr_make(7, 1)};

        engine_submit(w->e, &rq, w->now);
}
