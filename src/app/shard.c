/* SPDX-License-Identifier: MIT */
/*
 * A shard's life, its rings, and what it offers to fronts. What happens in a turn is in turn.c.
 *
 * Invariants: after shard_start() only the data thread touches anything but the rings; the rings
 * have one producer and one consumer each.
 */
#include "app/shard.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/shard_state.h"
#include "app/stats.h"
#include "app/turn.h"
#include "base/check.h"

#define SHARD_STACK_BYTES ((size_t)256 << 10)

/* Commands in flight and copies of writes that the engine keeps track of. */
#define SHARD_SLOTS      ENGINE_SLOTS_MAX
#define SHARD_COPIES     16384
#define SHARD_LINGER_MAX NSEC_SEC

/* The longest poll before a sleep: twice what a near target takes for an answer. */
#define SHARD_SPIN_MAX (100 * NSEC_US)

/* ---- what the data thread tells ---- */

void shard_log(struct shard *s, int level, aoe_addr addr, const char *text)
{
        struct logging_entry e;

        logging_fill(&e, level, addr, text);
        if (!ring_push(&s->logs, &e))
                s->log_lost++;
        s->news_wake = true;
}

void shard_tell(struct shard *s, const struct shard_news *n)
{
        CHECK(ring_push(&s->news, n));
        s->news_wake = true;
}

/* ---- what fronts may ask of us ---- */

static void shard_on_front_log(void *arg, int level, aoe_addr addr, const char *text)
{
        int known = level < LOGGING_ERROR  ? LOGGING_ERROR
                    : level > LOGGING_INFO ? LOGGING_INFO
                                           : level;

        shard_log(arg, known, addr, text);
}

static bool shard_on_front_notify(void *arg, const struct front_notice *n)
{
        struct shard *s = arg;

        s->notice_wake = true;
        return ring_push(&s->notices, n);
}

static int shard_on_writer_take(void *arg, aoe_addr addr, char *ret_holder, size_t holder_bytes)
{
        struct shard *s = arg;
        char text[120];
        int r;

        if (!s->options.writers)
                return 0;
        r = writers_take(s->options.writers, addr, ret_holder, holder_bytes);
        if (r == 0 || r == -EBUSY)
                return r;
        snprintf(text, sizeof(text), "other daemons of this host cannot be kept from writing: %s",
                 strerrordesc_np(-r));
        shard_log(s, LOGGING_WARNING, addr, text);
        return 0;
}

static void shard_on_writer_drop(void *arg, aoe_addr addr)
{
        struct shard *s = arg;

        if (s->options.writers)
                writers_drop(s->options.writers, addr);
}

static void shard_on_resized(void *arg, aoe_addr addr, uint64_t bytes)
{
        struct shard *s = arg;
        const struct shard_news n = {.kind = SHARD_RESIZED, .addr = addr, .bytes = bytes};

        if (!ring_push(&s->news, &n))
                shard_log(s, LOGGING_WARNING, addr, "its block device keeps the old size");
        s->news_wake = true;
}

static void shard_on_front_ended(void *arg, struct front *f)
{
        struct shard *s = arg;

        for (unsigned i = 0; i < s->front_count; i++) {
                if (s->fronts[i].front != f || s->fronts[i].ended)
                        continue;
                s->fronts[i].ended = true;
                shard_tell(s, &(struct shard_news){.kind = SHARD_ENDED});
        }
}

static size_t shard_on_stats_text(void *arg, char *buf, size_t bytes, nsec now)
{
        struct shard *s = arg;
        struct stats_source source = {.engine = s->engine, .log_lost = s->log_lost};

        (void)now;
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++) {
                struct shard_link *l = &s->links[i];

                if (!l->link)
                        continue;
                if (l->is_packet)
                        link_packet_statistics(l->link);
                source.links[i] = (struct stats_link){l->name, &l->link->counters};
        }
        return stats_text(&source, buf, bytes);
}

static const char *shard_on_link_name(void *arg, unsigned link)
{
        return shard_link_name(arg, link);
}

const struct front_host *shard_host(struct shard *s)
{
        return &s->host;
}

/* ---- life ---- */

