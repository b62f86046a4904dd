/* SPDX-License-Identifier: MIT */
/* shard, turn, drain: turns over a fake disk, back-pressure, links that come and go, the end. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "app_fake.h"

struct world {
        struct shard *shard;
        struct fake_link *link;
        struct fake_front *front;
        nsec waits; /* sum of what shard_wait was asked to sleep at most */
        unsigned turns;
        unsigned settled, synced, drained, ended;
        struct shard_news last;
        char log[16384];
};

static struct shard_options options_of(void)
{
        return (struct shard_options){
                .memory_mib = 32,
                .cookie = 5,
                .seed = 1,
                .timeout = 2 * NSEC_SEC,
        };
}

static void world_read(struct world *w)
{
        struct logging_entry e;
        struct shard_news n;

        while (shard_pop_log(w->shard, &e)) {
                strncat(w->log, e.text, sizeof(w->log) - strlen(w->log) - 1);
                strncat(w->log, "\n", sizeof(w->log) - strlen(w->log) - 1);
        }
        while (shard_pop_news(w->shard, &n)) {
                w->settled += n.kind == SHARD_SETTLED;
                w->synced += n.kind == SHARD_SYNCED;
                w->drained += n.kind == SHARD_DRAINED;
                w->ended += n.kind == SHARD_ENDED;
                if (n.kind == SHARD_LINK_FREE)
                        n.link->ops->free(n.link);
                else
                        w->last = n;
        }
}

static void world_turn(struct world *w)
{
        nsec now = shard_turn(w->shard);

        w->turns++;
        world_read(w);
        shard_wait(w->shard, now, nsec_add(now, 50 * NSEC_MS));
}

/* Turns until *counter has reached want. */
static void world_until(struct world *w, const unsigned *counter, unsigned want)
{
        nsec end = nsec_add(loop_clock(), 10 * NSEC_SEC);

        while (*counter < want) {
                cr_assert_lt(loop_clock(), end, "waited in vain; log: %s", w->log);
                world_turn(w);
        }
}

static void world_post_link(struct world *w, enum shard_command_kind kind, bool running)
{
        struct shard_command c = {
                .kind = kind,
                .ifindex = 3,
                .name = "fake0",
                .link = kind == SHARD_LINK_ADD ? &w->link->link : NULL,
                .info = {.mac = {2, 0, 0, 0, 0, 9}, .running = running, .mtu = 9000},
        };

        cr_assert(shard_post(w->shard, &c));
}

static void world_init(struct world *w)
{
        struct shard_options o = options_of();

        *w = (struct world){0};
        cr_assert_eq(shard_new(&o, &w->shard), 0);
        w->link = fake_new();
        w->front = fake_front_new(w->shard);
        world_post_link(w, SHARD_LINK_ADD, true);
        world_until(w, &w->settled, 1);
        fake_front_drain(w->front);
}

static void world_fini(struct world *w)
{
        shard_free(w->shard);
}

static void world_do(struct world *w, enum request_op op, uint64_t offset, uint32_t bytes)
{
        fake_front_ask(w->front, op, offset, bytes);
        world_until(w, &w->front->completed, w->front->completed + 1);
}

static void world_command(struct world *w, enum shard_command_kind kind, bool force)
{
        struct shard_command c = {.kind = kind, .force = force};

        cr_assert(shard_post(w->shard, &c));
}

Test(shard, finds_a_device_and_tells_it)
{
        struct world w;

        world_init(&w);
        cr_assert(w.front->changes & EVENT_APPEARED);
        cr_assert(strstr(w.log, "found: 2 MiB, Fake disk, serial FAKE0001"), "%s", w.log);
        cr_assert_str_eq(shard_link_name(w.shard, 0), "fake0");
        cr_assert_str_eq(shard_link_name(w.shard, 1), "");
        cr_assert_str_eq(shard_link_name(w.shard, 99), "");
        cr_assert_eq(w.settled, 1);
        world_fini(&w);
}

Test(shard, reads_and_writes)
{
        struct world w;

        world_init(&w);
        world_do(&w, REQUEST_READ, 512 * 3 + 17, 40000);
        cr_assert_eq(w.front->status, REQUEST_OK);
        cr_assert_arr_eq(w.front->data, w.link->disk + 512 * 3 + 17, 40000);
        memset(w.front->data, 0x5a, 20000);
        world_do(&w, REQUEST_WRITE, 8192, 20000);
        cr_assert_eq(w.front->status, REQUEST_OK);
        cr_assert_arr_eq(w.front->data, w.link->disk + 8192, 20000);
        world_do(&w, REQUEST_READ, (uint64_t)FAKE_SECTORS * 512, 512);
        cr_assert_eq(w.front->status, REQUEST_RANGE);
        world_fini(&w);
}

