/* SPDX-License-Identifier: MIT */
/*
 * What the front's tests put in place of the world: an engine that does what the test says (its
 * symbols are found before those of the library), a host that counts, and a kernel: one end of a
 * SOCK_SEQPACKET pair whose other end the front takes for /dev/fuse. Needs no test framework, so
 * that a fuzzer can have it, too.
 */
#pragma once

#include <errno.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "front/front_fuse.h"

#define FAKE_DEVICES_MAX  8
#define FAKE_REQUESTS_MAX 256
#define FAKE_NOTICES_MAX  16

struct engine {
        struct device_info devices[FAKE_DEVICES_MAX]; /* in order of address */
        struct path_info paths[2];                    /* of every device */
        unsigned device_count, path_count;
        struct request *open[FAKE_REQUESTS_MAX]; /* submitted, not finished, oldest first */
        unsigned open_count;
        unsigned submit_count, release_count, cancel_count;
        struct request *cancelled; /* the last one */
        unsigned discover_count;
        aoe_addr revalidated, forgotten; /* the last ones */
        bool refuses;
        int holders[FAKE_DEVICES_MAX];
        void (*on_release)(struct request *rq); /* NULL: nobody cares */
};

static struct engine fake_engine;

static struct device_info *fake_device(aoe_addr addr)
{
        for (unsigned i = 0; i < fake_engine.device_count; i++)
                if (fake_engine.devices[i].addr == addr)
                        return &fake_engine.devices[i];
        return NULL;
}

/* To be called in order of address. */
static inline struct device_info *fake_add(uint16_t shelf, uint8_t slot, uint64_t bytes)
{
        struct device_info *d = &fake_engine.devices[fake_engine.device_count++];

        *d = (struct device_info){
                .addr = aoe_addr_make(shelf, slot),
                .state = DEVICE_UP,
                .reason = "",
                .bytes = bytes,
                .identity = {.sectors = bytes / 512,
                             .lba48 = true,
                             .model = "Model",
                             .serial = "Serial",
                             .firmware = "1.0"},
                .payload_bytes = 8704,
                .buffers = 16,
                .firmware = 0x4014,
                .flush_class = FLUSH_DURABLE,
        };
        return d;
}

bool engine_submit(struct engine *e, struct request *rq, nsec now)
{
        (void)now;
        if (e->refuses || e->open_count == FAKE_REQUESTS_MAX)
                return false;
        rq->status = REQUEST_PENDING;
        rq->buffer = NULL;
        rq->frame_count = 0;
        list_init(&rq->frames);
        e->open[e->open_count++] = rq;
        e->submit_count++;
        return true;
}

void engine_cancel(struct engine *e, struct request *rq, nsec now)
{
        (void)now;
        e->cancel_count++;
        e->cancelled = rq;
}

void engine_release(struct engine *e, struct request *rq)
{
        e->release_count++;
        if (e->on_release)
                e->on_release(rq);
}

/* The idx-th of the open ones is open no more. */
static inline void fake_take(unsigned idx)
{
        fake_engine.open_count--;
        memmove(fake_engine.open + idx, fake_engine.open + idx + 1,
                (fake_engine.open_count - idx) * sizeof(fake_engine.open[0]));
}

bool engine_device_next(const struct engine *e, aoe_addr prev, struct device_info *ret)
{
        for (unsigned i = 0; i < e->device_count; i++) {
                if (prev != AOE_ADDR_ALL && e->devices[i].addr <= prev)
                        continue;
                *ret = e->devices[i];
                return true;
        }
        return false;
}

bool engine_device_info(const struct engine *e, aoe_addr addr, struct device_info *ret)
{
        const struct device_info *d = fake_device(addr);

        (void)e;
        if (d)
                *ret = *d;
        return d != NULL;
}

bool engine_path_info(const struct engine *e, aoe_addr addr, unsigned idx, struct path_info *ret)
{
        (void)addr;
        if (idx >= e->path_count)
                return false;
        *ret = e->paths[idx];
        return true;
}

