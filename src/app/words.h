/* SPDX-License-Identifier: MIT */
/* The engine's events in words for an operator: one line a transition, without the device's name.
 */
#pragma once

#include <stddef.h>

#include "engine/engine.h"

struct words_source {
        const struct engine *engine;
        const char *(*link_name)(void *arg, unsigned link);
        void *arg;
};

/* One change bit of an event. Returns the level (enum logging_level) of the line in buf, or -1 when
 * there is nothing to say. */
int words_of_change(const struct words_source *w, const struct event *ev, enum event_change change,
                    char *buf, size_t bytes);
/* "512 MiB": whole units, rounded down to a tenth. */
void words_of_size(uint64_t size, char *buf, size_t bytes);
