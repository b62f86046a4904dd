/* SPDX-License-Identifier: MIT */
/* Is the way in which a request ended explained by what happened in the world? */
#pragma once

struct world;
struct workload_item;

/* Fails the world when not. */
void judge_down(struct world *w, unsigned device); /* the engine calls the device down */
void judge_item(struct world *w, const struct workload_item *i);
