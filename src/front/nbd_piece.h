/* SPDX-License-Identifier: MIT */
/* Ops cut into pieces, with the memory for them, on their way to the engine. */
#pragma once

#include "front/nbd_state.h"

/* Does anything of the op remain that no piece was made for? */
bool nbd_op_has_more(const struct nbd_op *op);
/* Makes pieces and submits them, as far as there is room. */
void nbd_piece_feed(struct nbd_conn *c, nsec now);
/* Where the next data of the WRITE in c->writing go, and how many; NULL: no memory now. */
uint8_t *nbd_piece_room(struct nbd_conn *c, size_t *ret_bytes);
/* So many were put there. true: they were the op's last. */
bool nbd_piece_filled(struct nbd_conn *c, size_t bytes, nsec now);
/* Asks the wire for a device. false: not now. */
bool nbd_piece_lookup(struct nbd_conn *c, aoe_addr addr, nsec now);
/* Gives its memory back. */
void nbd_piece_put(struct nbd_piece *p);
/* What came in of the piece that is being filled. */
void nbd_piece_drop_filling(struct nbd_conn *c);
/* Drops what the engine has not got, cancels the rest. */
void nbd_piece_drop(struct nbd_conn *c, nsec now);
