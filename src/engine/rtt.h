/* SPDX-License-Identifier: MIT */
/*
 * Round-trip time of a path: SRTT and RTTVAR as in RFC 6298, in nanoseconds. The retransmission
 * time-out is SRTT + 4 RTTVAR, doubled with each expiry in a row. Answers name their transmission
 * (the tag's seq), so every sample is unambiguous.
 */
#pragma once

#include "base/nsec.h"

#define RTT_RTO_START   (100 * NSEC_MS) /* nothing measured yet: the first frame of a session */
#define RTT_RTO_MIN     (5 * NSEC_MS)   /* a user-space target loses the CPU for as long */
#define RTT_RTO_MAX     (10 * NSEC_SEC)
#define RTT_BACKOFF_MAX 11

struct rtt {
        nsec smoothed; /* 0: nothing measured */
        nsec variance;
        unsigned backoff; /* expiries since the last answer */
};

static inline void rtt_sample(struct rtt *r, nsec sample)
{
        if (sample == 0)
                sample = 1;
        r->backoff = 0;
        if (r->smoothed == 0) {
                r->smoothed = sample;
                r->variance = sample / 2;
                return;
        }
        nsec error = sample > r->smoothed ? sample - r->smoothed : r->smoothed - sample;

        r->variance = (3 * r->variance + error) / 4;
        r->smoothed = (7 * r->smoothed + sample) / 8;
}

static inline nsec rtt_rto(const struct rtt *r)
{
        nsec rto = r->smoothed ? r->smoothed + 4 * r->variance : RTT_RTO_START;

        rto = nsec_max(rto, RTT_RTO_MIN);
        return nsec_min(rto << r->backoff, RTT_RTO_MAX);
}

static inline void rtt_on_expiry(struct rtt *r)
{
        if (r->backoff < RTT_BACKOFF_MAX)
                r->backoff++;
}
