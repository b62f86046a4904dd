/* SPDX-License-Identifier: MIT */
/*
 * Is a SIGTERM or SIGINT the second one, which aborts? timeout(1) sends one to the process and at
 * once another to its group: what comes within SIGNALS_SAME of the first is the same wish.
 */
#pragma once

#include <stdbool.h>

#include "base/nsec.h"

#define SIGNALS_SAME (250 * NSEC_MS)

struct signals {
        bool seen;
        nsec first_at;
};

static inline bool signals_is_again(struct signals *s, nsec now)
{
        if (s->seen)
                return nsec_since(now, s->first_at) >= SIGNALS_SAME;
        s->seen = true;
        s->first_at = now;
        return false;
}