static int shard_init_engine(struct shard *s, nsec now)
{
        const struct shard_options *o = &s->options;
        struct engine_options eo = {
                .devices_max = ENGINE_DEVICES_MAX,
                .paths_max = ENGINE_PATHS_MAX,
                .slots = SHARD_SLOTS,
                .copies_max = SHARD_COPIES,
                .window_max = o->window > 0 ? o->window : ENGINE_WINDOW_MAX,
                .station_max = ENGINE_STATION_MAX,
                .payload_max = o->payload_bytes,
                .cookie = o->cookie,
                .loss_waits = o->loss_waits,
                .timeout = o->timeout,
                .linger_max = SHARD_LINGER_MAX,
                .seed = o->seed,
                .arena = &s->memory.arena,
                .frames = &s->memory.frames,
                .frames_for_reads = (unsigned)(s->memory.frame_count - LINK_BATCH_MAX),
                .is_allowed = o->is_allowed,
                .allowed_arg = o->allowed_arg,
        };
        int r;

        s->engine_bytes = engine_size(&eo);
        r = memory_map(s->engine_bytes, &s->engine_block);
        if (r < 0)
                return r;
        s->engine = engine_init(s->engine_block, &eo, now);
        return 0;
}

static void shard_init_host(struct shard *s)
{
        s->host = (struct front_host){
                .engine = s->engine,
                .arena = &s->memory.arena,
                .frames = &s->memory.frames,
                .arg = s,
                .log = shard_on_front_log,
                .notify = shard_on_front_notify,
                .writer_take = shard_on_writer_take,
                .writer_drop = shard_on_writer_drop,
                .resized = shard_on_resized,
                .ended = shard_on_front_ended,
                .stats_text = shard_on_stats_text,
                .link_name = shard_on_link_name,
        };
}

static void shard_init_rings(struct shard *s)
{
        ring_init(&s->commands, s->command_entries, sizeof(s->command_entries[0]),
                  SHARD_COMMANDS_ENTRIES);
        ring_init(&s->news, s->news_entries, sizeof(s->news_entries[0]), SHARD_NEWS_ENTRIES);
        ring_init(&s->logs, s->log_entries, sizeof(s->log_entries[0]), SHARD_LOG_ENTRIES);
        ring_init(&s->notices, s->notice_entries, sizeof(s->notice_entries[0]),
                  SHARD_NOTICE_ENTRIES);
}

