/* SPDX-License-Identifier: MIT */
/*
 * A path: device x MAC x link. Each has its own round-trip time, window, payload and health.
 *
 *   NEW --its IDENTIFY matches--> UP --PATH_EXPIRIES_MAX in a row, others up--> DEAD
 *    ^  \--does not match--> DUPLICATE                                            |
 *    +---- beacon, silence of the device, link came back, IDENTIFY answered -------+
 *
 * Only an UP path carries commands of requests. After UP the offered payload is verified: an
 * IDENTIFY padded to it goes out, a READ of it comes back; until then frames carry
 * PATH_SECTORS_SAFE sectors.
 */
#pragma once

#include "base/heap.h"
#include "engine/cc.h"
#include "engine/engine.h"
#include "engine/rtt.h"
#include "engine/timer.h"

struct engine;
struct slot;

#define PATH_SECTORS_SAFE   2 /* what fits the smallest Ethernet MTU */
#define PATH_EXPIRIES_MAX   3 /* RTOs in a row until another path takes over */
#define PATH_REORDER_MIN    3 /* later answers until a gap is a loss */
#define PATH_REORDER_MAX    64
#define PATH_ASK_EVERY      (250 * NSEC_MS) /* IDENTIFY of a path that is not up, while wanted */
#define PATH_ASK_IDLE_EVERY NSEC_SEC        /* ... while nobody waits */
#define PATH_TRIALS_MAX     3               /* probes of one payload until it counts as too large */
#define PATH_PROBE_AGAIN    (60 * NSEC_SEC) /* try a larger payload again */
#define PATH_ASK_WAIT_MIN   (20 * NSEC_MS)  /* for the answer to IDENTIFY or a probe */
#define PATH_ASK_SHIFT_MAX  4
#define PATH_ASK_WAIT_MAX   (250 * NSEC_MS)
#define PATH_BEACON_EVERY   NSEC_SEC /* a flood of beacons must not stop the I/O */

enum path_probe {
        PROBE_NONE, /* payload is as offered, or not to be tried yet */
        PROBE_OUT,
        PROBE_BACK,
};

struct path {
        struct list node; /* device.paths */
        struct timer timer;
        struct device *device; /* borrowed */
        unsigned link;
        uint8_t mac[6];
        uint8_t state;       /* enum path_state */
        uint8_t probe;       /* enum path_probe */
        uint8_t trials;      /* of the present probe, or IDENTIFY, that were lost in a row */
        bool verified;       /* was UP once with this device's identity */
        struct slot *asking; /* borrowed: IDENTIFY or probe that is queued or out; outside window
                                and in_flight */
        nsec ask_at;         /* next IDENTIFY or probe; NSEC_NEVER */
        struct rtt rtt;
        struct cc cc;
        uint32_t sectors;       /* payload in use */
        uint32_t sectors_offer; /* by MTU, sector count and options */
        uint32_t sectors_trial;
        uint8_t sectors_target; /* as the target said */
        nsec beacon_at;         /* last one that made us verify; NSEC_NEVER */
        uint64_t serial_next;
        uint64_t serial_answered; /* one past the highest serial that was answered */
        uint64_t serial_limited;  /* one past the last one that was out while the window was full */
        unsigned reorder;         /* later answers until a gap is a loss */
        nsec reorder_span_max;    /* largest reordering seen */
        struct list in_flight;    /* struct slot in order of sending */
        struct list slow;         /* struct slot: FLUSH, which takes as long as it takes */
        unsigned in_flight_count; /* both */
        struct list unproven;     /* struct copy by serial */
        struct list proven;       /* struct copy by due */
        uint64_t sent, resent, received, late, lost;
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
/* The transmission `serial` was answered, and is off the path: RTT when sent_at is known (else
 * NSEC_NEVER), window, losses before it. */
void path_on_answer(struct engine *e, struct path *p, uint64_t serial, nsec sent_at, nsec now);
/* The answer to a transmission that was called lost and sent again: undo what the loss cost. */
void path_on_spurious(struct engine *e, struct path *p, nsec sent_at, nsec now);
/* Fewer sectors a frame from now on: the present payload does not get through. */
void path_shrink(struct engine *e, struct path *p, uint32_t sectors, nsec now);
/* IDENTIFY, or a probe of this path, ended. status: answered well, refused, or lost. */
enum path_answer { PATH_ANSWER_GOOD, PATH_ANSWER_REFUSED, PATH_ANSWER_LOST };
void path_on_probe(struct engine *e, struct path *p, struct slot *s, enum path_answer answer,
                   nsec now);
/* Ask for its identity as soon as possible. */
void path_ask(struct engine *e, struct path *p, nsec at);
void path_tick(struct engine *e, struct path *p, nsec now);
/* When path_tick has work next. */
nsec path_deadline(const struct engine *e, const struct path *p);
/* Recomputes the deadline after something changed. */
void path_arm(struct engine *e, struct path *p);
void path_check(const struct engine *e, const struct path *p);
