/* SPDX-License-Identifier: MIT */
/* How much a frame carries: what is offered, what is verified, and what turns out too large. */
#include "engine_world.h"

/* A target that offers so many sectors over jumbo frames. Nothing was sent yet. */
static struct world *bench_new(uint8_t sectors)
{
        struct world *w = world_new();

        w->ports[0].sectors = sectors;
        return w;
}

/* It is up, and all its trials are over. */
static struct world *bench_up(uint8_t sectors)
{
        struct world *w = bench_new(sectors);

        world_start(w, 9000);
        world_pass(w, 2 * NSEC_SEC);
        w->log_count = 0;
        world_changes(w);
        return w;
}

static uint32_t frame_bytes(uint32_t sectors)
{
        return AOE_ATA_BYTES + sectors * AOE_SECTOR_BYTES;
}

/* ---- the offer ---- */

static uint32_t offer_of(uint8_t sectors, uint32_t mtu, unsigned payload_max)
{
        struct world *w = bench_new(sectors);
        uint32_t offer;

        w->options.payload_max = payload_max;
        world_start(w, mtu);
        offer = world_path_at(w, 0)->payload.offer;
        cr_assert_eq(world_path(w, 0).payload_bytes, offer * AOE_SECTOR_BYTES, "and it passes");
        cr_assert_eq(world_device(w).payload_bytes, offer * AOE_SECTOR_BYTES);
        world_end(w);
        return offer;
}

Test(payload, the_target_s_count_is_the_offer_and_0_means_2)
{
        cr_assert_eq(offer_of(0, 9000, 0), AOE_SECTORS_DEFAULT);
        cr_assert_eq(offer_of(1, 9000, 0), 1);
        cr_assert_eq(offer_of(2, 9000, 0), 2);
        cr_assert_eq(offer_of(3, 9000, 0), 3);
        cr_assert_eq(offer_of(16, 9000, 0), 16);
}

Test(payload, the_mtu_counts_the_ethernet_header_and_one_sector_is_the_least)
{
        cr_assert_eq(offer_of(16, frame_bytes(8), 0), 8);
        cr_assert_eq(offer_of(16, frame_bytes(8) - 1, 0), 7);
        cr_assert_eq(offer_of(16, frame_bytes(1), 0), 1);
        cr_assert_eq(offer_of(16, frame_bytes(1) - 1, 0), 1);
}

Test(payload, our_frames_and_the_user_are_limits_too)
{
        uint32_t by_room = (WORLD_FRAME_ROOM - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;

        cr_assert_eq(offer_of(255, 65535, 0), by_room);
        cr_assert_eq(offer_of(255, 9000, 4096), 8);
        cr_assert_eq(offer_of(255, 9000, 512), 1);
        cr_assert_eq(offer_of(4, 9000, 4096), 4);
}

/* ---- trials ---- */

Test(payload, a_larger_one_is_tried_out_and_back_before_it_is_used)
{
        struct world *w = bench_new(16);
        struct request rq;

        world_init(w);
        world_link(w, 0, true, 9000);
        for (unsigned i = 0; i < 2; i++) { /* Query Config, IDENTIFY */
                cr_assert_eq(world_turn(w), 1);
                world_answer(w, 0);
        }
        cr_assert_eq(world_path(w, 0).payload_bytes, 1024, "what every Ethernet passes");
        world_changes(w);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].bytes, frame_bytes(16));
        cr_assert_eq(w->sent[0].data[27], ATA_IDENTIFY);
        cr_assert_eq(w->sent[0].data[26], 1);
        for (uint32_t i = AOE_ATA_BYTES; i < w->sent[0].bytes; i++)
                cr_assert_eq(w->sent[0].data[i], 0);
        world_answer(w, 0);
        cr_assert_eq(world_path(w, 0).payload_bytes, 1024);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].bytes, AOE_FRAME_BYTES_MIN);
        cr_assert_eq(w->sent[0].data[27], ATA_READ_EXT);
        cr_assert_eq(w->sent[0].data[26], 16);
        cr_assert_eq(world_changes(w), 0);
        world_answer(w, 0);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192);
        cr_assert_eq(world_changes(w), EVENT_PAYLOAD);
        cr_assert_eq(world_turn(w), 0);
        world_submit(w, &rq, REQUEST_READ, 0, 8192);
        cr_assert_eq(world_turn(w), 1);
        world_end(w);
}

