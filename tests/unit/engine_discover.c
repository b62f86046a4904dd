/* SPDX-License-Identifier: MIT */
/* Who is asked when, what counts as an answer, and how long a name is looked up. */
#include "engine_world.h"

#define OTHER aoe_addr_make(9, 9)

/* A link that is up, and ports that are silent. */
static struct world *bench_silent(void)
{
        struct world *w = world_new();

        world_silence(w, true);
        world_init(w);
        world_link(w, 0, true, 1500);
        return w;
}

/* ---- broadcasts ---- */

Test(discover, a_link_that_comes_up_is_asked_quickly_and_then_every_ten_seconds)
{
        static const nsec at_ms[] = {0, 80, 240, 560, 1200};
        struct world *w = bench_silent();
        nsec start = w->now;

        world_pass(w, 30 * NSEC_SEC);
        for (unsigned i = 0; i <= DISCOVER_ROUNDS_FAST; i++)
                cr_assert_eq(w->log[i].at, start + at_ms[i] * NSEC_MS, "broadcast %u", i);
        for (unsigned i = DISCOVER_ROUNDS_FAST + 1; i < w->log_count; i++) {
                nsec apart = w->log[i].at - w->log[i - 1].at;

                cr_assert_geq(apart, DISCOVER_EVERY);
                cr_assert_lt(apart, DISCOVER_EVERY + DISCOVER_EVERY / 10);
        }
        cr_assert_eq(w->log_count, DISCOVER_ROUNDS_FAST + 1 + 2);
        cr_assert_eq(w->e->counters.queries_sent, w->log_count);
        world_end(w);
}

Test(discover, a_broadcast_is_a_query_to_all_with_a_tag_of_its_own)
{
        struct world *w = bench_silent();
        const uint8_t *q = w->sent[0].data;
        uint32_t tag;

        cr_assert_eq(world_turn(w), 1);
        for (unsigned i = 0; i < 6; i++)
                cr_assert_eq(q[i], 0xff);
        cr_assert_eq(w->sent[0].bytes, AOE_FRAME_BYTES_MIN);
        cr_assert_eq(be16_load(q + 12), AOE_ETHERTYPE);
        cr_assert_eq(be16_load(q + 16), AOE_SHELF_ALL);
        cr_assert_eq(q[18], AOE_SLOT_ALL);
        cr_assert_eq(q[19], AOE_COMMAND_CONFIG);
        tag = be32_load(q + 20);
        cr_assert_eq(tag & ENGINE_TAG_COOKIE_MASK, ENGINE_TAG_COOKIE(5));
        cr_assert_eq(tag & SLOT_IDX_MASK, SLOT_DISCOVERY);
        cr_assert_eq(q[29] & 0xf, AOE_CONFIG_READ);
        w->now += 80 * NSEC_MS;
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(be32_load(q + 20), tag + (1 << SLOT_IDX_BITS));
        world_end(w);
}

Test(discover, each_link_has_a_schedule_of_its_own_and_none_while_it_is_down)
{
        struct world *w = bench_silent();

        world_pass(w, 5 * NSEC_SEC);
        w->log_count = 0;
        world_link(w, 1, true, 1500);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(w->log_count, DISCOVER_ROUNDS_FAST + 1);
        for (unsigned i = 0; i < w->log_count; i++)
                cr_assert_eq(w->log[i].link, 1);
        world_link(w, 0, false, 1500);
        world_link(w, 1, false, 1500);
        w->log_count = 0;
        world_pass(w, 60 * NSEC_SEC);
        cr_assert_eq(engine_deadline(w->e), NSEC_NEVER);
        cr_assert_eq(w->log_count, 0);
        world_end(w);
}

Test(discover, an_order_begins_the_schedule_anew)
{
        struct world *w = bench_silent();

        world_pass(w, 5 * NSEC_SEC);
        w->log_count = 0;
        engine_discover(w->e, w->now);
        world_pass(w, 2 * NSEC_SEC);
        cr_assert_eq(w->log_count, DISCOVER_ROUNDS_FAST + 1);
        world_end(w);
}

Test(discover, only_a_regular_broadcast_expects_an_answer_of_those_that_are_up)
{
        struct world *w = world_new();
        nsec asked;

        world_start(w, 1500);
        w->ports[0].silent = true;
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_device_at(w)->silent_at, NSEC_NEVER, "the quick ones do not");
        world_pass(w, 200 * NSEC_MS);
        asked = w->log[w->log_count - 1].at;
        cr_assert_eq(world_device_at(w)->silent_at, asked + DEVICE_STALE_AFTER);
        world_end(w);
}

