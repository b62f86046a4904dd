/* SPDX-License-Identifier: MIT */
/*
 * An engine driven by hand: the clock is a variable, and targets answer when the test lets them,
 * frame by frame. What was sent is kept whole until the next turn, and in short in a log.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/core.h"

#define WORLD_SECTORS    4096 /* of a disk, unless the test says otherwise */
#define WORLD_SLOTS      64
#define WORLD_FRAMES     512
#define WORLD_FRAME_ROOM 9280
#define WORLD_SENT_MAX   128
#define WORLD_LOG_MAX    16384
#define WORLD_PORTS_MAX  20
#define WORLD_RTT        (10 * NSEC_US) /* of an answer in world_run */
#define WORLD_HEALING    (3 * NSEC_SEC)
#define WORLD_QUERY      0x100 /* in the log, beside ATA commands */
#define WORLD_ADDR       aoe_addr_make(7, 1)

/* Where a disk answers. All of them have the same contents. */
struct port {
        unsigned link;
        uint8_t mac[6];
        aoe_addr addr;
        const char *serial;
        uint32_t sectors_disk;
        bool lba48;
        uint16_t buffers; /* as its Query Config says */
        uint8_t sectors;
        uint32_t out_max, back_max; /* bytes: longer frames to it, from it, vanish; 0: none do */
        bool silent;
};

struct sent {
        unsigned link;
        uint32_t cause; /* of the tx */
        uint32_t bytes;
        uint8_t data[WORLD_FRAME_ROOM];
};

struct logged {
        nsec at;
        unsigned link;
        unsigned command; /* ATA's, or WORLD_QUERY */
        aoe_addr addr;
        uint8_t mac; /* the last byte of its destination */
        uint8_t sectors;
        uint32_t lba;
        uint32_t bytes;
};

struct reply {
        unsigned link;
        uint32_t bytes;
        uint8_t data[WORLD_FRAME_ROOM];
};

struct world {
        struct engine *e;
        struct engine_options options; /* to be changed before world_start */
        void *block, *frame_block, *region, *meta;
        struct frame_pool frames;
        struct arena arena;
        nsec now;
        struct port ports[WORLD_PORTS_MAX];
        unsigned port_count;
        struct sent sent[WORLD_SENT_MAX]; /* in the last turn */
        unsigned sent_count;
        struct logged log[WORLD_LOG_MAX];
        unsigned log_count;
        uint8_t disk[WORLD_SECTORS * AOE_SECTOR_BYTES];
};

/* ---- the beginning and the end ---- */

static inline struct port *world_port(struct world *w, unsigned link, uint8_t mac, aoe_addr addr)
{
        struct port *p = &w->ports[w->port_count++];

        cr_assert_leq(w->port_count, WORLD_PORTS_MAX);
        *p = (struct port){
                .link = link,
                .mac = {2, 0, 0, 0, 1, mac},
                .addr = addr,
                .serial = "one",
                .sectors_disk = WORLD_SECTORS,
                .lba48 = true,
                .buffers = 16,
                .sectors = 2,
        };
        return p;
}

/* One disk behind one port: ports[0]. Nothing has begun, so that the test may change it all. */
static inline struct world *world_new(void)
{
        struct world *w = calloc(1, sizeof *w);

        w->options = (struct engine_options){
                .devices_max = 8,
                .paths_max = 32,
                .slots = WORLD_SLOTS,
                .copies_max = 256,
                .window_max = 64,
                .station_max = 64,
                .cookie = 5,
                .timeout = 10 * NSEC_SEC,
                .linger_max = NSEC_SEC,
                .seed = 1,
                .arena = &w->arena,
                .frames = &w->frames,
                .frames_for_reads = WORLD_FRAMES / 2,
        };
        w->now = NSEC_SEC;
        world_port(w, 0, 1, WORLD_ADDR);
        for (size_t i = 0; i < sizeof w->disk; i++)
                w->disk[i] = (uint8_t)(i * 7 + i / 512);
        return w;
}

