/* SPDX-License-Identifier: MIT */
/*
 * READ, WRITE and FSYNC of devices, from the message to the answer. libfuse has no part in them:
 * it would allocate and lock for each.
 */
#pragma once

#include "front/fuse_state.h"

#define FUSE_DATA_KEEP_BYTES_MIN ((uint32_t)256 << 10) /* from here a write keeps its buffer */

/* Is msg for this file? *ret_addr: the device. */
bool fuse_data_is(const struct fuse_message *msg, aoe_addr *ret_addr);
/* Makes s->ready and s->ready_block for s->parsed. false: no request or no memory is left; what was
 * got stays ready. */
bool fuse_data_prepare(struct fuse_state *s);
/* s->parsed, for which fuse_data_prepare() was true: becomes a request to the engine, or is
 * answered. */
void fuse_data_handle(struct fuse_state *s, aoe_addr addr);
/* Gives back what the message did not use. */
void fuse_data_unprepare(struct fuse_state *s);
