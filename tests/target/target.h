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

#define ETHERTYPE        0x88a2
#define SECTOR           512
#define HEADER_BYTES     24
#define ATA_BYTES        36
#define CONFIG_BYTES     32
#define FRAME_BYTES_MIN  60
#define FRAME_BYTES_MAX  65550
#define STRING_BYTES_MAX 1024
#define STALE_BYTES      64 /* what `long` adds behind the data */
#define QUEUE_FRAMES_MAX 1024
#define HELD_MAX         8 /* answers that `reorder` turns round */
#define LATE_MAX         8 /* requests that `late` waits with */

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
        AT_RESERVED = 34,
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
        /* As the command line wants it, and later the control lines. */
        const char *interface;
        const char *path;
        const char *serial; /* NULL: by the address */
        const char *config; /* the config string; a restart forgets it */
        uint16_t shelf;
        uint8_t slot;
        uint16_t buffers;                /* as claimed */
        unsigned queue_frames;           /* as they are */
        unsigned service_us;             /* what each frame takes */
        unsigned sectors_max;            /* of a frame; 0: what the MTU allows */
        unsigned every;                  /* each every-th command is the bogus one */
        uint64_t range_first, range_end; /* sectors of -r */
        uint8_t masked[6];
        bool wants[QUIRK_COUNT];
        uint64_t applied[QUIRK_COUNT];

        int fd;
        uint8_t mac[6];
        bool has_mac; /* its own, not the interface's */
        uint32_t mtu;
        uint8_t *image; /* mapped: writes are in the file at once */
        uint64_t sectors;
        uint64_t asked;      /* queries by its own name */
        uint64_t identified; /* IDENTIFYs answered */
        uint64_t served;     /* READs and WRITEs carried out */
        uint64_t frames, transfers;
        uint32_t dice;

        struct packet queue[QUEUE_FRAMES_MAX]; /* ring: received, not served yet */
        unsigned queue_head, queue_count;
        struct packet held[HELD_MAX]; /* answers that wait to be overtaken */
        unsigned held_count;
        struct packet late[LATE_MAX]; /* ring: requests that wait to be sent again; 0 bytes: none */
        unsigned late_next;
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

/* Does a frame of these bytes carry more than -n sectors? */
static inline bool is_large(const struct target *t, size_t bytes)
{
        return t->sectors_max && bytes > ATA_BYTES + (size_t)t->sectors_max * SECTOR;
}

/* ---- link.c: the packet socket ---- */

void link_open(struct target *t);
void link_send(struct target *t, const struct packet *p);
/* false: none is there. */
bool link_receive(struct target *t, struct packet *p);

/* ---- disk.c: the image ---- */

void disk_open(struct target *t);
/* The image file grows with the disk, but it does not shrink. */
void disk_resize(struct target *t, uint64_t sectors);

/* ---- queue.c: what has been received ---- */

/* Takes in what the link has. */
void queue_fill(struct target *t);
/* The oldest frame, NULL when there is none. */
const struct packet *queue_head(const struct target *t);
void queue_pop(struct target *t);

/* ---- answer.c: what all answers have in common ---- */

/* The answer's header: the request's, turned round. */
void answer_begin(const struct target *t, const struct packet *ask, struct packet *a);
void answer_send(struct target *t, struct packet *a);
/* The same for answers to READ and WRITE, which may be turned round. */
void answer_send_data(struct target *t, struct packet *a);
/* Nothing more comes for now: what is held leaves. */
void answer_release(struct target *t);

/* ---- config.c: Query Config, which also says how large a frame may be ---- */

/* The most sectors that a READ or WRITE may ask for. */
unsigned config_sectors(const struct target *t);
void config_serve(struct target *t, const struct packet *ask, struct packet *a);
/* An unsolicited config answer to everybody with tag 0, as targets send when they start. */
void config_beacon(struct target *t);

/* ---- identify.c: IDENTIFY DEVICE ---- */

/* SECTOR bytes. */
void identify_build(struct target *t, uint8_t *p);

/* ---- ata.c: the other ATA commands ---- */

void ata_serve(struct target *t, const struct packet *ask, struct packet *a);

/* ---- bogus.c: false answers in the place of true ones ---- */

/* Is it the turn of a bogus quirk? Several that are wanted take turns. */
bool bogus_due(struct target *t, enum quirk *ret);
/* Turns the good answer a into one that shows when it is taken for true: the write was not done,
 * the data read are the wrong ones. */
void bogus_send(struct target *t, enum quirk q, const struct packet *ask, struct packet *a);
/* The request that `late` waits with and that has now come again as ask; NULL. */
const struct packet *bogus_take_late(struct target *t, const struct packet *ask);

/* ---- control.c: orders on stdin ---- */

/* false: there will be no more. */
bool control_read(struct target *t);

/* ---- serve.c ---- */

/* Until a signal of the descriptor `signals`. */
void serve(struct target *t, int signals);