static inline void world_link_sized(struct world *w, unsigned link, bool running, uint32_t mtu,
                                    uint32_t receive_bytes)
{
        struct link_info info = {
                .mac = {2, 0, 0, 0, 0, (uint8_t)link},
                .running = running,
                .mtu = mtu,
                .receive_bytes = receive_bytes,
        };

        engine_link(w->e, link, &info, w->now);
}

static inline void world_link(struct world *w, unsigned link, bool running, uint32_t mtu)
{
        world_link_sized(w, link, running, mtu, 0);
}

/* The engine is there, without a link. */
static inline void world_init(struct world *w)
{
        w->frame_block = malloc(frame_pool_bytes(WORLD_FRAME_ROOM, WORLD_FRAMES));
        frame_pool_init(&w->frames, w->frame_block, WORLD_FRAME_ROOM, WORLD_FRAMES);
        w->region = malloc(arena_region_bytes(4));
        w->meta = malloc(arena_meta_bytes(4));
        arena_init(&w->arena, w->region, w->meta, 4);
        w->block = aligned_alloc(64, engine_size(&w->options));
        memset(w->block, 0xee, engine_size(&w->options));
        w->e = engine_init(w->block, &w->options, w->now);
}

/* ---- what goes out ---- */

static inline void world_log(struct world *w, const struct sent *s)
{
        bool is_query = s->data[19] == AOE_COMMAND_CONFIG;

        cr_assert_lt(w->log_count, WORLD_LOG_MAX);
        w->log[w->log_count++] = (struct logged){
                .at = w->now,
                .link = s->link,
                .command = is_query ? WORLD_QUERY : s->data[27],
                .addr = aoe_addr_make(be16_load(s->data + 16), s->data[18]),
                .mac = s->data[5],
                .sectors = s->data[26],
                .lba = s->data[28] | (uint32_t)s->data[29] << 8 | (uint32_t)s->data[30] << 16,
                .bytes = s->bytes,
        };
}

static inline void world_keep(struct world *w, const struct tx *tx)
{
        struct sent *s = &w->sent[w->sent_count++];

        cr_assert_leq(w->sent_count, WORLD_SENT_MAX);
        s->link = tx->link;
        s->cause = tx->cause;
        s->bytes = tx->header_bytes + tx->payload_bytes;
        cr_assert_geq(s->bytes, AOE_FRAME_BYTES_MIN);
        memcpy(s->data, tx->header, tx->header_bytes);
        if (tx->payload_bytes > 0)
                memcpy(s->data + tx->header_bytes, tx->payload, tx->payload_bytes);
        world_log(w, s);
}

/* One turn: what is due is done, and what may be sent is in w->sent. Returns how much that is. */
static inline unsigned world_turn(struct world *w)
{
        struct tx tx[16];
        size_t n;

        w->sent_count = 0;
        engine_tick(w->e, w->now);
        while ((n = engine_emit(w->e, tx, 16, w->now)) > 0)
                for (size_t i = 0; i < n; i++)
                        world_keep(w, &tx[i]);
        cr_assert_gt(engine_deadline(w->e), w->now);
        engine_check(w->e);
        return w->sent_count;
}

/* Frames of a command since the log was last cleared. */
static inline unsigned world_count(const struct world *w, unsigned command)
{
        unsigned n = 0;

        for (unsigned i = 0; i < w->log_count; i++)
                n += w->log[i].command == command;
        return n;
}

/* ---- what comes in ---- */

static inline void world_input(struct world *w, unsigned link, const uint8_t *data, uint32_t bytes)
{
        struct frame *f = frame_get(&w->frames);

        memcpy(f->data, data, bytes);
        f->bytes = bytes;
        if (!engine_input(w->e, link, f, w->now))
                frame_put(&w->frames, f);
}

static inline void port_identify(const struct port *p, uint8_t *id)
{
        memset(id, 0, ATA_IDENTIFY_BYTES);
        memset(id + 20, ' ', 20);
        for (size_t i = 0; i < strlen(p->serial); i++)
                id[20 + (i ^ 1)] = (uint8_t)p->serial[i];
        id[2 * 83 + 1] = p->lba48 ? 0x04 : 0;
        for (int i = 0; i < 4; i++) {
                id[2 * 60 + i] = (uint8_t)(p->sectors_disk >> 8 * i);
                id[2 * 100 + i] = p->lba48 ? id[2 * 60 + i] : 0;
        }
}