/* The sizes in sectors of the probes in the log; returns how many. */
static unsigned probes_of(const struct world *w, uint32_t ret[16])
{
        unsigned n = 0;

        for (unsigned i = 0; i < w->log_count && n < 16; i++) {
                const struct logged *l = &w->log[i];

                if (l->command == ATA_IDENTIFY && l->bytes > AOE_FRAME_BYTES_MIN)
                        ret[n++] = (l->bytes - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;
                else if (l->command == ATA_READ_EXT)
                        ret[n++] = l->sectors;
        }
        return n;
}

static void expect_probes(const struct world *w, const uint32_t *sizes, unsigned count)
{
        uint32_t got[16];

        cr_assert_eq(probes_of(w, got), count);
        for (unsigned i = 0; i < count; i++)
                cr_assert_eq(got[i], sizes[i], "probe %u: %u sectors", i, got[i]);
}

Test(payload, what_is_lost_three_times_is_halved_until_it_passes)
{
        static const uint32_t sizes[] = {16, 16, 16, 8, 8, 8, 4, 4};
        struct world *w = bench_new(16);

        w->ports[0].out_max = frame_bytes(4);
        world_init(w);
        world_link(w, 0, true, 9000);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(world_path(w, 0).payload_bytes, 2048);
        expect_probes(w, sizes, 8);
        world_end(w);
}

Test(payload, the_way_back_may_be_the_narrow_one)
{
        static const uint32_t sizes[] = {16, 16, 16, 16, 8, 8};
        struct world *w = bench_new(16);

        w->ports[0].back_max = frame_bytes(8);
        world_init(w);
        world_link(w, 0, true, 9000);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(world_path(w, 0).payload_bytes, 4096);
        expect_probes(w, sizes, 6);
        world_end(w);
}

Test(payload, where_nothing_larger_passes_the_safe_one_stays)
{
        static const uint32_t sizes[] = {16, 16, 16, 8, 8, 8, 4, 4, 4};
        struct world *w = bench_new(16);

        w->ports[0].out_max = frame_bytes(2);
        world_init(w);
        world_link(w, 0, true, 9000);
        world_pass(w, 3 * NSEC_SEC);
        cr_assert_eq(world_path(w, 0).payload_bytes, 1024);
        expect_probes(w, sizes, 9);
        world_end(w);
}

Test(payload, two_lost_probes_say_nothing)
{
        struct world *w = bench_new(16);

        w->ports[0].out_max = frame_bytes(2);
        world_start(w, 9000);
        for (unsigned i = 0; i < 2; i++) {
                w->now = engine_deadline(w->e);
                cr_assert_eq(world_turn(w), 1);
        }
        w->ports[0].out_max = 0;
        world_answer(w, 0);
        world_run(w);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192);
        world_end(w);
}

Test(payload, another_offer_drops_the_probe_that_is_out_but_no_question)
{
        struct world *w = bench_new(16);
        struct path *p;

        w->ports[0].out_max = frame_bytes(2);
        world_start(w, 9000);
        p = world_path_at(w, 0);
        cr_assert_eq(p->asking->kind, SLOT_PROBE_OUT);
        world_link(w, 0, true, 1500);
        cr_assert_null(p->asking, "its answer would speak for another payload");
        path_ask(w->e, p, w->now);
        world_turn(w);
        cr_assert_eq(p->asking->kind, SLOT_IDENTIFY);
        world_link(w, 0, true, 9000);
        cr_assert_eq(p->asking->kind, SLOT_IDENTIFY);
        world_end(w);
}

Test(payload, a_question_waits_for_the_probe_that_is_out_and_goes_before_the_next)
{
        struct world *w = bench_new(16);
        struct path *p;

        w->ports[0].out_max = frame_bytes(2);
        world_start(w, 9000);
        p = world_path_at(w, 0);
        path_ask(w->e, p, w->now);
        path_tick(w->e, p, w->now);
        cr_assert_eq(p->asking->kind, SLOT_PROBE_OUT);
        cr_assert_eq(w->e->slots_used, 1);
        path_tick(w->e, p, w->now + PATH_ASK_WAIT_MAX);
        cr_assert_eq(p->asking->kind, SLOT_IDENTIFY);
        cr_assert_eq(w->e->slots_used, 1);
        world_end(w);
}

