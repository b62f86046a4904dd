/* SPDX-License-Identifier: MIT */
/*
 * Copies: transmissions of writes. AoE has no order, so a delayed copy of an old write can land on
 * top of a newer one. A copy that was never answered keeps its range blocked for later writes
 * (order.h) until it is dead:
 *
 *   out ------ answered ---------------------------------------------> gone
 *    |
 *    +-- lost, cancelled, or another copy answered first: UNPROVEN
 *           |-- a later send on its path is answered: PROVEN, dead when the hold has passed
 *           |-- answered after all                                     (gone)
 *           +-- linger_max after it was sent                           (gone)
 *
 * The hold begins when the later send was answered; it is twice the longest overtaking that the
 * path has shown, LINGER_HOLD_MIN at least.
 */
#pragma once

#include "engine/engine.h"

struct engine;
struct path;
struct slot;

#define LINGER_HOLD_MIN      (10 * NSEC_MS)
#define LINGER_DOUBLINGS_MAX 6 /* linger_max grows with each arrival that came later than it */

enum copy_state { COPY_OUT, COPY_UNPROVEN, COPY_PROVEN };

struct copy {
        struct list node;        /* path.unproven by serial | path.proven by due | none while OUT */
        struct list by_slot;     /* slot.copies */
        struct list owner;       /* request.copies while the write is open, else none */
        struct order_node order; /* sectors; in the device's order once the write is finished */
        struct device *device;   /* borrowed */
        struct path *path;       /* borrowed */
        uint64_t serial;
        nsec sent_at;
        nsec overtaken_at; /* PROVEN: when the later send was answered */
        nsec due;          /* PROVEN: when it is dead */
        uint16_t seq;
        uint8_t state; /* enum copy_state */
        bool ordered;  /* order is in the device's set */
};

/* Is there room for one more copy? Without it no write may be sent. */
bool copy_has_room(const struct engine *e);
/* A write is transmitted: its copy, OUT. Seq, path, serial and piece are those of the slot. */
struct copy *copy_take(struct engine *e, struct slot *s);
/* The transmission is no longer waited for: from OUT to UNPROVEN, or PROVEN when it was overtaken
 * (NSEC_NEVER: not as far as its slot knows). */
void copy_abandon(struct engine *e, struct copy *c, nsec overtaken_at, nsec now);
/* Answered, or never left the machine: it can do no harm any more. */
void copy_free(struct engine *e, struct copy *c);
/* The copy that was sent under this slot's number and seq and is not dead; NULL. */
struct copy *copy_find(struct slot *s, uint16_t seq);
/* The answer to a late copy came. */
void copy_on_answer(struct engine *e, struct copy *c, nsec now);
/* A send of this serial was answered on p: earlier copies are proven. */
void linger_on_answer(struct engine *e, struct path *p, uint64_t serial, nsec now);
/* Frees what is dead by now. */
void linger_expire(struct engine *e, struct path *p, nsec now);
/* When linger_expire has work next. */
nsec linger_deadline(const struct engine *e, const struct path *p);
/* The write has ended: its copies take its place in the device's order. */
void linger_inherit(struct engine *e, struct request *rq);