/* What a port answers to the i-th frame that was sent in the last turn. */
static inline struct reply world_reply(struct world *w, unsigned i, const struct port *p)
{
        const uint8_t *rq = w->sent[i].data;
        struct reply r = {.link = p->link, .bytes = AOE_ATA_BYTES};
        uint64_t lba = rq[28] | (uint64_t)rq[29] << 8 | (uint64_t)rq[30] << 16;
        uint32_t bytes = rq[26] * (uint32_t)AOE_SECTOR_BYTES;

        memcpy(r.data, rq, AOE_ATA_BYTES);
        memcpy(r.data, rq + 6, 6);
        memcpy(r.data + 6, p->mac, 6);
        r.data[14] |= AOE_FLAG_RESPONSE;
        if (rq[19] == AOE_COMMAND_CONFIG) {
                be16_store(r.data + 16, aoe_addr_shelf(p->addr));
                r.data[18] = aoe_addr_slot(p->addr);
                be16_store(r.data + 24, p->buffers);
                r.data[28] = p->sectors;
                r.bytes = AOE_CONFIG_BYTES;
                return r;
        }
        if (rq[27] == ATA_IDENTIFY) {
                port_identify(p, r.data + AOE_ATA_BYTES);
                r.bytes += ATA_IDENTIFY_BYTES;
        } else if (rq[27] == ATA_READ || rq[27] == ATA_READ_EXT) {
                memcpy(r.data + AOE_ATA_BYTES, w->disk + lba * AOE_SECTOR_BYTES, bytes);
                r.bytes += bytes;
        } else if (rq[27] == ATA_WRITE || rq[27] == ATA_WRITE_EXT) {
                memcpy(w->disk + lba * AOE_SECTOR_BYTES, rq + AOE_ATA_BYTES, bytes);
        }
        r.data[27] = ATA_STATUS_DRDY;
        return r;
}

/* Does the frame reach a port that answers? */
static inline bool port_hears(const struct port *p, const struct sent *s)
{
        aoe_addr addr = aoe_addr_make(be16_load(s->data + 16), s->data[18]);

        if (p->silent || p->link != s->link || (p->out_max && s->bytes > p->out_max))
                return false;
        if (s->data[19] == AOE_COMMAND_CONFIG)
                return addr == AOE_ADDR_ALL || addr == p->addr;
        return addr == p->addr && memcmp(s->data, p->mac, 6) == 0;
}

/* The ports that the i-th frame reaches answer it after that time. */
static inline void world_answer_after(struct world *w, unsigned i, nsec span)
{
        for (unsigned k = 0; k < w->port_count; k++) {
                const struct port *p = &w->ports[k];
                struct reply r;

                if (!port_hears(p, &w->sent[i]))
                        continue;
                w->now += span;
                r = world_reply(w, i, p);
                if (!p->back_max || r.bytes <= p->back_max)
                        world_input(w, r.link, r.data, r.bytes);
        }
}

static inline void world_answer(struct world *w, unsigned i)
{
        world_answer_after(w, i, 0);
}

/* Turns and answers until nobody has anything to say. */
static inline void world_run(struct world *w)
{
        while (world_turn(w))
                for (unsigned i = 0; i < w->sent_count; i++)
                        world_answer_after(w, i, WORLD_RTT);
}

/* Time passes, with a turn at each deadline. */
static inline void world_pass(struct world *w, nsec span)
{
        nsec end = w->now + span;

        world_run(w);
        while (engine_deadline(w->e) <= end) {
                w->now = nsec_max(w->now, engine_deadline(w->e));
                world_run(w);
        }
        w->now = nsec_max(w->now, end);
        world_run(w);
}

