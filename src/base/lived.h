/* SPDX-License-Identifier: MIT */
/*
 * The time that we lived through. CLOCK_MONOTONIC stands still while the machine is suspended, but
 * it goes on while a process is stopped, a virtual machine is paused, or memory is so short that
 * nobody runs. A turn that comes much later than it was planned for has slept such a gap, in which
 * nothing was sent, and nobody can be blamed for not having answered: the gap is taken out of our
 * time, so that no deadline fires for it. For copies on the wire this errs on the safe side: they
 * are waited for longer, never shorter.
 */
#pragma once

#include "base/nsec.h"

#define LIVED_LATE_MAX (250 * NSEC_MS) /* what a busy scheduler may do */

struct lived {
        nsec gap;     /* of all gaps: what the clock is ahead of our time */
        nsec planned; /* when the next turn comes at the latest, in our time; NSEC_NEVER */
};

/* The clock says so at the beginning of a turn: what is our time? Never goes back. */
static inline nsec lived_at(struct lived *l, nsec clock)
{
        nsec at = nsec_since(clock, l->gap);

        if (at <= nsec_add(l->planned, LIVED_LATE_MAX))
                return at;
        l->gap += at - l->planned;
        return l->planned;
}