Test(discover, no_more_than_256_queries_wait)
{
        struct world *w = bench_silent();
        struct tx tx[16];
        unsigned sent = 0;
        size_t n;

        world_run(w);
        for (unsigned i = 0; i < DISCOVER_QUERIES_MAX + 10; i++)
                discover_ask(w->e, aoe_addr_make((uint16_t)i, 0));
        while ((n = engine_emit(w->e, tx, 16, w->now)) > 0)
                for (size_t i = 0; i < n; i++)
                        cr_assert_eq(be16_load(tx[i].header + 16), sent++, "in order");
        cr_assert_eq(sent, DISCOVER_QUERIES_MAX);
        world_end(w);
}

Test(discover, a_query_by_name_goes_out_on_each_running_link)
{
        struct world *w = bench_silent();

        world_link(w, 3, true, 1500);
        world_link(w, 4, true, 1500);
        world_link(w, 4, false, 1500);
        world_run(w);
        w->log_count = 0;
        discover_ask(w->e, OTHER);
        cr_assert_eq(world_turn(w), 2);
        cr_assert_eq(w->log[0].link, 0);
        cr_assert_eq(w->log[1].link, 3);
        cr_assert_eq(w->log[1].addr, OTHER);
        discover_ask(w->e, OTHER);
        world_link(w, 3, false, 1500);
        cr_assert_eq(world_turn(w), 1, "the other link is down by now");
        world_end(w);
}

/* ---- lookups ---- */

static void bench_lookup(struct world *w, struct request *rq, aoe_addr addr)
{
        *rq = (struct request){.op = REQUEST_LOOKUP, .addr = addr};
        cr_assert(engine_submit(w->e, rq, w->now));
}

Test(discover, a_name_that_is_known_needs_no_query)
{
        struct world *w = world_new();
        struct request rq;

        world_start(w, 1500);
        bench_lookup(w, &rq, WORLD_ADDR);
        world_expect(w, &rq, REQUEST_OK);
        cr_assert_eq(world_turn(w), 0);
        world_end(w);
}

Test(discover, a_name_that_nobody_answers_to_is_asked_for_four_times_in_400_ms)
{
        struct world *w = bench_silent();
        struct request rq;
        nsec start;

        world_pass(w, 2 * NSEC_SEC);
        w->log_count = 0;
        start = w->now;
        bench_lookup(w, &rq, OTHER);
        world_pass(w, 4 * DISCOVER_WANT_EVERY - 1);
        cr_assert_eq(w->log_count, DISCOVER_WANT_TRIES);
        for (unsigned i = 0; i < w->log_count; i++) {
                cr_assert_eq(w->log[i].at, start + i * DISCOVER_WANT_EVERY);
                cr_assert_eq(w->log[i].addr, OTHER);
        }
        cr_assert_null(engine_pop_done(w->e));
        world_pass(w, 1);
        world_expect(w, &rq, REQUEST_NO_DEVICE);
        cr_assert_gt(engine_deadline(w->e), w->now + NSEC_SEC, "and it is forgotten");
        world_end(w);
}

Test(discover, a_name_that_was_heard_of_gets_longer)
{
        struct world *w = bench_silent();
        struct request rq;
        nsec start;

        world_pass(w, 2 * NSEC_SEC);
        bench_lookup(w, &rq, WORLD_ADDR);
        start = w->now;
        world_turn(w);
        w->ports[0].silent = false;
        world_answer(w, 0);
        w->ports[0].silent = true; /* it does not say who it is */
        w->log_count = 0;
        world_pass(w, start + DISCOVER_WANT_TRIES_HEARD * DISCOVER_WANT_EVERY - 1 - w->now);
        cr_assert_null(engine_pop_done(w->e));
        cr_assert_eq(world_count(w, WORLD_QUERY), 0, "it is there: IDENTIFY asks the rest");
        world_pass(w, 1);
        world_expect(w, &rq, REQUEST_NO_DEVICE);
        world_end(w);
}

Test(discover, a_lookup_ends_well_when_its_device_is_identified)
{
        struct world *w = bench_silent();
        struct request rq[2];

        world_pass(w, 2 * NSEC_SEC);
        bench_lookup(w, &rq[0], WORLD_ADDR);
        bench_lookup(w, &rq[1], WORLD_ADDR);
        w->ports[0].silent = false;
        cr_assert_eq(world_turn(w), 1, "one query for both");
        world_answer(w, 0);
        cr_assert_null(engine_pop_done(w->e));
        world_run(w);
        world_expect(w, &rq[0], REQUEST_OK);
        world_expect(w, &rq[1], REQUEST_OK);
        world_end(w);
}

