/* SPDX-License-Identifier: MIT */
/* Exports of the NBD server: one for each device that was identified, called eX.Y. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define NBD_EXPORT_TEXT_BYTES 96

struct nbd_export {
        aoe_addr addr;
        uint64_t bytes;
        uint16_t flags;           /* enum nbd_export_flag bits */
        uint32_t block_preferred; /* the payload, as a power of two that is no larger */
        char name[AOE_NAME_BYTES];
        char serial[ATA_SERIAL_BYTES];
        char text[NBD_EXPORT_TEXT_BYTES]; /* model and serial number, for people */
};

enum nbd_export_found {
        NBD_EXPORT_FOUND,
        NBD_EXPORT_UNHEARD, /* the name of a device that nobody has heard of; only addr is set */
        NBD_EXPORT_NONE,
};

/* By name; the empty one is that of the only export, if there is one and no other. */
enum nbd_export_found nbd_export_find(const struct engine *e, const char *name, size_t bytes,
                                      bool read_only, struct nbd_export *ret);
/* The first behind prev (AOE_ADDR_ALL: of all). false: there is none. */
bool nbd_export_next(const struct engine *e, aoe_addr prev, bool read_only, struct nbd_export *ret);
