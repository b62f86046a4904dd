/* SPDX-License-Identifier: MIT */
/*
 * What the files of the hostile target share: a frame's layout, the target, and each file's face.
 * Nothing of this comes from src/: the protocol is written down a second time, so that one
 * misreading of it is not made twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quirk.h"

#define ETHERTYPE       0x88a2
#define SECTOR          512
#define HEADER_BYTES    24
#define ATA_BYTES       36
#define CONFIG_BYTES    32
#define FRAME_BYTES_MIN 60
#define FRAME_BYTES_MAX 65550
#define STALE_BYTES     64 /* what `long` adds behind the data */

/* Offsets in a frame (AoEr11 2, 3.1, 3.2). */
enum {
        AT_DST = 0,
        AT_SRC = 6,
        AT_TYPE = 12,
        AT_FLAGS = 14,
        AT_ERROR = 15,
        AT_SHELF = 16,
        AT_SLOT = 18,
        AT_COMMAND = 19,
        AT_TAG = 20,
        AT_AFLAGS = 24,
        AT_FEATURE = 25,
        AT_COUNT = 26,
        AT_STATUS = 27,
        AT_LBA = 28,
        AT_BUFFERS = 24,
        AT_FIRMWARE = 26,
        AT_SECTORS = 28,
        AT_CCMD = 29,
        AT_LENGTH = 30,
};

/* One frame being built or read: room for the largest. */
struct packet {
        size_t bytes;
        uint8_t data[FRAME_BYTES_MAX + STALE_BYTES];
};

struct target {
        const char *interface;
        const char *path;
        uint16_t shelf;
        uint8_t slot;
        uint16_t buffers;
        unsigned sectors_max;            /* really taken in a frame; 0: what the MTU allows */
        unsigned every;                  /* each every-th command is the bogus one */
        uint64_t range_first, range_end; /* sectors of error-zero and abort */
        bool wants[QUIRK_COUNT];
        uint64_t applied[QUIRK_COUNT];

        int fd;
        uint8_t mac[6];
        uint32_t mtu;
        uint8_t *image; /* mapped: writes are in the file at once */
        uint64_t sectors;
        uint64_t commands; /* READs and WRITEs seen */
        uint32_t dice;
};

/* Prints what, and errno's reason, and ends. */
_Noreturn void die(const char *what);

static inline void put16(uint8_t *p, unsigned v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static inline unsigned get16(const uint8_t *p)
{
        return (unsigned)p[0] << 8 | p[1];
}

/* Is q asked for? Then it is applied now, and counted. */
static inline bool applies(struct target *t, enum quirk q)
{
        if (!t->wants[q])
                return false;
        t->applied[q]++;
        return true;
}

/* The same dice in each run. */
static inline uint8_t roll(struct target *t)
{
        t->dice = t->dice * 1664525 + 1013904223;
        return (uint8_t)(t->dice >> 24);
}

/* ---- link.c: the packet socket ---- */

void link_open(struct target *t);
void link_send(struct target *t, const struct packet *p);
/* false: none is there. */
bool link_receive(struct target *t, struct packet *p);

/* ---- disk.c: the image ---- */

void disk_open(struct target *t);

/* ---- answer.c: what all answers have in common ---- */

/* The answer's header: the request's, turned round. */
void answer_begin(const struct target *t, const struct packet *ask, struct packet *a);
void answer_send(struct target *t, struct packet *a);

/* ---- config.c: Query Config, which also says how large a frame may be ---- */

/* The most sectors that a READ or WRITE may ask for. */
unsigned config_sectors(const struct target *t);
void config_serve(struct target *t, const struct packet *ask, struct packet *a);
/* A beacon: an unsolicited config answer to everybody, tag 0, as targets send when they start. */
void config_beacon(struct target *t, struct packet *a);

/* ---- identify.c: IDENTIFY DEVICE ---- */

/* SECTOR bytes. */
void identify_build(struct target *t, uint8_t *p);

/* ---- ata.c: the other ATA commands ---- */

void ata_serve(struct target *t, const struct packet *ask, struct packet *a);

/* ---- bogus.c: false answers in the place of true ones ---- */

/* Is it the turn of a bogus quirk? Several that are wanted take turns. */
bool bogus_due(struct target *t, enum quirk *ret);
/* The otherwise good answer a is turned into what taking for true is seen: the write was not done,
 * the data read are the wrong ones. */
void bogus_send(struct target *t, enum quirk q, const struct packet *ask, struct packet *a);

/* ---- serve.c ---- */

/* Until a signal of the descriptor `signals`. */
void serve(struct target *t, int signals);
