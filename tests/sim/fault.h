/* SPDX-License-Identifier: MIT */
/*
 * The kinds of hostility that the simulated world has. Each is counted where it really happened,
 * never where it was merely enabled: a fault that is enabled and never strikes proves nothing.
 */
#pragma once

#include <stdint.h>

enum fault {
        /* the wire, a frame at a time */
        FAULT_LOSS_OUT,
        FAULT_LOSS_IN,
        FAULT_BURST,
        FAULT_DUPLICATE_OUT,
        FAULT_DUPLICATE_IN,
        FAULT_REORDER,
        FAULT_RATE, /* a slow lane with a short queue: tail drop */
        /* the wire, for a while */
        FAULT_SPIKE,
        FAULT_PARTITION,
        FAULT_FLAP,
        FAULT_MTU,
        FAULT_BLACK_HOLE, /* large frames vanish */
        /* targets */
        FAULT_OVERRUN,  /* more frames than buffers: dropped without a word */
        FAULT_SLOW,     /* a service time far out */
        FAULT_PARALLEL, /* answers out of order by nature */
        FAULT_RESTART,
        FAULT_DEATH,
        FAULT_SWAP,
        FAULT_RESIZE, /* grows, or shrinks, with or without a word */
        FAULT_ERROR_ATA,
        FAULT_ERROR_AOE,
        FAULT_RESERVED,
        FAULT_LYING, /* offers more sectors than it takes */
        FAULT_FEW_BUFFERS,
        FAULT_NO_ECHO, /* LBA and flags of the answer are zero, or the count is left as it was */
        FAULT_FLUSH_STATUS, /* status 0 (vblade) or the command echoed (ggaoed) */
        FAULT_FLUSH_ABORT,
        FAULT_FLUSH_SILENT,
        FAULT_TRIM_ABORT, /* offered, and aborted */
        /* what else is on the wire */
        FAULT_JUNK_ADDRESS, /* my tag, another shelf.slot */
        FAULT_JUNK_MAC,     /* my tag, another source */
        FAULT_JUNK_TAG,     /* not a tag of mine, or one that I did not send yet */
        FAULT_JUNK_COMMAND, /* my tag, another AoE command */
        FAULT_CORRUPT,      /* a wrong bit in a field that must fit */
        FAULT_REFLECT,
        FAULT_TRUNCATE,
        FAULT_PADDED,
        FAULT_BEACON,
        /* the host */
        FAULT_STALL,
        FAULT_BACK_PRESSURE,
        FAULT_CANCEL,
        FAULT_FORGET,
        FAULT_ALIEN,       /* another host writes after our flush */
        FAULT_SLOW_READER, /* finished reads are kept for a while */
};

#define FAULT_COUNT (FAULT_SLOW_READER + 1)

_Static_assert(FAULT_COUNT <= 64, "a plan keeps them in one word");

const char *fault_name(enum fault f);
