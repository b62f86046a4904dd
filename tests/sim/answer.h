/* SPDX-License-Identifier: MIT */
/* What a target says, and what a command does to its disk. */
#pragma once

#include "target.h"

struct world;

/* Executes the ATA command in request and builds its answer. NULL: the target is silent. */
struct packet *answer_ata(struct world *w, struct target *t, struct target_device *d, unsigned port,
                          const struct packet *request);
/* Answer to a Query Config, or with request NULL a beacon of version 0. */
struct packet *answer_config(struct world *w, struct target *t, struct target_device *d,
                             unsigned port, const struct packet *request);