Test(discover, a_65th_name_is_not_now)
{
        struct world *w = bench_silent();
        struct request rq[ENGINE_WANTS_MAX + 1], again;

        for (uint16_t i = 0; i < ENGINE_WANTS_MAX; i++)
                bench_lookup(w, &rq[i], aoe_addr_make(i, 0));
        rq[ENGINE_WANTS_MAX] = (struct request){.op = REQUEST_LOOKUP, .addr = OTHER};
        cr_assert(!engine_submit(w->e, &rq[ENGINE_WANTS_MAX], w->now));
        bench_lookup(w, &again, aoe_addr_make(5, 0));
        engine_cancel(w->e, &rq[7], w->now);
        world_expect(w, &rq[7], REQUEST_CANCELLED);
        cr_assert(engine_submit(w->e, &rq[ENGINE_WANTS_MAX], w->now), "there is a place again");
        world_pass(w, NSEC_SEC);
        cr_assert_eq(world_release(w), ENGINE_WANTS_MAX + 1);
        world_end(w);
}

Test(discover, a_cancelled_lookup_leaves_the_others_of_its_name)
{
        struct world *w = bench_silent();
        struct request rq[2];

        bench_lookup(w, &rq[0], OTHER);
        bench_lookup(w, &rq[1], OTHER);
        engine_cancel(w->e, &rq[0], w->now);
        world_expect(w, &rq[0], REQUEST_CANCELLED);
        world_pass(w, NSEC_SEC);
        world_expect(w, &rq[1], REQUEST_NO_DEVICE);
        world_end(w);
}

/* ---- what comes back ---- */

static bool bench_allows_none(void *arg, aoe_addr addr)
{
        (void)arg;
        (void)addr;
        return false;
}

/* An answer to the first broadcast, to be spoilt. */
static struct reply bench_config(struct world *w)
{
        cr_assert_eq(world_turn(w), 1);
        return world_reply(w, 0, &w->ports[0]);
}

Test(discover, who_is_not_allowed_is_not_there)
{
        struct world *w = world_new();
        struct request rq;

        w->options.is_allowed = bench_allows_none;
        world_start(w, 1500);
        cr_assert_eq(w->e->device_count, 0);
        cr_assert_eq(world_drops(w, DROP_DENIED), 1);
        bench_lookup(w, &rq, WORLD_ADDR);
        world_expect(w, &rq, REQUEST_NO_DEVICE);
        world_end(w);
}

/* The answer with one byte changed is dropped for that reason. */
static void expect_dropped(unsigned at, uint8_t value, enum drop reason)
{
        struct world *w = bench_silent();
        struct reply r = bench_config(w);

        r.data[at] = value;
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(w->e->device_count, 0);
        cr_assert_eq(world_drops(w, reason), 1, "byte %u", at);
        world_end(w);
}

Test(discover, an_answer_that_cannot_be_one_is_dropped)
{
        expect_dropped(18, AOE_SLOT_ALL, DROP_ADDRESS);
        expect_dropped(14, 0x10 | AOE_FLAG_RESPONSE | AOE_FLAG_ERROR, DROP_COMMAND);
        expect_dropped(14, 0x10, DROP_REQUEST);
        expect_dropped(6, 3, DROP_MAC);
        expect_dropped(20, 0x86, DROP_TAG);
        expect_dropped(23, 0, DROP_TAG);
}

Test(discover, our_own_frame_is_no_answer)
{
        struct world *w = bench_silent();
        struct reply r = bench_config(w);

        memcpy(r.data + 6, w->sent[0].data + 6, 6);
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(world_drops(w, DROP_MAC), 1);
        memset(r.data + 16, 0xff, 2);
        world_input(w, 0, r.data, r.bytes);
        cr_assert_eq(world_drops(w, DROP_ADDRESS), 1);
        world_end(w);
}

