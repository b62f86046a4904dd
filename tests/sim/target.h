/* SPDX-License-Identifier: MIT */
/*
 * Model AoE targets. A box has one or two ports (link and MAC) and some devices; each device has a
 * queue a port, as long as its buffer count, and drops without a word what does not fit. A box
 * serves one command at a time in order, or all at once with answers as they come (is_parallel).
 *
 *   frame --> port --> queue of the device --service time--> executed, answered
 *
 * A restart forgets the queue and tells it by a beacon; a dead box hears nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/prng.h"
#include "disk.h"
#include "packet.h"
#include "plan.h"
#include "wire/aoe.h"

#define TARGET_SERVICE_MIN  (30 * NSEC_US) /* longer than a twin of a frame is behind it */
#define TARGET_ANSWERED_MAX 2048           /* answers within WIRE_SIM_OVERTAKEN_MAX */
#define TARGET_DISKS        2              /* that may be at a device's address */

struct world;

struct target_answered {
        uint64_t serial;
        nsec at;
};

struct target_port {
        unsigned link;
        uint32_t mtu;
        uint8_t mac[6];
};

struct target_queue {
        struct list jobs; /* struct packet: owned */
        unsigned count;
        struct target_answered answered[TARGET_ANSWERED_MAX]; /* a ring: when, and to which send */
        uint64_t answered_first, answered_end;
        uint64_t overtaken; /* sends before this one must not be executed any more */
        uint8_t offered;    /* sectors, last told to the host; 0: never */
        uint8_t offered_before;
        nsec offered_at;
};

struct target_device {
        aoe_addr addr;
        unsigned idx;                    /* of the device in plan and oracle */
        struct disk disks[TARGET_DISKS]; /* owned */
        unsigned present;                /* the disk that answers */
        uint64_t sectors_least;          /* of any size that it had */
        uint64_t sectors_most;
        unsigned right;   /* the disk that the engine was told, or left free, to take */
        bool may_change;  /* the engine may take whatever disk it finds */
        bool is_reserved; /* by another host */
        uint16_t buffers;
        enum plan_flush flush;
        enum plan_trim trim;
        uint64_t flush_step; /* oracle step of the last FLUSH that did its work */
        uint64_t flush_tries;
        uint64_t overruns;
        struct target_queue queues[PLAN_PORTS_MAX];
        uint64_t errors_sent, reserved_sent, swaps, shrinks;
};

struct target {
        const struct plan_target *plan; /* borrowed */
        bool is_dead;
        uint32_t generation; /* of restarts: older jobs are void */
        struct target_port ports[PLAN_PORTS_MAX];
        unsigned port_count;
        struct target_device devices[PLAN_DEVICES_MAX];
        unsigned device_count;
        nsec busy_until;
};

struct targets {
        struct target boxes[PLAN_TARGETS_MAX];
        unsigned count;
        struct prng dice;
        nsec answered_at[PLAN_DEVICES_MAX]; /* by device: last one that the engine took */
};

void targets_init(struct world *w);
void targets_fini(struct targets *ts);
/* A frame reached the targets' side of its link; it is owned by the targets from here on. */
void target_receive(struct world *w, struct packet *p);
/* The box stops; its queues are lost. */
void target_die(struct world *w, struct target *t);
/* It is back, with a beacon on every port. */
void target_return(struct world *w, struct target *t);
void target_beacon(struct world *w, struct target *t, struct target_device *d, unsigned port);
/* The device of plan and oracle index idx. */
struct target_device *target_device_at(struct world *w, unsigned idx);
struct target *target_of_device(struct world *w, unsigned idx);
/* NULL: nobody has that address. */
struct target_device *target_find(struct world *w, aoe_addr addr);
/*
 * Which disk does the engine take for the right one? It may only change its mind when the user
 * agreed (revalidate) or when it had dropped the device. Returns the oracle's number of that disk.
 */
unsigned target_right(struct world *w, struct target_device *d);
/* The oracle's number of a disk of d. */
unsigned target_oracle(const struct target_device *d, unsigned disk);
/* Its size, and that of whatever disk takes its place, is another one from now on. */
void target_resize(struct world *w, struct target_device *d, uint64_t sectors);
/* The most sectors that a frame of port p may carry, as the box offers it. */
uint8_t target_offer(const struct target *t, unsigned port);
