/* SPDX-License-Identifier: MIT */
/*
 * ATA as targets speak it: PIO commands, status bits, IDENTIFY DEVICE data. References are to
 * ATA8-ACS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/aoe.h"

#define ATA_DSM       0x06 /* DATA SET MANAGEMENT: TRIM */
#define ATA_READ      0x20 /* READ SECTORS, 28-bit */
#define ATA_READ_EXT  0x24
#define ATA_WRITE     0x30
#define ATA_WRITE_EXT 0x34
#define ATA_FLUSH     0xe7
#define ATA_FLUSH_EXT 0xea
#define ATA_IDENTIFY  0xec

#define ATA_STATUS_ERR  0x01
#define ATA_STATUS_DRQ  0x08
#define ATA_STATUS_DF   0x20
#define ATA_STATUS_DRDY 0x40
#define ATA_STATUS_BSY  0x80
/* What makes a status a failure; DRDY is not required (aoe.md 1.2). */
#define ATA_STATUS_BAD (ATA_STATUS_BSY | ATA_STATUS_DF | ATA_STATUS_DRQ | ATA_STATUS_ERR)

#define ATA_ERROR_ABRT 0x04
#define ATA_ERROR_IDNF 0x10
#define ATA_ERROR_UNC  0x40

#define ATA_LBA28_SECTORS_MAX ((uint64_t)1 << 28)
#define ATA_LBA48_SECTORS_MAX ((uint64_t)1 << 48)
#define ATA_IDENTIFY_BYTES    512
#define ATA_TRIM_SECTORS_MAX  ((uint64_t)64 * 0xffff) /* ranges in a block, sectors in a range */

#define ATA_SERIAL_BYTES   21 /* strings with a NUL */
#define ATA_FIRMWARE_BYTES 9
#define ATA_MODEL_BYTES    41

struct ata_identity {
        uint64_t sectors;
        bool lba48;
        bool trim;        /* DATA SET MANAGEMENT is offered; that is no promise (aoe.md 1.7) */
        bool trim_zeroes; /* what was trimmed reads as zeroes, always */
        bool rotational;
        char model[ATA_MODEL_BYTES]; /* printable ASCII, outer blanks cut */
        char serial[ATA_SERIAL_BYTES];
        char firmware[ATA_FIRMWARE_BYTES];
};

/* 512 bytes of IDENTIFY data. DROP_LENGTH when short or when no capacity is in it. */
enum drop ata_parse_identity(struct bytes *in, struct ata_identity *ret);
/* The same disk? Serial, model, firmware; the size is judged by the caller. */
bool ata_identity_is_same(const struct ata_identity *a, const struct ata_identity *b);

/* Arguments of a read or write of 1..255 sectors; lba + sectors within the form's reach. */
struct aoe_ata ata_make_transfer(bool write, bool lba48, uint64_t lba, uint8_t sectors);
struct aoe_ata ata_make_identify(void);
/* One block of ranges follows as data. */
struct aoe_ata ata_make_trim(void);
/* That block: 1 <= sectors <= ATA_TRIM_SECTORS_MAX, from lba on. p: AOE_SECTOR_BYTES. */
void ata_build_trim(uint8_t *p, uint64_t lba, uint64_t sectors);
/* sectors: 0, or 1 for targets that refuse a count of 0 (9front). */
struct aoe_ata ata_make_flush(bool ext, uint8_t sectors);
