/* SPDX-License-Identifier: MIT */
/*
 * What data may be seen. Every write has an id, a start (submitted) and an end (popped), counted
 * in steps of the oracle, so that any two things that happened are ordered. Bytes are followed in
 * cells: pieces of a sector that had the same writes from the beginning.
 *
 * A cell is a register; the check is linearizability with unique values (Gibbons and Korach): the
 * write of a version and all that saw it form a cluster with a zone between its earliest end and
 * its latest start. Two forward zones must not overlap, and no forward zone may contain a backward
 * one. The state of the disk after each change counts as a read, so a late copy is found when it
 * lands, not when somebody happens to look.
 *
 * A write that failed may take effect or not, but no longer after a write that was submitted later
 * did: that is the promise of the overlap and linger rule.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

#define ORACLE_DEVICES_MAX 8
#define ORACLE_NEVER       UINT64_MAX
#define ORACLE_READS_MAX   256
#define ORACLE_TEXT_BYTES  512

struct oracle_write {
        uint64_t start;
        uint64_t end; /* ORACLE_NEVER: open */
        unsigned device;
        uint64_t offset;
        uint32_t bytes;
        bool is_ok;   /* it ended well: it must take effect */
        bool is_zero; /* writes zeroes, not its pattern */
};

struct oracle_cell;

struct oracle_device {
        struct disk *disk;          /* borrowed: the disk that is the right one */
        struct oracle_cell **cells; /* owned: a list a sector, NULL: never written */
        uint64_t *busy_until;       /* owned: step of the last end of a write there */
        uint32_t *open_writes;      /* owned */
};

struct oracle {
        uint64_t step;
        struct oracle_device devices[ORACLE_DEVICES_MAX];
        struct oracle_write *writes; /* owned; the id is the place */
        uint32_t write_count, write_room;
        uint64_t reads[ORACLE_READS_MAX]; /* starts of open reads, in no order */
        unsigned read_count;
        char fault[ORACLE_TEXT_BYTES]; /* "" while all is well */
};

void oracle_init(struct oracle *o);
void oracle_fini(struct oracle *o);
/* disk is the right one for the device from now on; what was known of another is forgotten. */
void oracle_attach(struct oracle *o, unsigned device, struct disk *disk);

/* A write begins: returns its id; the caller fills its data with oracle_fill(). */
uint32_t oracle_write_begin(struct oracle *o, unsigned device, uint64_t offset, uint32_t bytes);
/* The same for a write of zeroes. Two of them look alike: less can be told of them. */
uint32_t oracle_zero_begin(struct oracle *o, unsigned device, uint64_t offset, uint32_t bytes);
void oracle_fill(const struct oracle *o, uint32_t id, uint8_t *to);
void oracle_write_end(struct oracle *o, uint32_t id, bool is_ok);
/* Is a write of the device that began before step still open? */
bool oracle_has_open_write(const struct oracle *o, unsigned device, uint64_t before);

/* A read begins: returns its start, to be given to exactly one oracle_read_end(). */
uint64_t oracle_read_begin(struct oracle *o);
/* data NULL: the read failed and saw nothing. false: see o->fault. */
bool oracle_read_end(struct oracle *o, uint64_t start, unsigned device, uint64_t offset,
                     uint32_t bytes, const uint8_t *data);
/* A sector of the disk changed (or is looked at in the end). false: see o->fault. */
bool oracle_see_disk(struct oracle *o, unsigned device, uint64_t lba);
bool oracle_see_whole_disk(struct oracle *o, unsigned device);
/* May another host write [lba, lba + sectors) of the disk after a flush that began at step? Only
 * where no write of ours is open or ended later. */
bool oracle_is_idle_since(const struct oracle *o, unsigned device, uint64_t lba, uint64_t sectors,
                          uint64_t step);
/* Another host writes it, at once and directly on the disk. */
void oracle_alien_write(struct oracle *o, unsigned device, uint64_t lba, uint64_t sectors);
