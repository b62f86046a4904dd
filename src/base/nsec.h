/* SPDX-License-Identifier: MIT */
/*
 * Time is an argument: nanoseconds of one monotonic clock, read once per turn by whoever drives
 * the engine. Deadlines saturate: NSEC_NEVER plus anything is NSEC_NEVER.
 */
#pragma once

#include <stdint.h>

typedef uint64_t nsec;

#define NSEC_NEVER UINT64_MAX
#define NSEC_US    ((nsec)1000)
#define NSEC_MS    ((nsec)1000000)
#define NSEC_SEC   ((nsec)1000000000)

static inline nsec nsec_add(nsec at, nsec span)
{
        return at > NSEC_NEVER - span ? NSEC_NEVER : at + span;
}

/* How long ago was `then`? 0 when it lies ahead. */
static inline nsec nsec_since(nsec now, nsec then)
{
        return now > then ? now - then : 0;
}

static inline nsec nsec_min(nsec a, nsec b)
{
        return a < b ? a : b;
}

static inline nsec nsec_max(nsec a, nsec b)
{
        return a > b ? a : b;
}
