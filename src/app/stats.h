/* SPDX-License-Identifier: MIT */
/* A shard's counters in Prometheus text format: what .aoefs/stats shows. */
#pragma once

#include <stddef.h>

#include "engine/engine.h"
#include "io/link.h"

struct stats_link {
        const char *name;                     /* borrowed */
        const struct link_counters *counters; /* borrowed */
};

struct stats_source {
        const struct engine *engine;               /* borrowed */
        struct stats_link links[ENGINE_LINKS_MAX]; /* by the engine's number; name NULL: none */
        uint64_t log_lost;
};

/* Like snprintf: writes what fits, returns what it needs. */
size_t stats_text(const struct stats_source *s, char *buf, size_t bytes);
