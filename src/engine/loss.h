/* SPDX-License-Identifier: MIT */
/*
 * What is out on a path, and when it counts as lost. A path keeps its frames in order of sending:
 *
 *   gap     `reorder` later sends were answered. `reorder` grows when such a frame is answered
 *           after all.
 *   time    a later send was answered, and a frame that was merely overtaken would have been, too,
 *           by now: an RTT and a quarter, and the longest overtaking that the path has shown
 *   tail    nothing later was answered, for there may be nothing later: after two RTTs without an
 *           answer the youngest frame is sent once more. That is no loss yet; its answer turns
 *           what was lost before it into gaps.
 *   expiry  the RTO: everything else has failed
 *
 * A loss costs window once a loss event. The answer to a transmission that was called lost proves
 * the resend spurious: the cut is undone, and the rule that was too quick slows down.
 */
#pragma once

#include "base/list.h"
#include "base/nsec.h"

struct engine;
struct path;
struct slot;

#define LOSS_REORDER_MIN 3 /* later answers until a gap is a loss */
#define LOSS_REORDER_MAX 64
#define LOSS_PROBE_MIN   (500 * NSEC_US) /* a target that is merely busy must not be flooded */
#define LOSS_PROBES_MAX  2               /* tail probes in a row without an answer */
#define LOSS_GRAIN       (100 * NSEC_US) /* what a timer may be early by */

/* One transmission. */
struct sending {
        struct path *path; /* borrowed; NULL: there was none */
        uint64_t serial;   /* on that path */
        nsec at;
        nsec overtaken_at; /* when a later send on the path was answered; NSEC_NEVER: not yet */
};

/* Why a frame was sent again, which decides what a late answer to the one before teaches. */
enum again {
        AGAIN_NOT,     /* it was not */
        AGAIN_GAP,     /* called lost by gap or time */
        AGAIN_EXPIRED, /* called lost by the RTO */
        AGAIN_PROBE,   /* not lost: a tail probe */
        AGAIN_MOVED,   /* its path was left, or it goes on in smaller pieces */
};

struct loss {
        struct list in_flight; /* struct slot, in order of sending */
        uint64_t serial_next;
        uint64_t serial_answered; /* one past the highest serial that was answered */
        nsec sent_at;             /* last transmission of any of them, or probe asked for */
        nsec heard_at;            /* last answer; 0: none yet */
        nsec overtaking_max;      /* by how long an answer to a later send came first, at most */
        unsigned reorder;         /* later answers until a gap is a loss */
        unsigned probes; /* since the last answer; new frames leave their places in the window */
};

void loss_init(struct loss *l);
/* s leaves on its path: first in line to be overtaken. */
void loss_enter(struct slot *s);
/*
 * A transmission of s was answered: seq says which, from is the path that it came back on. s is
 * taken off its path; its copy, if it has one, was settled before.
 */
void loss_on_answer(struct engine *e, struct slot *s, uint16_t seq, struct path *from, nsec now);
/* So was one of a slot whose command had ended by the answer to another one. */
void loss_on_late(struct engine *e, const struct slot *s, uint16_t seq, struct path *from,
                  nsec now);
/* Finds what is lost by now. */
void loss_tick(struct engine *e, struct path *p, nsec now);
/* When loss_tick has work next. */
nsec loss_deadline(const struct path *p);
void loss_check(const struct path *p);