Test(shard, sleeps_when_there_is_nothing_to_do)
{
        struct world w;
        nsec end;
        unsigned before;

        world_init(&w);
        world_do(&w, REQUEST_READ, 0, 4096);
        end = nsec_add(loop_clock(), 500 * NSEC_MS);
        before = w.turns;
        while (loop_clock() < end)
                world_turn(&w);
        /* 50 ms at most a wait of ours, and a few queries */
        cr_assert_lt(w.turns - before, 40, "%u turns in half a second", w.turns - before);
        world_fini(&w);
}

Test(shard, back_pressure_loses_nothing)
{
        struct world w;

        world_init(&w);
        w.link->refuse_every = 2;
        for (unsigned i = 0; i < 20; i++) {
                world_do(&w, REQUEST_READ, i * 4096, 60000);
                cr_assert_eq(w.front->status, REQUEST_OK);
                cr_assert_arr_eq(w.front->data, w.link->disk + i * 4096, 60000);
        }
        cr_assert_gt(w.link->link.counters.back_pressure, 10);
        world_fini(&w);
}

/* Two links to one device, one of which takes nothing any more. */
Test(shard, full_link_does_not_hold_up_the_other)
{
        struct fake_link *other = fake_new();
        struct shard_command c = {
                .kind = SHARD_LINK_ADD,
                .ifindex = 4,
                .name = "fake1",
                .link = &other->link,
                .info = {.mac = {2, 0, 0, 0, 0, 8}, .running = true, .mtu = 9000},
        };
        struct path_info p;
        struct world w;
        nsec end, from;

        world_init(&w);
        cr_assert(shard_post(w.shard, &c));
        end = nsec_add(loop_clock(), 5 * NSEC_SEC);
        while (!engine_path_info(shard_engine(w.shard), FAKE_ADDR, 1, &p) || p.state != PATH_UP) {
                cr_assert_lt(loop_clock(), end);
                world_turn(&w);
        }
        world_do(&w, REQUEST_READ, 0, 60000);
        w.link->refuse_all = true;
        from = loop_clock();
        for (unsigned i = 0; i < 10; i++) {
                world_do(&w, REQUEST_READ, i * 4096, 60000);
                cr_assert_eq(w.front->status, REQUEST_OK);
                cr_assert_arr_eq(w.front->data, w.link->disk + i * 4096, 60000);
        }
        cr_assert_lt(nsec_since(loop_clock(), from), 5 * NSEC_SEC);
        world_fini(&w);
}

Test(shard, paused_front_is_not_watched)
{
        struct world w;
        uint64_t one = 1;
        unsigned before;

        world_init(&w);
        w.front->front.paused = true;
        world_turn(&w);
        cr_assert_eq(write(w.front->front.fd, &one, sizeof(one)), sizeof(one));
        before = w.front->budgets;
        for (unsigned i = 0; i < 4; i++)
                world_turn(&w);
        cr_assert_eq(w.front->budgets, before, "it is readable, but wants nothing");
        w.front->front.paused = false;
        for (unsigned i = 0; i < 4; i++)
                world_turn(&w);
        cr_assert_gt(w.front->budgets, before);
        world_fini(&w);
}

Test(shard, link_down_up_and_gone)
{
        struct world w;
        bool freed = false;
        struct device_info d;

        world_init(&w);
        w.link->freed = &freed;
        world_post_link(&w, SHARD_LINK_CHANGE, false);
        world_turn(&w);
        world_turn(&w);
        cr_assert(strstr(w.log, "fake0: down"), "%s", w.log);
        world_post_link(&w, SHARD_LINK_CHANGE, true);
        world_turn(&w);
        cr_assert(strstr(w.log, "fake0: up"), "%s", w.log);
        world_do(&w, REQUEST_READ, 0, 4096);
        cr_assert_eq(w.front->status, REQUEST_OK);
        world_post_link(&w, SHARD_LINK_GONE, false);
        world_turn(&w);
        world_turn(&w);
        cr_assert(freed, "a link that is gone comes back to be freed");
        cr_assert(engine_device_info(shard_engine(w.shard), FAKE_ADDR, &d));
        cr_assert_neq(d.state, DEVICE_UP);
        w.link = fake_new(); /* plugged in again: the same name, the same number */
        world_post_link(&w, SHARD_LINK_ADD, true);
        world_do(&w, REQUEST_READ, 0, 4096);
        cr_assert_eq(w.front->status, REQUEST_OK);
        cr_assert_str_eq(shard_link_name(w.shard, 0), "fake0");
        cr_assert_str_eq(shard_link_name(w.shard, 1), "");
        world_fini(&w);
}