Test(payload, a_refused_one_is_halved_at_once)
{
        static const uint32_t sizes[] = {16, 8, 8};
        struct world *w = bench_new(16);
        struct reply r;

        world_init(w);
        world_link(w, 0, true, 9000);
        for (unsigned i = 0; i < 2; i++) {
                cr_assert_eq(world_turn(w), 1);
                world_answer(w, 0);
        }
        cr_assert_eq(world_turn(w), 1);
        r = world_reply(w, 0, &w->ports[0]);
        r.data[14] |= AOE_FLAG_ERROR;
        r.data[15] = AOE_ERROR_ARGUMENT;
        world_input(w, 0, r.data, r.bytes);
        world_run(w);
        expect_probes(w, sizes, 3);
        cr_assert_eq(world_path(w, 0).payload_bytes, 4096);
        world_end(w);
}

Test(payload, a_probe_is_waited_for_20_ms_and_twice_as_long_each_time)
{
        struct world *w = bench_up(2);
        struct path *p = world_path_at(w, 0);
        nsec at[3];

        p->rtt = (struct rtt){.smoothed = NSEC_MS};
        w->ports[0].sectors = 16;
        w->ports[0].out_max = frame_bytes(2);
        engine_discover(w->e, w->now);
        world_pass(w, 200 * NSEC_MS);
        for (unsigned i = 0, n = 0; i < w->log_count && n < 3; i++)
                if (w->log[i].bytes == frame_bytes(16))
                        at[n++] = w->log[i].at;
        cr_assert_eq(at[1] - at[0], PATH_ASK_WAIT_MIN);
        cr_assert_eq(at[2] - at[1], 2 * PATH_ASK_WAIT_MIN);
        world_end(w);
}

Test(payload, nothing_is_asked_where_nothing_larger_is_left_to_try)
{
        struct world *w = bench_up(2);
        struct path *p = world_path_at(w, 0);

        p->payload.again_at = w->now; /* what made it wait has gone meanwhile */
        path_tick(w->e, p, w->now);
        cr_assert_null(p->asking);
        cr_assert_eq(p->payload.again_at, NSEC_NEVER);
        cr_assert_eq(w->e->slots_used, 0);
        world_end(w);
}

Test(payload, a_larger_one_than_what_passed_is_tried_again_a_minute_later)
{
        struct world *w = bench_new(16);
        struct path *p;
        nsec done;

        w->ports[0].out_max = frame_bytes(4);
        world_start(w, 9000);
        p = world_path_at(w, 0);
        while (p->payload.trial != PAYLOAD_TRIAL_NONE || p->payload.sectors < 4) {
                w->now = engine_deadline(w->e);
                world_run(w);
        }
        done = p->payload.again_at - PAYLOAD_AGAIN;
        cr_assert_leq(done, w->now);
        cr_assert_gt(done, w->now - NSEC_MS, "a minute from when it had passed");
        w->ports[0].out_max = 0;
        w->log_count = 0;
        world_pass(w, PAYLOAD_AGAIN - NSEC_MS);
        cr_assert_eq(world_path(w, 0).payload_bytes, 2048);
        world_pass(w, 2 * NSEC_MS);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192);
        cr_assert_eq(p->payload.again_at, NSEC_NEVER, "there is nothing larger");
        world_end(w);
}

Test(payload, a_small_disk_is_read_to_its_end_and_no_further)
{
        struct world *w = bench_new(16);

        w->ports[0].sectors_disk = 5;
        world_start(w, 9000);
        cr_assert_eq(world_path(w, 0).payload_bytes, 5 * AOE_SECTOR_BYTES);
        world_end(w);
}

