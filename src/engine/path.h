/* SPDX-License-Identifier: MIT */
/*
 * A path: device x MAC x link. Each has its own round-trip time, window, payload and health.
 *
 *   NEW --its IDENTIFY matches--> UP --three RTOs without an answer, others up--> DEAD
 *    ^  \--does not match--> DUPLICATE                                            |
 *    +---- beacon, silence of the device, link came back, IDENTIFY answered -------+
 *
 * Only an UP path carries commands of requests. After its first expiry it is suspect: while others
 * are not, it carries nothing but the IDENTIFY that asks how it is; the first answer of any kind
 * clears it.
 */
#pragma once

#include "base/heap.h"
#include "engine/cc.h"
#include "engine/engine.h"
#include "engine/loss.h"
#include "engine/payload.h"
#include "engine/rtt.h"
#include "engine/station.h"
#include "engine/timer.h"

struct engine;
struct slot;

#define PATH_EXPIRIES_MAX 3 /* expiries in a row: large frames are in doubt */
#define PATH_SILENCES_MAX                                                                          \
        2 /* expiries, or unanswered IDENTIFYs, until others take over for good                    \
           */
#define PATH_ASK_EVERY      (250 * NSEC_MS) /* IDENTIFY of a path that is not up, while wanted */
#define PATH_ASK_IDLE_EVERY NSEC_SEC        /* ... while nobody waits */
#define PATH_ASK_WAIT_MIN   (20 * NSEC_MS)  /* for the answer to IDENTIFY or a probe */
#define PATH_ASK_SHIFT_MAX  4
#define PATH_ASK_WAIT_MAX   (250 * NSEC_MS)
#define PATH_BEACON_EVERY   NSEC_SEC        /* a flood of beacons must not stop the I/O */
#define PATH_COMPARE_EVERY  (10 * NSEC_SEC) /* is it still the same disk, of the same size? */
#define PATH_STRANGER_EVERY (60 * NSEC_SEC) /* ... or, of a duplicate, still another one? */

/* Paths that are so much worse than the best one only hold up what is sent over them. */
#define PATH_SMALL_FACTOR 4 /* payload */
#define PATH_SLOW_FACTOR  4 /* RTT, beyond PATH_SLOW_MIN */
#define PATH_SLOW_MIN     NSEC_MS
#define PATH_SLOW_EVERY   NSEC_SEC /* is it still as slow? */

struct path {
        struct list node; /* device.paths */
        struct timer timer;
        struct device *device;   /* borrowed */
        struct station *station; /* borrowed from the engine; counted */
        unsigned link;
        uint8_t mac[6];
        uint8_t state;       /* enum path_state */
        bool verified;       /* was UP once with this device's identity */
        bool suspect;        /* UP, but the last thing that happened to it was an expiry */
        uint8_t asks_lost;   /* IDENTIFYs that were lost in a row */
        struct slot *asking; /* borrowed: IDENTIFY or probe that is queued or out; outside window
                                and in_flight */
        nsec ask_at;         /* next IDENTIFY; NSEC_NEVER */
        nsec compared_at;    /* last good answer to one */
        nsec beacon_at;      /* last one that made us verify; NSEC_NEVER */
        struct rtt rtt;
        struct cc cc;
        struct loss loss;
        struct payload payload;
        struct list slow;         /* struct slot: FLUSH, TRIM: they take as long as it takes */
        unsigned in_flight_count; /* of loss.in_flight and slow */
        struct list unproven;     /* struct copy by serial */
        struct list proven;       /* struct copy by due */
        uint64_t sent, resent, received, late, lost, probed;
        uint8_t header[AOE_HEADER_BYTES];
};

/* NULL when the tables are full. The path is NEW and will be asked at once. */
struct path *path_take(struct engine *e, struct device *d, unsigned link, const uint8_t mac[6],
                       nsec now);
/* The path has no slots and no copies. */
void path_free(struct engine *e, struct path *p);
void path_enter(struct engine *e, struct path *p, enum path_state next, nsec now);
/* Query Config told buffers and sectors: recompute window cap and payload. */
void path_on_config(struct engine *e, struct path *p, uint16_t buffers, uint8_t sectors, nsec now);
/* The link's MTU or MAC changed, or it went up or down. */
void path_on_link(struct engine *e, struct path *p, nsec now);
/* Does an answer of this cost fit the receive buffer of the path's link, with all that are due? */
bool path_link_has_room(const struct engine *e, const struct path *p, uint32_t cost);
/* The path of a device over link from mac; NULL. */
struct path *path_find(const struct device *d, unsigned link, const uint8_t mac[6]);
/*
 * The path that the next frame of d takes, by free window, among those that are worth it; NULL
 * when none has room now. *ret_line: it has a window open, but must wait there; else NULL.
 */
struct path *path_pick(struct engine *e, struct device *d, struct line **ret_line, nsec now);
/* An answer came over it. */
void path_on_heard(struct engine *e, struct path *p, nsec now);
/* The oldest frame in flight has had its time. */
void path_on_expiry(struct engine *e, struct path *p, nsec now);
/* IDENTIFY, or a probe of this path, ended. */
void path_on_asked(struct engine *e, struct path *p, struct slot *s, enum payload_answer answer,
                   nsec now);
/* Ask for its identity at that time, or earlier if that is so already. */
void path_ask(struct engine *e, struct path *p, nsec at);
/* What was asked of it, if anything, is not waited for. */
void path_drop_asking(struct engine *e, struct path *p);
/* ... if it is a probe of the payload. */
void path_drop_trial(struct engine *e, struct path *p);
void path_tick(struct engine *e, struct path *p, nsec now);
/* When path_tick has work next. */
nsec path_deadline(const struct engine *e, const struct path *p);
/* Recomputes the deadline after something changed. */
void path_arm(struct engine *e, struct path *p);
void path_check(const struct engine *e, const struct path *p);