void engine_hold(struct engine *e, aoe_addr addr, int change)
{
        e->holders[fake_device(addr) - e->devices] += change;
}

void engine_discover(struct engine *e, nsec now)
{
        (void)now;
        e->discover_count++;
}

void engine_revalidate(struct engine *e, aoe_addr addr, nsec now)
{
        (void)now;
        e->revalidated = addr;
}

void engine_forget(struct engine *e, aoe_addr addr, nsec now)
{
        (void)now;
        e->forgotten = addr;
}

const char *device_state_name(enum device_state s)
{
        static const char *const names[] = {"new", "up", "stale", "down", "down"};

        return names[s];
}

const char *path_state_name(enum path_state s)
{
        static const char *const names[] = {"new", "up", "dead", "duplicate"};

        return names[s];
}

const char *flush_class_name(enum flush_class c)
{
        static const char *const names[] = {"unknown", "durable", "accepted", "none"};

        return names[c];
}

/* ---- the host ---- */

struct fake_host {
        unsigned log_count;
        char log[256]; /* the last line */
        unsigned notice_count;
        struct front_notice notices[FAKE_NOTICES_MAX];
        bool notices_full;
        int writer_result;
        unsigned writer_takes, writer_drops;
        unsigned ended;
        size_t stats_bytes; /* of the text, when not 0 */
};

static struct fake_host fake_host;

static void fake_log(void *arg, int level, aoe_addr addr, const char *text)
{
        (void)arg, (void)level, (void)addr;
        fake_host.log_count++;
        snprintf(fake_host.log, sizeof(fake_host.log), "%s", text);
}

static bool fake_notify(void *arg, const struct front_notice *n)
{
        (void)arg;
        if (fake_host.notices_full || fake_host.notice_count == FAKE_NOTICES_MAX)
                return false;
        fake_host.notices[fake_host.notice_count++] = *n;
        return true;
}

static int fake_writer_take(void *arg, aoe_addr addr, char *ret_holder, size_t holder_bytes)
{
        (void)arg, (void)addr;
        fake_host.writer_takes++;
        if (fake_host.writer_result == -EBUSY)
                snprintf(ret_holder, holder_bytes, "process 4711 (/mnt/other)");
        return fake_host.writer_result;
}

static void fake_writer_drop(void *arg, aoe_addr addr)
{
        (void)arg, (void)addr;
        fake_host.writer_drops++;
}

static void fake_ended(void *arg, struct front *f)
{
        (void)arg, (void)f;
        fake_host.ended++;
}

static size_t fake_stats_text(void *arg, char *buf, size_t bytes, nsec now)
{
        (void)arg, (void)now;
        if (fake_host.stats_bytes == 0)
                return (size_t)snprintf(buf, bytes, "aoefs_frames_sent 1\naoefs_answers_late 0\n");
        for (size_t i = 0; i < fake_host.stats_bytes && i + 1 < bytes; i++)
                buf[i] = i % 100 == 99 ? '\n' : 'x';
        if (bytes > 0)
                buf[fake_host.stats_bytes < bytes ? fake_host.stats_bytes : bytes - 1] = '\0';
        return fake_host.stats_bytes;
}

static const char *fake_link_name(void *arg, unsigned link)
{
        (void)arg;
        return link == 0 ? "eth1" : "";
}

static struct arena fake_arena;

/* The host with an arena of so many largest blocks. */
static inline struct front_host fake_host_make(size_t blocks)
{
        arena_init(&fake_arena, malloc(arena_region_bytes(blocks)),
                   malloc(arena_meta_bytes(blocks)), blocks);
        return (struct front_host){
                .engine = &fake_engine,
                .arena = &fake_arena,
                .log = fake_log,
                .notify = fake_notify,
                .writer_take = fake_writer_take,
                .writer_drop = fake_writer_drop,
                .ended = fake_ended,
                .stats_text = fake_stats_text,
                .link_name = fake_link_name,
        };
}
