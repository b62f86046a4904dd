/* SPDX-License-Identifier: MIT */
/*
 * For tests of the shard: a link whose other end is a small AoE disk, e7.1, that answers at once,
 * and a front that does what the test says.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/shard.h"
#include "io/link.h"
#include "io/loop.h"

#define FAKE_QUEUE   256
#define FAKE_ROOM    9300
#define FAKE_SECTORS 4096
#define FAKE_ADDR    aoe_addr_make(7, 1)

struct fake_link {
        struct link link; /* first */
        struct {
                uint32_t bytes;
                uint8_t data[FAKE_ROOM];
        } queue[FAKE_QUEUE];
        unsigned head, count;
        unsigned reads, writes, flushes, sends;
        unsigned refuse_every; /* each n-th call of send meets ENOBUFS after half of its frames */
        bool refuse_all;
        bool silent;
        bool *freed; /* set by free */
        uint8_t disk[FAKE_SECTORS * 512];
};

static struct fake_link *fake_of(struct link *l)
{
        return (struct fake_link *)(void *)l;
}

static void fake_signal(struct fake_link *f)
{
        uint64_t one = 1;

        cr_assert_eq(write(f->link.fd, &one, sizeof(one)), sizeof(one));
}

static int fake_receive(struct link *l, struct frame **frames, size_t max)
{
        struct fake_link *f = fake_of(l);
        size_t n = 0;
        uint64_t drained;

        while (n < max && n < LINK_BATCH_MAX && f->count > 0) {
                memcpy(frames[n]->data, f->queue[f->head].data, f->queue[f->head].bytes);
                frames[n++]->bytes = f->queue[f->head].bytes;
                f->head = (f->head + 1) % FAKE_QUEUE;
                f->count--;
        }
        if (f->count == 0)
                (void)!read(l->fd, &drained, sizeof(drained));
        l->counters.received += n;
        return (int)n;
}

static void fake_string(uint8_t *words, size_t bytes, const char *text)
{
        for (size_t i = 0; i < bytes; i++) /* ATA strings have their bytes swapped */
                words[i ^ 1] = (uint8_t)(i < strlen(text) ? text[i] : ' ');
}

static void fake_identity(uint8_t *p)
{
        memset(p, 0, 512);
        fake_string(p + 20, 20, "FAKE0001");
        fake_string(p + 46, 8, "1.0");
        fake_string(p + 54, 40, "Fake disk");
        p[98 + 1] = 2; /* LBA */
        p[120] = FAKE_SECTORS & 0xff;
        p[121] = FAKE_SECTORS >> 8;
        p[166 + 1] = 0x44; /* word 83: valid, LBA48 */
        p[172 + 1] = 0x44; /* word 86 */
        p[200] = FAKE_SECTORS & 0xff;
        p[201] = FAKE_SECTORS >> 8;
}

/* Answers an ATA request in place; returns the answer's bytes. */
static uint32_t fake_ata(struct fake_link *f, uint8_t *p)
{
        uint32_t sectors = p[26], bytes = sectors * 512;
        uint64_t lba = p[28] | (uint64_t)p[29] << 8 | (uint64_t)p[30] << 16;
        uint8_t command = p[27];

        p[25] = 0;
        p[27] = ATA_STATUS_DRDY;
        switch (command) {
        case ATA_IDENTIFY: fake_identity(p + 36); return 36 + 512;
        case ATA_READ:
        case ATA_READ_EXT:
                cr_assert_leq(lba + sectors, FAKE_SECTORS);
                memcpy(p + 36, f->disk + lba * 512, bytes);
                f->reads++;
                return 36 + bytes;
        case ATA_WRITE:
        case ATA_WRITE_EXT:
                cr_assert_leq(lba + sectors, FAKE_SECTORS);
                memcpy(f->disk + lba * 512, p + 36, bytes);
                f->writes++;
                return 60;
        case ATA_FLUSH:
        case ATA_FLUSH_EXT: f->flushes++; return 60;
        default: p[27] |= ATA_STATUS_ERR; return 60;
        }
}

static void fake_answer(struct fake_link *f, const struct tx *tx)
{
        static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
        unsigned idx = (f->head + f->count) % FAKE_QUEUE;
        uint8_t *p = f->queue[idx].data;
        uint32_t bytes;

        cr_assert_lt(f->count, FAKE_QUEUE, "more in flight than the window allows");
        cr_assert_leq(tx->header_bytes + tx->payload_bytes, FAKE_ROOM);
        memset(p, 0, 64);
        memcpy(p, tx->header, tx->header_bytes);
        if (tx->payload_bytes > 0)
                memcpy(p + tx->header_bytes, tx->payload, tx->payload_bytes);
        memcpy(p, p + 6, 6);
        memcpy(p + 6, mac, 6);
        p[14] |= AOE_FLAG_RESPONSE;
        be16_store(p + 16, 7);
        p[18] = 1;
        if (p[19] == AOE_COMMAND_CONFIG) {
                struct aoe_config c = {.buffers = 16, .firmware = 1, .sectors = 16};

                aoe_build_config(p, &c);
                bytes = 60;
        } else {
                cr_assert_eq(p[19], AOE_COMMAND_ATA);
                bytes = fake_ata(f, p);
        }
        f->queue[idx].bytes = bytes;
        f->count++;
}

