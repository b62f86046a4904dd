/* SPDX-License-Identifier: MIT */
/*
 * Requests that a target refused or failed, in words for an operator: where, and what the target
 * said. A broken disk fails thousands of requests a second, so of each device one line in
 * COMPLAINTS_SPAN is told, with the number of those left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/request.h"

#define COMPLAINTS_DEVICES 64 /* remembered at once; two of one place share the limit */
#define COMPLAINTS_SPAN    (10 * NSEC_SEC)

struct complaint {
        nsec at; /* last line; 0: none yet */
        uint64_t left_out;
};

struct complaints {
        struct complaint devices[COMPLAINTS_DEVICES];
};

/* rq has finished. true: the line in buf is to be logged. */
bool complaints_on_done(struct complaints *c, const struct request *rq, nsec now, char *buf,
                        size_t bytes);
