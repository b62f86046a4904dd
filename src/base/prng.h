/* SPDX-License-Identifier: MIT */
/* splitmix64: seeded dice, the same on every machine. Not for secrets. */
#pragma once

#include <stdint.h>

struct prng {
        uint64_t state;
};

static inline uint64_t prng_next(struct prng *p)
{
        uint64_t z = (p->state += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* 0 .. below - 1; below > 0. The bias is far under what a test or a jitter can see. */
static inline uint64_t prng_below(struct prng *p, uint64_t below)
{
        return prng_next(p) % below;
}
