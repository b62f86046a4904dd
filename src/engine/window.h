/* SPDX-License-Identifier: MIT */
/*
 * Slots: one command of one frame each, its tag, and what is known of its transmissions.
 *
 *   FREE --take--> QUEUED --sent--> SENT --answered--> FREE
 *                    ^               |
 *                    +-----lost------+
 *
 * tag = 1 | cookie:7 | seq:12 | slot:12. Every transmission takes the slot's next seq, so that an
 * answer names the transmission it belongs to; free slots are reused oldest first, so that no tag
 * comes back within seconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/loss.h"

struct engine;
struct path;
struct copy;

#define SLOT_SEQ_MASK 0xfff
#define SLOT_IDX_BITS 12
#define SLOT_IDX_MASK 0xfff
/* Kept for IDENTIFY and probes: requests that hold all the others may wait for just these. */
#define SLOTS_PINNED_MIN 4
#define SLOT_DISCOVERY   0xfff /* slot number in the tags of Query Config */

enum slot_state { SLOT_FREE, SLOT_QUEUED, SLOT_SENT };

enum slot_kind {
        SLOT_READ,
        SLOT_EDGE, /* READ of a partial sector for a read-modify-write */
        SLOT_WRITE,
        SLOT_TRIM,
        SLOT_FLUSH,
        SLOT_IDENTIFY,   /* for one path: is it the same disk? */
        SLOT_PROBE_OUT,  /* for one path: IDENTIFY padded to the payload on trial */
        SLOT_PROBE_BACK, /* for one path: READ of the payload on trial */
};

struct slot {
        struct list node;   /* FREE: engine.slots_free; QUEUED: device.resend or pinned; SENT:
                               loss.in_flight or path.slow, or none: path.asking */
        struct list member; /* request.slots */
        struct list copies; /* struct copy sent under this slot's number, of any command */
        uint16_t idx;
        uint16_t seq;            /* of the last transmission */
        uint16_t attempts;       /* of the present piece: seq - attempts + 1 was the first */
        uint16_t seq_ended;      /* FREE: the transmission that ended the command by its answer */
        uint8_t state;           /* enum slot_state */
        uint8_t kind;            /* enum slot_kind */
        uint8_t again;           /* enum again: why the last transmission is not the first */
        bool small;              /* refused once: tried again with the smallest payload */
        uint8_t flush_form;      /* FLUSH: enum flush_form of the last transmission */
        struct request *request; /* borrowed; NULL for IDENTIFY, probes and orphans */
        struct device *device;   /* borrowed */
        struct path *path;       /* borrowed: of the last transmission; probes: the one to ask */
        struct copy *copy;       /* owned: a write, SENT: the transmission that is out */
        struct sending last;     /* the last two transmissions of the present piece */
        struct sending before;
        nsec first_at; /* of the first transmission of the command */
        uint64_t lba;
        uint32_t sectors;       /* what the command still has to do, from lba on */
        uint32_t sectors_sent;  /* what the last transmission carries of it */
        uint32_t cost;          /* what its answer will take of the link's receive buffer */
        const uint8_t *payload; /* writes: borrowed from the request, or zeroes */
        uint8_t header[ENGINE_HEADER_ROOM];
};

/* Zeroes for any frame. */
const uint8_t *slot_zeroes(void);
/* NULL when no slot is free. The slot is QUEUED, linked nowhere. */
struct slot *slot_take(struct engine *e, enum slot_kind kind, struct device *d);
/* Takes the slot out of whatever it is in and frees it. An unanswered WRITE must have given its
 * copy away before. */
void slot_free(struct engine *e, struct slot *s);
/* Transmits on p: next seq, header, in_flight. The caller has checked window and budget. */
void slot_send(struct engine *e, struct slot *s, struct path *p, struct tx *tx, nsec now);
/* The frame never left: undoes slot_send and queues the slot at the head of its device's resends.
 */
void slot_unsend(struct engine *e, struct slot *s);
/* The request of a SENT slot has ended: the frame still fills a place in the target's queue, and so
 * the slot its place in the window, until the answer comes or the frame is lost. */
void slot_orphan(struct slot *s);
/* The last transmission is lost, or of no use any more: off the path, and to the device's resends.
 * A tail probe goes to their head, and back to its path. */
void slot_requeue(struct engine *e, struct slot *s, enum again again, nsec now);
/* The same without queueing: off the path, copy given to linger. For slots about to be freed. */
void slot_detach(struct engine *e, struct slot *s, nsec now);
/* The piece on the wire is done: go on with the rest of the command, as a new piece. */
void slot_advance(struct slot *s);
/* Its transmissions leave copies that may land late. */
bool slot_is_write(const struct slot *s);
/* Takes as long as it takes, and says nothing of the wire. */
bool slot_is_slow(const struct slot *s);
/* IDENTIFY or a probe: belongs to one path, waits for no window. */
bool slot_is_pinned(const struct slot *s);
/* What the answer to a READ of that size takes of the link's receive buffer. */
uint32_t slot_read_cost(uint32_t sectors);
/* Does seq name one of the transmissions of the present piece? */
bool slot_has_seq(const struct slot *s, uint16_t seq);
