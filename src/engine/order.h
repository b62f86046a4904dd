/* SPDX-License-Identifier: MIT */
/*
 * The order of writes of a device. A write waits for every earlier write, and every live copy of
 * one, whose sectors it shares; reads wait for nothing. A flush waits until every earlier write and
 * copy is gone. So no late copy can undo a newer write, and a read-modify-write is atomic.
 *
 * Each pair {earlier node, later overlapping write} is counted once in the later one's blockers:
 * when the later enters, or when the earlier is a copy that takes its finished write's place.
 */
#pragma once

#include "engine/engine.h"

struct engine;
struct device;
struct copy;

/* A write arrives: takes the next ticket. Afterwards rq->blockers says whether it may start. */
void order_enter(struct device *d, struct request *rq);
/* A flush arrives: takes a ticket. */
void order_enter_flush(struct device *d, struct request *rq);
/* The copy of a write that is about to leave takes its place. */
void order_inherit(struct device *d, struct copy *c, struct request *rq);
/* Gone: whoever waited for nothing else is put on the device's ready list. */
void order_leave(struct engine *e, struct device *d, struct order_node *n);
/* Is everything before this ticket gone? */
bool order_is_past(const struct device *d, uint64_t ticket);
