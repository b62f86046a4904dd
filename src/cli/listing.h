/* SPDX-License-Identifier: MIT */
/*
 * Devices as a command shows them: copied out of the engine while it lives, then printed as a table
 * or as JSON. Invariant: every string of a listing is valid UTF-8; text_safe() it for a terminal.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "engine/engine.h"

typedef struct ListingDevice ListingDevice;

struct listing_path {
        char link[64]; /* interface name, or what stands for one that is gone */
        uint8_t mac[6];
        uint32_t payload_bytes;
        nsec rtt; /* 0: not measured */
};

struct ListingDevice {
        aoe_addr addr;
        uint64_t bytes;
        char *model; /* owned, as all strings here */
        char *serial;
        char *firmware;
        char *config;
        const char *state;  /* static */
        const char *reason; /* static; "" when up */
        uint32_t payload_bytes;
        unsigned buffers;
        GArray *paths; /* owned: struct listing_path */
};

void listing_device_free(ListingDevice *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ListingDevice, listing_device_free)

/* link_name: of the engine's link numbers. */
ListingDevice *listing_device_new(const struct engine *e, const struct device_info *i,
                                  const char *(*link_name)(unsigned));
/* face.md's JSON with a newline at the end, safe for a terminal. Owned by the caller. */
char *listing_json(const GPtrArray *devices);

struct listing_options {
        const char *columns; /* "NAME,SIZE", any case, or NULL: the default ones */
        bool headings;
        bool exact; /* sizes in bytes */
};

/* NULL when all columns are known, else what is wrong and what to do, owned by the caller. */
char *listing_check_columns(const char *columns);
/* Columns must have been checked. Owned by the caller; NULL: no memory. */
char *listing_table(const GPtrArray *devices, const struct listing_options *o);
