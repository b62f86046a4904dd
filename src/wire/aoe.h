/* SPDX-License-Identifier: MIT */
/*
 * ATA over Ethernet on the wire: bytes <-> typed values. All hostile frames end here: a parser
 * returns DROP_NONE and fills *ret, or a reason and leaves *ret alone. Numbers in parentheses are
 * of AoEr11 (Hopkins and Coile, 2009).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define AOE_ETHERTYPE        0x88a2
#define AOE_HEADER_BYTES     24 /* with the Ethernet header */
#define AOE_ATA_BYTES        36 /* header and ATA argument; data follows */
#define AOE_CONFIG_BYTES     32 /* header and Query Config argument; the string follows */
#define AOE_FRAME_BYTES_MIN  60 /* requests are padded: kvblade and 9front drop shorter ones */
#define AOE_STRING_BYTES_MAX 1024
#define AOE_SECTOR_BYTES     512
#define AOE_SECTORS_DEFAULT  2 /* Query Config's sector count 0 means this */
#define AOE_SHELF_ALL        0xffff
#define AOE_SLOT_ALL         0xff

#define AOE_FLAG_RESPONSE 0x08
#define AOE_FLAG_ERROR    0x04

#define AOE_ATA_EXTENDED 0x40 /* E: LBA48 */
#define AOE_ATA_WRITE    0x01 /* W: data follows in the request */

/* shelf << 8 | slot: what a user writes as eX.Y. */
typedef uint32_t aoe_addr;

#define AOE_ADDR_ALL ((aoe_addr)0xffffff)

enum aoe_command {
        AOE_COMMAND_ATA = 0,
        AOE_COMMAND_CONFIG = 1,
        AOE_COMMAND_MASK = 2,
        AOE_COMMAND_RESERVE = 3,
};

enum aoe_error {
        AOE_ERROR_NONE = 0,
        AOE_ERROR_COMMAND = 1,     /* unrecognised command code */
        AOE_ERROR_ARGUMENT = 2,    /* bad argument parameter */
        AOE_ERROR_UNAVAILABLE = 3, /* device unavailable */
        AOE_ERROR_PRESENT = 4,     /* config string present */
        AOE_ERROR_VERSION = 5,     /* unsupported version */
        AOE_ERROR_RESERVED = 6,    /* target is reserved */
};

enum aoe_config_command {
        AOE_CONFIG_READ = 0,
        AOE_CONFIG_TEST = 1,
        AOE_CONFIG_PREFIX = 2,
        AOE_CONFIG_SET = 3,
        AOE_CONFIG_FORCE = 4,
};

/* Why a frame was not used. Each is a counter; none is silent. */
enum drop {
        DROP_NONE,
        DROP_SHORT,     /* shorter than its own header says */
        DROP_ETHERTYPE, /* not AoE */
        DROP_VERSION,   /* neither 1 nor the 0 of vblade's beacon */
        DROP_REQUEST,   /* R flag clear: somebody's request, or our own reflected */
        DROP_ADDRESS,   /* another shelf.slot, or a broadcast one in a reply */
        DROP_TAG,       /* not a tag of ours */
        DROP_COMMAND,   /* another command than the tag was sent with */
        DROP_MAC,       /* from another MAC than the tag was sent to */
        DROP_LENGTH,    /* too short for what the tag asked for */
        DROP_LATE,      /* ours, but answered before or given up */
        DROP_LIMIT,     /* a table is full */
        DROP_DENIED,    /* the user's only=, deny= */
        DROP_LINK,      /* came in on a link that we do not use */
};

#define DROP_COUNT (DROP_LINK + 1)

/* Short lower-case word for counters and diagnostics. */
const char *drop_name(enum drop d);

struct aoe_header {
        uint8_t dst[6];
        uint8_t src[6];
        uint8_t version;
        uint8_t flags;
        uint8_t error;
        uint16_t shelf;
        uint8_t slot;
        uint8_t command;
        uint32_t tag;
};

struct aoe_ata {
        uint8_t aflags;
        uint8_t feature; /* reply: the error register */
        uint8_t sectors;
        uint8_t status; /* request: the ATA command */
        uint64_t lba;
};

struct aoe_config {
        uint16_t buffers;
        uint16_t firmware;
        uint8_t sectors; /* most sectors a command, as sent: 0 is 2 */
        uint8_t command; /* enum aoe_config_command, low nibble only */
        uint16_t string_bytes;
        const uint8_t *string; /* borrowed from the frame */
};

/* Consumes the 24 header bytes of *in. Versions 1 and 0 pass (vblade's beacon has 0). */
enum drop aoe_parse_header(struct bytes *in, struct aoe_header *ret);
/* After the header: the 12 bytes of an ATA argument; what stays in *in is data and padding. */
enum drop aoe_parse_ata(struct bytes *in, struct aoe_ata *ret);
/* After the header: Query Config's argument and string. */
enum drop aoe_parse_config(struct bytes *in, struct aoe_config *ret);

/* Builders write into p and return nothing: the sizes are the constants above. */
void aoe_build_header(uint8_t *p, const struct aoe_header *h);
/* p points at the header; writes bytes 24..35. */
void aoe_build_ata(uint8_t *p, const struct aoe_ata *a);
/* p points at the header; writes bytes 24..31 and, when string_bytes > 0, the string. */
void aoe_build_config(uint8_t *p, const struct aoe_config *c);

static inline aoe_addr aoe_addr_make(uint16_t shelf, uint8_t slot)
{
        return (aoe_addr)shelf << 8 | slot;
}

static inline uint16_t aoe_addr_shelf(aoe_addr addr)
{
        return (uint16_t)(addr >> 8);
}

static inline uint8_t aoe_addr_slot(aoe_addr addr)
{
        return (uint8_t)addr;
}

/* "e7.1", canonical decimal only (no sign, no leading zero), the broadcast values refused. */
bool aoe_addr_parse(const char *name, aoe_addr *ret);

#define AOE_NAME_BYTES 16 /* "e65534.254" and its NUL fit */

/* Writes "eX.Y" and a NUL. */
void aoe_addr_format(aoe_addr addr, char name[AOE_NAME_BYTES]);
