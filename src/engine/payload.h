/* SPDX-License-Identifier: MIT */
/*
 * How much data a frame of a path carries. What MTU, target and user allow is only an offer: some
 * switch on the way may have a smaller MTU, and some targets offer more than they can take. So a
 * path begins with what every Ethernet passes, and the offer is tried in both directions:
 *
 *   NONE --offer is larger--> OUT: IDENTIFY padded to it --answered--> BACK: a READ of it --> NONE
 *                              ^ |                                       |
 *                              +-+-- not answered, refused: half of it --+
 *
 * Later it may still turn out too large: frames of some size vanish while smaller ones are
 * answered. Then the path goes back to the beginning, and what is in flight is cut anew.
 */
#pragma once

#include "engine/engine.h"
#include "engine/window.h"

struct engine;
struct path;

#define PAYLOAD_SECTORS_SAFE  2               /* what fits the smallest Ethernet MTU */
#define PAYLOAD_SECTORS_MAX   255             /* the count is a byte */
#define PAYLOAD_TRIALS_MAX    3               /* of one payload, until it counts as too large */
#define PAYLOAD_AGAIN         (60 * NSEC_SEC) /* then a larger one is tried again */
#define PAYLOAD_HOLE_LOST_MAX 6 /* frames of a size lost, none answered: they fall into a hole */

enum payload_trial {
        PAYLOAD_TRIAL_NONE,
        PAYLOAD_TRIAL_OUT,
        PAYLOAD_TRIAL_BACK,
};

/* Large frames of one direction that vanished lately. */
struct payload_hole {
        uint32_t sectors; /* the smallest of them */
        unsigned lost;    /* how many since one so large was answered */
        nsec since;       /* when the first of them was sent */
};

struct payload {
        uint32_t sectors;             /* in use */
        uint32_t offer;               /* by MTU, sector count and options */
        uint32_t trial_sectors;       /* on trial */
        uint8_t sectors_target;       /* as the target said */
        uint8_t trial;                /* enum payload_trial */
        uint8_t trials;               /* of the present one that were lost in a row */
        nsec again_at;                /* the next probe; NSEC_NEVER */
        struct payload_hole holes[2]; /* of WRITEs, of READs */
};

/* IDENTIFY, or a probe, ended so. */
enum payload_answer { PAYLOAD_ANSWER_GOOD, PAYLOAD_ANSWER_REFUSED, PAYLOAD_ANSWER_LOST };

void payload_init(struct payload *pl);
/* MTU, sector count or options may have changed. */
void payload_on_offer(struct engine *e, struct path *p, nsec now);
/* The path carries commands from now on; was it ever UP before? */
void payload_on_up(struct engine *e, struct path *p, bool verified, nsec now);
/* ... and no more. */
void payload_on_down(struct path *p);
/* Fewer sectors a frame from now on: the present payload does not get through. */
void payload_shrink(struct engine *e, struct path *p, uint32_t sectors, nsec now);
/* Large frames may fall into a hole that small ones pass: small ones until it is verified again. */
void payload_doubt(struct engine *e, struct path *p, nsec now);
/* A command of this kind and size, sent at sent_at, was lost; was answered well. */
void payload_on_loss(struct engine *e, struct path *p, enum slot_kind kind, uint32_t sectors,
                     nsec sent_at, nsec now);
void payload_on_answer(struct path *p, enum slot_kind kind, uint32_t sectors);
/* A probe is to be sent: which? */
enum payload_trial payload_next(struct engine *e, struct path *p, nsec now);
/* It ended. */
void payload_on_trial(struct engine *e, struct path *p, enum payload_answer answer, nsec now);