static inline void world_silence(struct world *w, bool silent)
{
        for (unsigned i = 0; i < w->port_count; i++)
                w->ports[i].silent = silent;
}

/* All that the ports are connected to comes up, and the disks are found; the log is empty. */
static inline void world_start(struct world *w, uint32_t mtu)
{
        world_init(w);
        for (unsigned link = 0; link < ENGINE_LINKS_MAX; link++)
                for (unsigned i = 0; i < w->port_count; i++)
                        if (w->ports[i].link == link) {
                                world_link(w, link, true, mtu);
                                break;
                        }
        world_run(w);
        w->log_count = 0;
}

/* ---- requests and what is told ---- */

static inline void world_submit(struct world *w, struct request *rq, enum request_op op,
                                uint64_t offset, uint32_t bytes)
{
        *rq = (struct request){
                .op = op,
                .addr = w->ports[0].addr,
                .offset = offset,
                .bytes = bytes,
                .data = w->disk + offset,
        };
        cr_assert(engine_submit(w->e, rq, w->now));
}

/* rq is the next to be done, and ended so. */
static inline void world_expect(struct world *w, struct request *rq, enum request_status status)
{
        cr_assert_eq(engine_pop_done(w->e), rq);
        cr_assert_eq(rq->status, status, "it ended with: %s", request_status_name(rq->status));
        engine_release(w->e, rq);
}

/* All that is done, which nobody needs to look at; returns how many there were. */
static inline unsigned world_release(struct world *w)
{
        struct request *rq;
        unsigned n = 0;

        for (; (rq = engine_pop_done(w->e)); n++)
                engine_release(w->e, rq);
        return n;
}

/* Reads from the beginning of the disk, `times` one after the other: windows open, RTTs are known.
 */
static inline void world_warm_up(struct world *w, unsigned times, uint32_t bytes)
{
        struct request rq;

        while (times-- > 0) {
                world_submit(w, &rq, REQUEST_READ, 0, bytes);
                world_run(w);
                world_expect(w, &rq, REQUEST_OK);
        }
}

static inline struct device_info world_device(const struct world *w)
{
        struct device_info d;

        cr_assert(engine_device_info(w->e, w->ports[0].addr, &d));
        return d;
}

/* The idx-th path of the first port's device. */
static inline struct path_info world_path(const struct world *w, unsigned idx)
{
        struct path_info p;

        cr_assert(engine_path_info(w->e, w->ports[0].addr, idx, &p));
        return p;
}

static inline uint64_t world_drops(const struct world *w, enum drop reason)
{
        struct engine_counters c;

        engine_counters(w->e, &c);
        return c.frames_dropped[reason];
}

/* All changes of the first port's device that were not told yet. */
static inline unsigned world_changes(struct world *w)
{
        unsigned changes = 0;
        struct event ev;

        while (engine_pop_event(w->e, &ev))
                if (ev.addr == w->ports[0].addr)
                        changes |= ev.changes;
        return changes;
}

/* The ports answer again: whatever is open comes to an end, and everything is given back. */
static inline void world_end(struct world *w)
{
        for (unsigned i = 0; i < w->port_count; i++)
                w->ports[i].silent = false;
        for (nsec end = w->now + WORLD_HEALING; w->now < end; world_release(w))
                world_pass(w, WORLD_HEALING / 10);
        cr_assert(engine_is_quiet(w->e), "something is open for ever");
        engine_fini(w->e);
        cr_assert_eq(w->frames.pool.used, 0, "every frame is back");
        cr_assert(arena_is_full(&w->arena));
        free(w->block);
        free(w->frame_block);
        free(w->region);
        free(w->meta);
        free(w);
}

/* ---- what the face does not show ---- */

static inline struct device *world_device_at(const struct world *w)
{
        struct device *d = device_find(w->e, w->ports[0].addr);

        cr_assert(d);
        return d;
}

static inline struct path *world_path_at(const struct world *w, unsigned port)
{
        struct path *p = path_find(device_find(w->e, w->ports[port].addr), w->ports[port].link,
                                   w->ports[port].mac);

        cr_assert(p);
        return p;
}
