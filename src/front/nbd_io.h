/* SPDX-License-Identifier: MIT */
/*
 * Requests of NBD clients: checked, cut into pieces for the engine, answered.
 *
 *   start --> ops: pieces are made as memory allows --> engine --> complete --> reply
 *         \-> writing: pieces are made as data come in --^             \-> FUA: flush, then reply
 *
 * A READ that is longer than a piece is answered in chunks, in any order. Without structured
 * replies it has to be one run of bytes: it is begun when nothing else is open, and nothing else is
 * begun before its end.
 */
#pragma once

#include "front/nbd_state.h"

/* A request was read. false: not now, the same one is to be started again later. */
bool nbd_io_start(struct nbd_conn *c, const struct nbd_request *r, nsec now);
/* So many bytes of the WRITE in c->writing were put where nbd_piece_room() said. */
void nbd_io_filled(struct nbd_conn *c, size_t bytes, nsec now);
/* The data of the WRITE in c->writing, which is refused, were all dropped. */
void nbd_io_skipped(struct nbd_conn *c);
void nbd_io_complete(struct nbd_piece *p, nsec now);
/* The first reply was sent, or never will be. */
void nbd_io_reply_put(struct nbd_reply *r);
/* The client takes nothing: what replies have of the engine's becomes ours, so that its frames are
 * there for others. all: every bit, else as long as too many frames are held. */
void nbd_io_keep_replies(struct nbd_conn *c, bool all);
/* Nothing more is begun: what the engine has not got all of is given up, since the rest could wait
 * for ever for a client that takes nothing. */
void nbd_io_stop(struct nbd_conn *c);
/* The client is gone: whatever the engine has not got is dropped, and the rest is cancelled. */
void nbd_io_drop(struct nbd_conn *c, nsec now);
