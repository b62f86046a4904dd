/* SPDX-License-Identifier: MIT */
/*
 * A device: one shelf.slot.
 *
 *   NEW --identified--> UP <--identity matches-- STALE --timeout--> DOWN
 *                        |                        ^ |                |
 *                        +----- silence ----------+ |                |
 *                        known MAC, other identity: SWAPPED <--------+
 *   STALE and DOWN devices that nobody holds are dropped (EVENT_GONE).
 *
 * While it is not UP no command of a request is sent: only Query Config and IDENTIFY, so that no
 * write reaches a disk that was not compared.
 */
#pragma once

#include "base/range.h"
#include "engine/engine.h"
#include "engine/timer.h"

struct engine;
struct line;
struct path;
struct slot;

#define DEVICE_PATHS_MAX      16
#define DEVICE_STALE_AFTER    (500 * NSEC_MS) /* silence with something asked */
#define DEVICE_ASK_EVERY      (250 * NSEC_MS) /* queries while silent and wanted */
#define DEVICE_ASK_IDLE_EVERY NSEC_SEC
#define DEVICE_ASKS_MAX       3               /* unanswered queries of an idle one until STALE */
#define DEVICE_FORGET_AFTER   (5 * NSEC_SEC)  /* STALE, nobody holds it */
#define DEVICE_PARK_AFTER     (3 * NSEC_SEC)  /* not UP: its requests give their slots to others */
#define DEVICE_NEW_AFTER      (3 * NSEC_SEC)  /* heard of, but never identified */
#define DEVICE_FLUSH_EVERY    NSEC_SEC        /* a FLUSH is sent again, its device queried */
#define DEVICE_FLUSH_SILENT   (15 * NSEC_SEC) /* answers all but FLUSH: try the other form */

enum flush_form {
        FLUSH_FORM_EXT,
        FLUSH_FORM_EXT_ONE, /* count 1: 9front refuses 0 */
        FLUSH_FORM_SHORT,
        FLUSH_FORM_SHORT_ONE,
        FLUSH_FORM_NONE,
};

struct device {
        struct list run;     /* engine.run: something may be sent; or called, or line.waiting */
        struct line *line;   /* borrowed: in whose waiting list; NULL: in none */
        struct line *called; /* borrowed: who put it on the run list, so that it may pass it on */
        struct list noticed; /* engine.events */
        struct timer timer;
        aoe_addr addr;
        uint8_t state; /* enum device_state */
        uint8_t flush_class;
        uint8_t flush_form;
        bool identified;
        bool gone; /* forgotten; freed when EVENT_GONE is popped, unless it comes back */
        bool duplicate;
        uint8_t duplicate_mac[6];
        const char *reason; /* borrowed, static */
        unsigned changes;   /* enum event_change bits not popped yet */
        struct ata_identity identity;
        uint16_t buffers, firmware, config_bytes;
        uint8_t sectors_target;
        unsigned holders;
        struct list paths; /* struct path */
        unsigned path_count;
        struct list ready;   /* struct request with commands to cut */
        struct list hungry;  /* struct request: READ that memory was out for */
        struct list flushes; /* struct request: FLUSH that waits for writes, by ticket */
        struct list open;    /* struct request, by arrival and so by deadline */
        unsigned open_count;
        struct list resend;   /* struct slot QUEUED, of requests */
        struct list pinned;   /* struct slot QUEUED: IDENTIFY and probes, which wait for nothing */
        struct list sequence; /* struct order_node by ticket */
        struct range_set order;
        uint64_t ticket_next;
        unsigned copies;    /* struct copy of it, of any state */
        unsigned in_flight; /* slots in the in_flight lists of its paths */
        nsec heard_at;
        nsec silent_at; /* UP: when silence is acted upon; NSEC_NEVER: nothing was asked */
        unsigned asks;  /* queries since it was heard */
        nsec query_at;  /* next directed query; NSEC_NEVER */
        bool parked;    /* not UP for DEVICE_PARK_AFTER: its requests hold no slots */
        nsec state_since;
        bool refused;      /* a write was aborted: said once */
        bool trim_refused; /* TRIM is offered, but was aborted (aoe.md 1.7) */
        uint64_t requests_read, requests_write, requests_flush, requests_trim;
        uint64_t bytes_read, bytes_written, errors;
        uint8_t config[AOE_STRING_BYTES_MAX];
};

struct device *device_find(const struct engine *e, aoe_addr addr);
/* Finds or makes it. NULL when the table is full. */
struct device *device_take(struct engine *e, aoe_addr addr, nsec now);
/* No requests, slots or copies; its paths are freed with it. */
void device_free(struct engine *e, struct device *d);
void device_enter(struct engine *e, struct device *d, enum device_state next, const char *reason,
                  nsec now);
/* A forgotten device was heard of again, or is held, before anybody was told. */
void device_revive(struct engine *e, struct device *d, nsec now);
/* Tell the layers above. */
void device_notice(struct engine *e, struct device *d, unsigned changes);
/* Something may be sendable: put it on the run list. */
void device_run(struct engine *e, struct device *d);
/* Something of it was sent that wants an answer. */
void device_on_ask(struct engine *e, struct device *d, nsec now);
/* A good frame of it came in. */
void device_on_heard(struct engine *e, struct device *d, nsec now);
/* IDENTIFY data from one of its paths. */
void device_on_identity(struct engine *e, struct device *d, struct path *p,
                        const struct ata_identity *identity, nsec now);
/* Its paths must show the same disk again before they carry anything. */
void device_suspect_paths(struct engine *e, struct device *d, nsec now);
/* A path came up, died or was dropped. */
void device_on_paths(struct engine *e, struct device *d, nsec now);
void device_tick(struct engine *e, struct device *d, nsec now);
nsec device_deadline(const struct engine *e, const struct device *d);
void device_arm(struct engine *e, struct device *d);
/* Does somebody wait for it? */
bool device_is_wanted(const struct device *d);
void device_check(const struct engine *e, const struct device *d);
