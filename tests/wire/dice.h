/* SPDX-License-Identifier: MIT */
/* splitmix64 (Steele, Lea, Flood): seeded dice of the wire and of the load. */
#pragma once

#include <stdint.h>

/* 0 .. below - 1; below > 0. */
static inline uint64_t dice_roll(uint64_t *dice, uint64_t below)
{
        uint64_t z = *dice += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return (z ^ z >> 31) % below;
}
