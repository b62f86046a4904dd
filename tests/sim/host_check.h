/* SPDX-License-Identifier: MIT */
/* What must hold of each frame that the engine sends, and of its windows after each turn. */
#pragma once

#include "packet.h"

struct world;

void host_check_frame(struct world *w, const struct packet *p);
/* Before anything is sent in a turn, and after. */
void host_check_before_emit(struct world *w);
void host_check_after_emit(struct world *w);
/* A Query Config answer reached the engine: what a frame to that path may carry. */
void host_check_config(struct world *w, const struct packet *p);
