/* SPDX-License-Identifier: MIT */
/*
 * Frames that must not count: made from a true answer with one field wrong and garbage for data,
 * so that an engine that does not look shows wrong bytes at once.
 */
#pragma once

#include "packet.h"

struct world;

/* p is about to reach the host: junk goes in front of it, or p itself is spoilt. */
void junk_beside(struct world *w, struct packet *p);
/* p leaves the host: it may come back as it is. */
void junk_reflect(struct world *w, const struct packet *p);
