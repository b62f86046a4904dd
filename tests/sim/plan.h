/* SPDX-License-Identifier: MIT */
/*
 * What a seed decides before its world begins: which faults there are and how strong, the shape of
 * the network, the options of the engine. Swarm testing: each seed turns a random subset of the
 * faults off, since faults that always come together hide each other's bugs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/nsec.h"
#include "fault.h"

#define PLAN_LINKS_MAX   2
#define PLAN_TARGETS_MAX 3
#define PLAN_DEVICES_MAX 4 /* in all */
#define PLAN_PORTS_MAX   2 /* of a target, on different links */

enum plan_flush {
        PLAN_FLUSH_GOOD,
        PLAN_FLUSH_ZERO,
        PLAN_FLUSH_ECHO,
        PLAN_FLUSH_ABORT,
        PLAN_FLUSH_SILENT
};

enum plan_trim {
        PLAN_TRIM_NONE,
        PLAN_TRIM_ZEROES, /* what was trimmed reads as zeroes */
        PLAN_TRIM_ABORT,  /* promised, and aborted (aoe.md 1.7) */
};

struct plan_port {
        unsigned link;
        uint32_t mtu;
};

struct plan_target {
        struct plan_port ports[PLAN_PORTS_MAX];
        unsigned port_count;
        bool is_parallel;
        bool refuses_zero_count; /* FLUSH with count 0 is a bad argument (9front) */
        bool is_padding;         /* answers have 60 bytes at least */
        bool has_echo;           /* LBA, flags and count of an answer */
        bool lies;               /* offers more sectors than it takes */
        bool lies_silently;      /* ... and drops what is too large */
        nsec service;            /* typical */
};

struct plan_device {
        unsigned target;
        uint32_t addr;
        uint16_t buffers;
        enum plan_flush flush;
        enum plan_trim trim;
        uint64_t sectors, base, count;
        bool lba48;
};

struct plan {
        uint64_t seed;
        uint64_t faults; /* bits of enum fault */
        bool is_wild;    /* beyond the wire's contract: only crash, hang and leak count */

        unsigned link_count, target_count, device_count;
        uint32_t link_mtu[PLAN_LINKS_MAX];
        nsec link_delay[PLAN_LINKS_MAX];
        struct plan_target targets[PLAN_TARGETS_MAX];
        struct plan_device devices[PLAN_DEVICES_MAX];

        unsigned loss_ppm, burst_ppm, duplicate_ppm, reorder_ppm, junk_ppm, error_ppm, slow_ppm;
        unsigned episode_every_ms;

        unsigned requests, depth;
        uint64_t hot_sectors; /* where most requests go */
        unsigned unaligned_percent;
        uint32_t bytes_max;
        bool is_held;

        unsigned slots, window_max, station_max, copies_max;
        uint32_t payload_max;
        bool loss_waits;
        nsec timeout;
        nsec linger_max;
        unsigned frame_count, frames_for_reads, arena_blocks;
        uint32_t receive_bytes; /* of a socket; 0: unknown and without end */
        uint8_t cookie;
        bool checks_each_turn; /* engine_check: slow */
};

static inline bool plan_has(const struct plan *p, enum fault f)
{
        return p->faults >> f & 1;
}

/* The plan of a seed; with no faults at all when is_calm. */
void plan_make(struct plan *p, uint64_t seed);
/* A small quiet network for a scripted story: one link, one target, one device, no faults. */
void plan_make_quiet(struct plan *p);
/* Can nothing in it make a frame or an answer disappear? */
bool plan_is_orderly(const struct plan *p);