Test(shard, too_many_links_come_back)
{
        bool freed[ENGINE_LINKS_MAX + 1] = {0};
        struct world w;

        world_init(&w);
        for (int i = 1; i <= ENGINE_LINKS_MAX; i++) {
                struct shard_command c = {.kind = SHARD_LINK_ADD, .ifindex = 3 + i};
                struct fake_link *f = fake_new();

                f->freed = &freed[i];
                c.link = &f->link;
                snprintf(c.name, sizeof(c.name), "fake%d", i);
                cr_assert(shard_post(w.shard, &c));
        }
        for (unsigned i = 0; i < 4; i++)
                world_turn(&w);
        cr_assert(freed[ENGINE_LINKS_MAX]);
        cr_assert(!freed[ENGINE_LINKS_MAX - 1]);
        cr_assert(strstr(w.log, "not used: 16 interfaces are in use already"), "%s", w.log);
        world_fini(&w);
}

Test(shard, sync_flushes_what_was_written_once)
{
        struct world w;

        world_init(&w);
        world_command(&w, SHARD_SYNC, false);
        world_until(&w, &w.synced, 1);
        cr_assert_eq(w.link->flushes, 0, "nothing was written");
        world_do(&w, REQUEST_WRITE, 0, 4096);
        world_command(&w, SHARD_SYNC, false);
        world_until(&w, &w.synced, 2);
        cr_assert_eq(w.last.error, 0);
        cr_assert_eq(w.link->flushes, 1);
        cr_assert_eq(w.front->stops, 0, "it goes on serving");
        world_command(&w, SHARD_SYNC, false);
        world_until(&w, &w.synced, 3);
        cr_assert_eq(w.link->flushes, 1, "it is flushed already");
        world_fini(&w);
}

Test(shard, user_flush_makes_the_device_clean)
{
        struct world w;

        world_init(&w);
        world_do(&w, REQUEST_WRITE, 0, 4096);
        world_do(&w, REQUEST_FLUSH, 0, 0);
        cr_assert_eq(w.front->status, REQUEST_OK);
        cr_assert_eq(w.link->flushes, 1);
        world_command(&w, SHARD_DRAIN, false);
        world_until(&w, &w.drained, 1);
        cr_assert_eq(w.link->flushes, 1);
        world_fini(&w);
}

Test(shard, drain_stops_fronts_and_flushes)
{
        struct world w;

        world_init(&w);
        world_do(&w, REQUEST_WRITE, 4096, 8192);
        world_command(&w, SHARD_DRAIN, false);
        world_until(&w, &w.drained, 1);
        cr_assert_eq(w.last.error, 0);
        cr_assert_eq(w.front->stops, 1);
        cr_assert_eq(w.link->flushes, 1);
        cr_assert(engine_is_quiet(shard_engine(w.shard)));
        world_fini(&w);
}

Test(shard, drain_fails_what_waits_for_a_silent_device)
{
        struct world w;
        struct device_info d;

        world_init(&w);
        world_do(&w, REQUEST_WRITE, 0, 4096);
        w.link->silent = true;
        fake_front_ask(w.front, REQUEST_READ, 0, 4096);
        do {
                world_turn(&w);
                cr_assert(engine_device_info(shard_engine(w.shard), FAKE_ADDR, &d));
        } while (d.state == DEVICE_UP);
        world_command(&w, SHARD_DRAIN, false);
        world_until(&w, &w.drained, 1);
        cr_assert_eq(w.front->completed, 2);
        cr_assert_neq(w.front->status, REQUEST_OK);
        cr_assert_eq(w.last.error, -EIO, "what was written is not flushed");
        cr_assert(strstr(w.last.text, "e7.1: what was written is not flushed"), "%s", w.last.text);
        world_fini(&w);
}