Test(payload, a_path_that_goes_down_stops_its_trial_and_begins_anew)
{
        struct world *w = bench_up(2);
        struct path *p = world_path_at(w, 0);

        w->ports[0].sectors = 16;
        w->ports[0].out_max = frame_bytes(2);
        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(p->payload.trial, PAYLOAD_TRIAL_OUT);
        cr_assert(p->asking);
        path_enter(w->e, p, PATH_NEW, w->now);
        cr_assert_eq(p->payload.trial, PAYLOAD_TRIAL_NONE);
        cr_assert_null(p->asking);
        w->ports[0].out_max = 0;
        world_run(w);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192);
        path_enter(w->e, p, PATH_NEW, w->now);
        world_run(w);
        cr_assert_eq(p->payload.sectors, 16, "what was verified once is not doubted");
        world_end(w);
}

/* ---- another offer ---- */

Test(payload, a_smaller_mtu_cuts_what_is_in_flight_anew)
{
        struct world *w = bench_up(16);
        struct request rq;
        uint64_t lost = world_path(w, 0).lost;

        world_submit(w, &rq, REQUEST_READ, 0, 16384);
        cr_assert_eq(world_turn(w), 2);
        world_changes(w);
        world_link(w, 0, true, frame_bytes(8));
        cr_assert_eq(world_path(w, 0).payload_bytes, 4096);
        cr_assert_eq(world_changes(w), EVENT_PAYLOAD);
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        world_run(w);
        world_expect(w, &rq, REQUEST_OK);
        cr_assert_eq(world_path(w, 0).lost, lost);
        world_link(w, 0, true, 9000);
        cr_assert_eq(world_path(w, 0).payload_bytes, 4096, "more must be verified first");
        world_run(w);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192);
        world_end(w);
}

Test(payload, a_write_in_flight_goes_on_in_smaller_pieces_of_the_same_bytes)
{
        struct world *w = bench_up(16);
        uint8_t *data = malloc(8192);
        struct request rq = {.op = REQUEST_WRITE,
                             .addr = WORLD_ADDR,
                             .offset = 4096,
                             .bytes = 8192,
                             .data = data};

        for (unsigned i = 0; i < 8192; i++)
                data[i] = (uint8_t)(i / 100);
        cr_assert(engine_submit(w->e, &rq, w->now));
        cr_assert_eq(world_turn(w), 1);
        payload_shrink(w->e, world_path_at(w, 0), 3, w->now);
        w->log_count = 0;
        world_run(w);
        world_expect(w, &rq, REQUEST_OK);
        cr_assert_eq(world_count(w, ATA_WRITE_EXT), 6, "of 3, 3, 3, 3, 3 and 1");
        cr_assert_arr_eq(w->disk + 4096, data, 8192);
        world_end(w);
        free(data);
}

Test(payload, the_same_offer_again_changes_nothing)
{
        struct world *w = bench_up(16);

        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(world_count(w, ATA_IDENTIFY) + world_count(w, ATA_READ_EXT), 0);
        world_end(w);
}

/* ---- holes ---- */

Test(payload, six_lost_frames_of_a_size_are_a_hole_when_others_were_answered)
{
        struct world *w = bench_up(16);
        struct path *p = world_path_at(w, 0);

        p->loss.heard_at = w->now;
        for (unsigned i = 0; i < PAYLOAD_HOLE_LOST_MAX; i++) {
                cr_assert_eq(p->payload.sectors, 16);
                payload_on_loss(w->e, p, SLOT_READ, 16, w->now - 1, w->now);
        }
        cr_assert_eq(p->payload.sectors, PAYLOAD_SECTORS_SAFE);
        cr_assert_eq(p->payload.trial, PAYLOAD_TRIAL_OUT, "and it is verified again");
        cr_assert_eq(world_changes(w), EVENT_PAYLOAD);
        world_run(w);
        cr_assert_eq(p->payload.sectors, 16);
        world_end(w);
}

Test(payload, where_nothing_was_answered_since_it_is_no_matter_of_size)
{
        struct world *w = bench_up(16);
        struct path *p = world_path_at(w, 0);

        p->loss.heard_at = w->now;
        for (unsigned i = 0; i < 20; i++)
                payload_on_loss(w->e, p, SLOT_READ, 16, w->now + i, w->now + i);
        cr_assert_eq(p->payload.sectors, 16);
        p->loss.heard_at = w->now + 1;
        payload_on_loss(w->e, p, SLOT_READ, 16, w->now + 30, w->now + 30);
        cr_assert_eq(p->payload.sectors, PAYLOAD_SECTORS_SAFE);
        world_end(w);
}

