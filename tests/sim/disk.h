/* SPDX-License-Identifier: MIT */
/*
 * A model disk, and what is written on it. Contents are a function of who wrote (an id, unique per
 * write) and where (byte offset on the disk), so that every byte says which write it came from.
 * Only a part of the disk, `count` sectors from `base` on, can be written; the rest is read-only
 * pattern, which lets a disk be larger than 2^28 sectors.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR   512u
#define DISK_ID_FIRST UINT32_C(0x80000000) /* in ids of first contents, never in a write's */

struct disk {
        uint32_t id;      /* of its first contents, and in its serial number */
        uint64_t sectors; /* size */
        uint64_t base;    /* first sector of the part in use */
        uint64_t count;
        bool lba48;
        bool trim;        /* offered, with zeroes afterwards */
        uint8_t *data;    /* owned: the part in use */
        bool *is_written; /* owned: else the sector still has its first contents */
        uint64_t writes;  /* sectors written so far */
};

void disk_init(struct disk *d, uint32_t id, uint64_t sectors, uint64_t base, uint64_t count,
               bool lba48);
void disk_fini(struct disk *d);
/* One sector. */
void disk_read(const struct disk *d, uint64_t lba, uint8_t *to);
/* false: outside the part in use. */
bool disk_write(struct disk *d, uint64_t lba, const uint8_t *from);
/* 512 bytes of IDENTIFY DEVICE data. */
void disk_identify(const struct disk *d, uint8_t *to);

/* Its serial number, with a NUL. */
void disk_serial(const struct disk *d, char to[21]);

/* What write `id` puts at bytes [offset, offset + bytes) of its disk. */
void disk_pattern(uint32_t id, uint64_t offset, uint8_t *to, size_t bytes);
bool disk_is_pattern(uint32_t id, uint64_t offset, const uint8_t *data, size_t bytes);
