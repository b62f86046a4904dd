/* SPDX-License-Identifier: MIT */
/*
 * The engine through its face, with the answers of a target written by hand: what goes out, byte
 * for byte, and what the requests get. Hostile networks are the simulator's part.
 */
#include <signal.h>

#include "engine_world.h"

static struct world *face_up(uint32_t mtu, uint8_t sectors, bool lba48)
{
        struct world *w = world_new();

        w->ports[0].sectors = sectors;
        w->ports[0].lba48 = lba48;
        w->ports[0].serial = "7.1:host";
        world_start(w, mtu);
        return w;
}

Test(engine, finds_identifies_and_measures_a_device)
{
        struct world *w = face_up(9000, 17, true);
        struct device_info d;
        struct event ev;

        cr_assert(engine_device_info(w->e, aoe_addr_make(7, 1), &d));
        cr_assert_eq(d.state, DEVICE_UP);
        cr_assert_eq(d.bytes, WORLD_SECTORS * 512);
        cr_assert_str_eq(d.identity.serial, "7.1:host");
        cr_assert_eq(d.payload_bytes, 17 * 512, "verified both ways");
        cr_assert(engine_pop_event(w->e, &ev));
        cr_assert(ev.changes & EVENT_APPEARED);
        world_end(w);
}

Test(engine, sector_count_0_means_2_and_the_mtu_limits_the_rest)
{
        struct world *w = face_up(9000, 0, true);
        struct device_info d;

        engine_device_info(w->e, aoe_addr_make(7, 1), &d);
        cr_assert_eq(d.payload_bytes, 1024);
        world_end(w);
        w = face_up(1500, 17, true);
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
                struct world *w = face_up(mtu, 17, mtu == 9000);

                read_and_compare(w, 0, 1 << 20);
                read_and_compare(w, 1, 1);
                read_and_compare(w, 511, 2);
                read_and_compare(w, 100, 65536);
                read_and_compare(w, WORLD_SECTORS * 512 - 3, 3);
                world_end(w);
        }
}

Test(engine, writes_partial_sectors_without_touching_their_neighbours)
{
        static const struct {
                uint64_t offset;
                uint32_t bytes;
        } cases[] = {{0, 1}, {511, 1}, {511, 2}, {100, 1000}, {512, 512}, {1, 511}, {700, 100000}};
        struct world *w = face_up(9000, 17, true);
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
        struct world *w = face_up(1500, 2, true);
        struct request rq = {.op = REQUEST_READ, .addr = aoe_addr_make(7, 1), .bytes = 2};

        rq.offset = WORLD_SECTORS * 512 - 1;
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
        struct world *w = face_up(1500, 2, true);
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
        struct world *w = face_up(1500, 2, true);
        struct request rq = {.op = REQUEST_READ, .addr = aoe_addr_make(7, 1)};

        engine_submit(w->e, &rq, w->now);
}
