/* SPDX-License-Identifier: MIT */
/* What scenarios have in common: a quiet world in which exactly one thing goes wrong. */
#pragma once

#include "world.h"

struct story_answer {
        enum request_status status; /* REQUEST_PENDING: open */
        nsec submitted_at;
};

/* A world of this plan whose devices are all up. */
void story_begin(struct world *w, const struct plan *plan, const char *name, bool is_loud);
/* Everything is healed, read back and compared; the engine comes to rest. */
void story_end(struct world *w);
/* Submits a request to device 0; a is the story's. */
void story_submit(struct world *w, struct story_answer *a, enum request_op op, uint64_t offset,
                  uint32_t bytes);
void story_submit_to(struct world *w, struct story_answer *a, unsigned device, enum request_op op,
                     uint64_t offset, uint32_t bytes);
/* It must end within limit, with this status. Returns how long it took. */
nsec story_expect(struct world *w, struct story_answer *a, enum request_status status, nsec limit);
/* It must still be open. */
void story_expect_open(struct world *w, const struct story_answer *a);
void story_expect_true(struct world *w, bool is_true, const char *what);
uint64_t story_dropped(struct world *w, enum drop reason);
/* Device 0 as the engine sees it. */
struct device_info story_device(struct world *w);
/* Until the device is in this state, within limit. */
void story_wait_state(struct world *w, enum device_state state, nsec limit);