/* With one processor those that we wait for run only while we sleep. */
static bool shard_has_processors(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static int shard_init(struct shard *s, const struct shard_options *o)
{
        uint32_t mtu = o->mtu_max > SHARD_MTU_DEFAULT ? o->mtu_max : SHARD_MTU_DEFAULT;
        int r;

        if (mtu > SHARD_MTU_MAX)
                mtu = SHARD_MTU_MAX;
        s->options = *o;
        shard_init_rings(s);
        r = loop_init(&s->loop);
        if (r < 0)
                return r;
        s->loop.spin.span_max = shard_has_processors() ? SHARD_SPIN_MAX : 0;
        r = memory_init(&s->memory, o->memory_mib, mtu + SHARD_FRAME_EXTRA);
        if (r < 0)
                return r;
        if (o->lock_memory && memory_lock(&s->memory) < 0)
                shard_log(s, LOGGING_INFO, AOE_ADDR_ALL,
                          "the first request memory could not be locked (RLIMIT_MEMLOCK): under "
                          "memory pressure it may be paged out");
        s->lived.planned = NSEC_NEVER;
        r = shard_init_engine(s, loop_clock());
        if (r < 0)
                return r;
        drain_init(&s->drain, s->engine);
        shard_init_host(s);
        return 0;
}

int shard_new(const struct shard_options *o, struct shard **ret)
{
        struct shard *s;
        void *p;
        int r;

        r = memory_map(sizeof(*s), &p);
        if (r < 0)
                return r;
        s = p; /* fresh pages are zeroed, and only what is used of the rings is touched */
        r = shard_init(s, o);
        if (r < 0) {
                shard_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

static void shard_free_commands(struct shard *s)
{
        struct shard_command c;

        while (ring_pop(&s->commands, &c))
                if (c.kind == SHARD_LINK_ADD)
                        c.link->ops->free(c.link);
                else if (c.kind == SHARD_ATTACH)
                        close(c.fd);
}

static void shard_free_news(struct shard *s)
{
        struct shard_news n;

        while (ring_pop(&s->news, &n))
                if (n.kind == SHARD_LINK_FREE)
                        n.link->ops->free(n.link);
}

void shard_free(struct shard *s)
{
        if (!s)
                return;
        CHECK(!s->running);
        if (s->commands.count > 0)
                shard_free_commands(s);
        if (s->news.count > 0)
                shard_free_news(s);
        for (unsigned i = 0; i < s->front_count; i++)
                s->fronts[i].front->ops->free(s->fronts[i].front);
        for (unsigned i = 0; i < ENGINE_LINKS_MAX; i++)
                if (s->links[i].link)
                        s->links[i].link->ops->free(s->links[i].link);
        while (s->rx_count > 0)
                frame_put(&s->memory.frames, s->rx[--s->rx_count]);
        if (s->engine)
                engine_fini(s->engine);
        if (s->engine_block)
                memory_unmap(s->engine_block, s->engine_bytes);
        memory_fini(&s->memory);
        loop_fini(&s->loop);
        memory_unmap(s, sizeof(*s));
}

int shard_front(struct shard *s, struct front *f)
{
        unsigned idx = s->front_count;
        int r;

        CHECK(idx < SHARD_FRONTS_MAX);
        r = f->fd >= 0 ? loop_add(&s->loop, f->fd, SHARD_KEY_FRONT + idx) : 0;
        if (r < 0)
                return r;
        s->fronts[idx] = (struct shard_front){.front = f, .watched = f->fd >= 0};
        s->fronts[idx].served = f->fd < 0 || !f->is_begun_by_peer;
        s->front_count++;
        return 0;
}

int shard_watch(struct shard *s, int fd)
{
        return loop_add(&s->loop, fd, SHARD_KEY_WATCH);
}

/* ---- the other side of the rings ---- */

bool shard_post(struct shard *s, const struct shard_command *c)
{
        if (!ring_push(&s->commands, c))
                return false;
        loop_wake(&s->loop);
        return true;
}

bool shard_pop_news(struct shard *s, struct shard_news *ret)
{
        return ring_pop(&s->news, ret);
}

bool shard_pop_log(struct shard *s, struct logging_entry *ret)
{
        return ring_pop(&s->logs, ret);
}

bool shard_pop_notice(struct shard *s, struct front_notice *ret)
{
        return ring_pop(&s->notices, ret);
}

/* ---- turns ---- */

nsec shard_turn(struct shard *s)
{
        nsec now = lived_at(&s->lived, loop_clock()); /* the only reading of a turn */

        turn_run(s, now);
        return now;
}

void shard_wait(struct shard *s, nsec now, nsec until)
{
        nsec deadline = turn_deadline(s, now);
        int r;

        s->lived.planned = deadline;
        r = loop_wait(&s->loop, now, nsec_min(until, deadline));
        CHECK(r == 0); /* it fails only for arguments that are wrong */
}

struct engine *shard_engine(struct shard *s)
{
        return s->engine;
}

const char *shard_link_name(struct shard *s, unsigned link)
{
        return link < ENGINE_LINKS_MAX ? s->links[link].name : "";
}

static void *shard_thread(void *arg)
{
        struct shard *s = arg;

        for (;;) {
                nsec now = shard_turn(s);

                if (s->quit)
                        return NULL;
                shard_wait(s, now, NSEC_NEVER);
        }
}

int shard_start(struct shard *s)
{
        pthread_attr_t attr;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        r = pthread_attr_setstacksize(&attr, SHARD_STACK_BYTES);
        if (r == 0)
                r = pthread_create(&s->thread, &attr, shard_thread, s);
        pthread_attr_destroy(&attr);
        if (r != 0)
                return -r;
        pthread_setname_np(s->thread, "aoefs-data");
        s->running = true;
        return 0;
}

void shard_join(struct shard *s)
{
        if (!s->running)
                return;
        CHECK(pthread_join(s->thread, NULL) == 0);
        s->running = false;
}
