/* SPDX-License-Identifier: MIT */
/*
 * The table of low-level operations, and those about names and attributes, which are answered at
 * once but for a lookup that has to ask the wire. All run inside fuse_session_process_buf(), in the
 * data thread; the session's userdata is a struct fuse_state.
 */
#pragma once

#include "front/fuse_state.h"

#define FUSE_OPS_TIMEOUT_SEC     3600.0 /* of names and attributes: notices end them before */
#define FUSE_OPS_BACKGROUND_MAX  4096   /* the kernel's default of 12 caps asynchronous I/O */
#define FUSE_OPS_WRITE_BYTES_MAX REQUEST_BYTES_MAX

extern const struct fuse_lowlevel_ops fuse_ops;

/* The answer to a lookup that found n. */
void fuse_ops_reply_entry(const struct fuse_state *s, fuse_req_t req, const struct fuse_node *n);