Test(discover, another_config_string_is_told)
{
        struct world *w = world_new();
        struct reply r;

        world_start(w, 1500);
        world_changes(w);
        engine_discover(w->e, w->now);
        r = bench_config(w);
        for (unsigned i = 0; i < 4; i++) {
                static const char *const strings[] = {"abc", "abc", "abd", "ab"};
                size_t bytes = strlen(strings[i]);
                struct device_info d;

                memcpy(r.data + AOE_CONFIG_BYTES, strings[i], bytes);
                be16_store(r.data + 30, (uint16_t)bytes);
                world_input(w, 0, r.data, AOE_CONFIG_BYTES + (uint32_t)bytes);
                d = world_device(w);
                cr_assert_eq(d.config_bytes, bytes);
                cr_assert_arr_eq(d.config, strings[i], bytes);
                cr_assert_eq(world_changes(w), i == 1 ? 0 : EVENT_CONFIG, "string %u", i);
        }
        world_end(w);
}

Test(discover, a_duplicate_s_config_is_not_the_device_s)
{
        struct world *w = world_new();

        world_port(w, 1, 2, WORLD_ADDR)->serial = "two";
        world_start(w, 1500);
        w->ports[1].buffers = 99;
        engine_discover(w->e, w->now);
        world_run(w);
        cr_assert_eq(world_device(w).buffers, 16);
        world_end(w);
}

/* ---- beacons and comparing ---- */

/* What a target sends by itself when it has started. */
static void bench_beacon(struct world *w)
{
        struct reply r;

        engine_discover(w->e, w->now);
        r = bench_config(w);
        be32_store(r.data + 20, 0);
        world_input(w, 0, r.data, r.bytes);
}

Test(discover, a_beacon_makes_every_path_show_its_disk_again)
{
        struct world *w = world_new();

        world_start(w, 1500);
        world_changes(w);
        bench_beacon(w);
        cr_assert_eq(world_changes(w), EVENT_RESTARTED | EVENT_PATHS);
        cr_assert_eq(world_path(w, 0).state, PATH_NEW);
        world_run(w);
        cr_assert_eq(world_path(w, 0).state, PATH_UP);
        world_end(w);
}

Test(discover, a_flood_of_beacons_is_heard_once_a_second)
{
        struct world *w = world_new();
        nsec first;

        world_start(w, 1500);
        first = w->now;
        bench_beacon(w);
        world_run(w);
        world_changes(w);
        w->now = first + PATH_BEACON_EVERY - 1;
        bench_beacon(w);
        cr_assert_eq(world_path(w, 0).state, PATH_UP);
        cr_assert(!(world_changes(w) & EVENT_RESTARTED));
        w->now = first + PATH_BEACON_EVERY;
        world_run(w);
        bench_beacon(w);
        cr_assert(world_changes(w) & EVENT_RESTARTED);
        world_end(w);
}

/* The port's Query Config at that time; how many questions follow from it? */
static unsigned bench_config_at(struct world *w, nsec at)
{
        struct reply r;

        w->now = at;
        engine_discover(w->e, w->now);
        r = bench_config(w);
        world_input(w, 0, r.data, r.bytes);
        return world_turn(w);
}

Test(discover, a_path_that_is_up_is_compared_ten_seconds_after_the_last_time)
{
        struct world *w = world_new();
        nsec compared;

        world_start(w, 1500);
        world_pass(w, 2 * NSEC_SEC);
        compared = world_path_at(w, 0)->compared_at;
        cr_assert_eq(bench_config_at(w, compared + PATH_COMPARE_EVERY - 1), 0);
        cr_assert_eq(bench_config_at(w, compared + PATH_COMPARE_EVERY), 1);
        cr_assert_eq(w->sent[0].data[27], ATA_IDENTIFY);
        world_end(w);
}

/* ---- settled? ---- */

Test(discover, it_is_settled_after_200_ms_when_all_who_were_heard_are_known)
{
        struct world *w = world_new();
        nsec start = w->now;

        world_init(w);
        cr_assert(!engine_is_settled(w->e, w->now + NSEC_SEC), "there was no link yet");
        world_link(w, 0, true, 1500);
        world_run(w);
        cr_assert(!engine_is_settled(w->e, start + DISCOVER_SETTLE_MIN - 1));
        cr_assert(engine_is_settled(w->e, start + DISCOVER_SETTLE_MIN));
        world_end(w);
}

Test(discover, it_is_settled_after_450_ms_whoever_is_missing)
{
        struct world *w = world_new();
        nsec start = w->now;

        world_init(w);
        world_link(w, 0, true, 1500);
        world_turn(w);
        world_answer(w, 0);
        world_silence(w, true);
        cr_assert(!engine_is_settled(w->e, start + DISCOVER_SETTLE_MAX - 1));
        cr_assert(engine_is_settled(w->e, start + DISCOVER_SETTLE_MAX));
        world_end(w);
}
