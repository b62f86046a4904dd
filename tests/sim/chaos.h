/* SPDX-License-Identifier: MIT */
/*
 * Episodes: faults that begin, last for a while and end. One may begin while others last. All are
 * over when the world is healed; what would have ended them later then finds nothing to do.
 */
#pragma once

#include "base/nsec.h"
#include "base/prng.h"

struct world;

struct chaos {
        struct prng dice;
};

void chaos_start(struct world *w);
/* Ends every episode at once. */
void chaos_heal(struct world *w);

/* Single episodes, for scenarios too. The disk of a device is exchanged while its box is dead. */
void chaos_restart(struct world *w, unsigned device, nsec dead);
void chaos_swap(struct world *w, unsigned device, nsec dead);
/* The user takes the other disk for the right one. Nothing of the device may be open. */
void chaos_revalidate(struct world *w, unsigned device);