static int fake_send(struct link *l, const struct tx *tx, size_t n)
{
        struct fake_link *f = fake_of(l);

        if (f->refuse_every > 0 && ++f->sends % f->refuse_every == 0) {
                l->counters.back_pressure++;
                n /= 2;
        }
        if (f->refuse_all)
                return 0;
        for (size_t i = 0; i < n && !f->silent; i++)
                fake_answer(f, &tx[i]);
        if (f->count > 0)
                fake_signal(f);
        l->counters.sent += n;
        return (int)n;
}

static void fake_free(struct link *l)
{
        struct fake_link *f = fake_of(l);

        if (f->freed)
                *f->freed = true;
        close(l->fd);
        free(f);
}

static const struct link_ops fake_ops = {
        .receive = fake_receive,
        .send = fake_send,
        .free = fake_free,
};

static struct fake_link *fake_new(void)
{
        struct fake_link *f = calloc(1, sizeof(*f));

        cr_assert(f);
        f->link.ops = &fake_ops;
        f->link.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        for (size_t i = 0; i < sizeof(f->disk); i++)
                f->disk[i] = (uint8_t)(i / 512 + i);
        return f;
}

/* ---- the front ---- */

struct fake_front {
        struct front front;        /* first */
        struct front_request base; /* of its one request */
        const struct front_host *host;
        struct request rq;
        bool wanted; /* submit rq in the next turn */
        unsigned open, turns, budgets, completed, events, stops;
        unsigned changes; /* of all events */
        enum request_status status;
        uint8_t data[65536];
};

static struct fake_front *fake_front_of(struct front *front)
{
        return (struct fake_front *)(void *)front;
}

static unsigned fake_front_turn(struct front *front, unsigned budget, nsec now)
{
        struct fake_front *f = fake_front_of(front);

        f->turns++;
        f->budgets += budget;
        if (!f->wanted || !engine_submit(f->host->engine, &f->rq, now))
                return 0;
        f->wanted = false;
        f->open++;
        return 1;
}

static void fake_front_complete(struct front *front, struct request *rq, nsec now)
{
        struct fake_front *f = fake_front_of(front);
        size_t at = 0;

        (void)now;
        f->status = rq->status;
        if (rq->op == REQUEST_READ && rq->buffer)
                memcpy(f->data, rq->buffer, rq->bytes);
        if (rq->op == REQUEST_READ && !rq->buffer)
                LIST_FOREACH (pos, &rq->frames) {
                        const struct frame *part = LIST_ENTRY(pos, struct frame, node);

                        memcpy(f->data + at, part->part, part->part_bytes);
                        at += part->part_bytes;
                }
        engine_release(f->host->engine, rq);
        f->open--;
        f->completed++;
}

static void fake_front_on_event(struct front *front, const struct event *ev, nsec now)
{
        (void)now;
        fake_front_of(front)->events++;
        fake_front_of(front)->changes |= ev->changes;
}

static void fake_front_stop(struct front *front)
{
        fake_front_of(front)->stops++;
}

static unsigned fake_front_open_count(const struct front *front)
{
        return ((const struct fake_front *)(const void *)front)->open;
}

static void fake_front_free(struct front *front)
{
        if (front->fd >= 0)
                close(front->fd);
        free(front);
}

static const struct front_ops fake_front_ops = {
        .turn = fake_front_turn,
        .complete = fake_front_complete,
        .on_event = fake_front_on_event,
        .stop = fake_front_stop,
        .open_count = fake_front_open_count,
        .free = fake_front_free,
};

static struct fake_front *fake_front_new(struct shard *s)
{
        struct fake_front *f = calloc(1, sizeof(*f));

        cr_assert(f);
        f->front.ops = &fake_front_ops;
        f->front.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* something waits to be read */
        f->base.front = &f->front;
        f->host = shard_host(s);
        cr_assert_eq(shard_front(s, &f->front), 0);
        return f;
}

/* Nothing waits any more: else each turn finds it readable. */
static void fake_front_drain(struct fake_front *f)
{
        uint64_t count;

        (void)!read(f->front.fd, &count, sizeof(count));
}

static void fake_front_ask(struct fake_front *f, enum request_op op, uint64_t offset,
                           uint32_t bytes)
{
        f->rq = (struct request){
                .op = op,
                .addr = FAKE_ADDR,
                .offset = offset,
                .bytes = bytes,
                .data = op == REQUEST_WRITE ? f->data : NULL,
                .user = &f->base,
        };
        f->wanted = true;
}