Test(shard, sync_becomes_a_drain)
{
        struct world w;

        world_init(&w);
        world_do(&w, REQUEST_WRITE, 0, 4096);
        w.link->silent = true;
        world_command(&w, SHARD_SYNC, false);
        world_turn(&w);
        world_turn(&w);
        cr_assert_eq(w.synced, 0, "it waits for the device");
        world_command(&w, SHARD_DRAIN, false);
        world_until(&w, &w.drained, 1);
        cr_assert_eq(w.synced, 0);
        cr_assert_eq(w.last.error, -EIO);
        world_fini(&w);
}

Test(shard, front_that_ended_is_told)
{
        struct world w;

        world_init(&w);
        w.front->host->ended(w.front->host->arg, &w.front->front);
        w.front->host->ended(w.front->host->arg, &w.front->front);
        world_turn(&w);
        cr_assert_eq(w.ended, 1, "once");
        world_fini(&w);
}

Test(shard, large_mtu_makes_larger_frames_and_a_later_one_is_clipped)
{
        struct shard_options o = options_of();
        struct shard *s;

        o.mtu_max = 20000;
        cr_assert_eq(shard_new(&o, &s), 0);
        cr_assert_geq(shard_host(s)->frames->room_bytes, 20014);
        shard_free(s);
        o.mtu_max = 1000000;
        cr_assert_eq(shard_new(&o, &s), 0);
        cr_assert_lt(shard_host(s)->frames->room_bytes, 66000);
        shard_free(s);
}

Test(shard, too_little_memory_is_an_error)
{
        struct shard_options o = options_of();
        struct shard *s;

        o.memory_mib = 1;
        cr_assert_eq(shard_new(&o, &s), -ENOMEM);
}

static void count_up(void *arg)
{
        __atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED);
}

Test(shard, thread_runs_and_quits)
{
        struct shard_options o = options_of();
        unsigned wakes = 0;
        struct fake_link *link = fake_new();
        struct shard_command c = {
                .kind = SHARD_LINK_ADD,
                .ifindex = 3,
                .name = "fake0",
                .link = &link->link,
                .info = {.running = true, .mtu = 1500},
        };
        struct shard_news n = {0};
        struct shard *s;
        nsec end = nsec_add(loop_clock(), 5 * NSEC_SEC);

        o.on_news = count_up;
        o.wake_arg = &wakes;
        cr_assert_eq(shard_new(&o, &s), 0);
        cr_assert(shard_post(s, &c));
        cr_assert_eq(shard_start(s), 0);
        while (!shard_pop_news(s, &n))
                cr_assert_lt(loop_clock(), end);
        cr_assert_eq(n.kind, SHARD_SETTLED);
        cr_assert_gt(__atomic_load_n(&wakes, __ATOMIC_RELAXED), 0);
        c = (struct shard_command){.kind = SHARD_QUIT};
        cr_assert(shard_post(s, &c));
        shard_join(s);
        shard_free(s);
}

Test(shard, statistics_are_in_prometheus_format)
{
        static char text[65536];
        struct world w;
        size_t need;

        world_init(&w);
        world_do(&w, REQUEST_READ, 0, 4096);
        need = w.front->host->stats_text(w.front->host->arg, text, sizeof(text), loop_clock());
        cr_assert_lt(need, sizeof(text));
        cr_assert_eq(need, strlen(text));
        cr_assert(strstr(text, "\naoefs_requests_read{device=\"e7.1\"} 1\n"), "%s", text);
        cr_assert(strstr(text, "\naoefs_bytes_read{device=\"e7.1\"} 4096\n"));
        cr_assert(strstr(text, "serial=\"FAKE0001\",model=\"Fake disk\",firmware=\"1.0\"} 1\n"));
        cr_assert(strstr(
                text, "aoefs_window{device=\"e7.1\",link=\"fake0\",mac=\"02:00:00:00:00:01\"} "));
        cr_assert(strstr(text, "\naoefs_frames_dropped{reason=\"late\"} 0\n"));
        cr_assert(strstr(text, "\naoefs_link_frames_received{link=\"fake0\"} "));
        /* the room only cuts */
        cr_assert_eq(w.front->host->stats_text(w.front->host->arg, text, 100, loop_clock()), need);
        cr_assert_eq(strlen(text), 99);
        cr_assert_eq(w.front->host->stats_text(w.front->host->arg, NULL, 0, loop_clock()), need);
        world_fini(&w);
}
