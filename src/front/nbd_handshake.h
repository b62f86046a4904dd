/* SPDX-License-Identifier: MIT */
/* The haggling before the first request: fixed newstyle. */
#pragma once

#include "front/nbd_state.h"

enum nbd_step {
        NBD_STEP_DONE,  /* go on with what is behind it */
        NBD_STEP_MORE,  /* more bytes are needed */
        NBD_STEP_WAIT,  /* not now: replies are to be sent first, or a name is asked for */
        NBD_STEP_CLOSE, /* it makes no sense, or the client wants no more */
};

void nbd_handshake_greet(struct nbd_conn *c);
/* The client is to have this export: requests are next. */
void nbd_handshake_serve(struct nbd_conn *c, const struct nbd_export *x);
/* Looks at the next thing that the client has sent, in FLAGS and OPTIONS. */
enum nbd_step nbd_handshake_step(struct nbd_conn *c, nsec now);
