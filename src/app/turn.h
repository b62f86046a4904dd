/* SPDX-License-Identifier: MIT */
/* One turn of a shard: everything that it does, in a fixed order, each part bounded. */
#pragma once

#include "app/shard.h"

/* Does what is to be done at now, without sleeping. */
void turn_run(struct shard *s, nsec now);
/* Until when the shard may sleep after it: now itself when work is left. */
nsec turn_deadline(const struct shard *s, nsec now);