Test(payload, an_answer_as_large_as_the_smallest_that_was_lost_ends_the_suspicion)
{
        struct world *w = bench_up(16);
        struct path *p = world_path_at(w, 0);

        p->loss.heard_at = w->now;
        for (unsigned i = 0; i < 5; i++)
                payload_on_loss(w->e, p, SLOT_READ, i == 2 ? 8 : 16, w->now - 1, w->now);
        payload_on_answer(p, SLOT_READ, 7);
        cr_assert_eq(p->payload.holes[1].lost, 5, "it is smaller: it says nothing");
        payload_on_answer(p, SLOT_WRITE, 16);
        cr_assert_eq(p->payload.holes[1].lost, 5, "nor does the other direction");
        payload_on_answer(p, SLOT_READ, 8);
        cr_assert_eq(p->payload.holes[1].lost, 0);
        payload_on_loss(w->e, p, SLOT_READ, 16, w->now - 1, w->now);
        cr_assert_eq(p->payload.holes[1].sectors, 16, "the next one begins anew");
        world_end(w);
}

Test(payload, each_direction_has_its_own_hole)
{
        struct world *w = bench_up(16);
        struct path *p = world_path_at(w, 0);

        p->loss.heard_at = w->now;
        for (unsigned i = 0; i < 5; i++) {
                payload_on_loss(w->e, p, SLOT_READ, 16, w->now - 1, w->now);
                payload_on_loss(w->e, p, SLOT_WRITE, 16, w->now - 1, w->now);
        }
        cr_assert_eq(p->payload.sectors, 16);
        payload_on_loss(w->e, p, SLOT_WRITE, 16, w->now - 1, w->now);
        cr_assert_eq(p->payload.sectors, PAYLOAD_SECTORS_SAFE);
        world_end(w);
}

Test(payload, small_frames_and_commands_without_data_are_in_no_hole)
{
        struct world *w = bench_up(16);
        struct path *p = world_path_at(w, 0);

        p->loss.heard_at = w->now;
        for (unsigned i = 0; i < 20; i++) {
                payload_on_loss(w->e, p, SLOT_READ, PAYLOAD_SECTORS_SAFE, w->now - 1, w->now);
                payload_on_loss(w->e, p, SLOT_EDGE, 16, w->now - 1, w->now);
                payload_on_loss(w->e, p, SLOT_FLUSH, 16, w->now - 1, w->now);
        }
        cr_assert_eq(p->payload.sectors, 16);
        world_end(w);
}

Test(payload, a_path_that_uses_the_safe_one_is_not_in_doubt)
{
        struct world *w = bench_up(2);
        struct path *p = world_path_at(w, 0);

        payload_doubt(w->e, p, w->now);
        cr_assert_eq(world_changes(w), 0);
        cr_assert_eq(p->payload.again_at, NSEC_NEVER);
        world_end(w);
}

/* ---- targets that promise too much ---- */

Test(payload, a_command_that_is_refused_large_and_done_small_makes_the_payload_safe)
{
        struct world *w = bench_up(16);
        struct request rq;
        struct reply r;

        world_submit(w, &rq, REQUEST_READ, 0, 8192);
        cr_assert_eq(world_turn(w), 1);
        r = world_reply(w, 0, &w->ports[0]);
        r.data[14] |= AOE_FLAG_ERROR;
        r.data[15] = AOE_ERROR_ARGUMENT;
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(world_path(w, 0).payload_bytes, 8192, "it may be the command's fault");
        world_run(w);
        world_expect(w, &rq, REQUEST_OK);
        cr_assert_eq(world_path(w, 0).payload_bytes, 1024);
        cr_assert_leq(world_path_at(w, 0)->payload.again_at, w->now + PAYLOAD_AGAIN);
        cr_assert_gt(world_path_at(w, 0)->payload.again_at, w->now - NSEC_MS + PAYLOAD_AGAIN);
        world_end(w);
}
