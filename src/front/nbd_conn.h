/* SPDX-License-Identifier: MIT */
/*
 * A connection: bytes in, bytes out. What has been read is looked at as far as it goes; a
 * connection that can do nothing with more of it (no memory, too much open, replies that are not
 * taken) is not read from, and so its client waits.
 */
#pragma once

#include "front/nbd_state.h"

/* Greets the client. The connection owns fd from here on. */
void nbd_conn_open(struct nbd_conn *c, int fd, bool read_only);
/* Serves one that knows its export: no handshake. */
void nbd_conn_serve(struct nbd_conn *c, int fd, const struct nbd_export *x);
/* Something happened to it: the front looks after it at the end of the turn. */
void nbd_conn_touch(struct nbd_conn *c);
/* The socket has something: reads and serves. */
void nbd_conn_read(struct nbd_conn *c, nsec now);
/* Sends what there is to be sent. */
void nbd_conn_send(struct nbd_conn *c, nsec now);
/* Something became free that it may have waited for. */
void nbd_conn_resume(struct nbd_conn *c, nsec now);
/* Hangs up. What is in the engine comes back by itself. */
void nbd_conn_close(struct nbd_conn *c, nsec now);
/* Is it at its end, and may its place be used again? */
bool nbd_conn_is_done(const struct nbd_conn *c);
/* What the front is to wait for, as epoll's bits; 0: nothing but the end. */
uint32_t nbd_conn_wants(const struct nbd_conn *c);
