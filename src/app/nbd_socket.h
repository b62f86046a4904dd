/* SPDX-License-Identifier: MIT */
/* The socket of the NBD server: made by the keeper, or handed over by systemd (LISTEN_FDS). */
#pragma once

#include <glib.h>

#include "app/config.h"

typedef struct NbdSocket NbdSocket;

/* Listens at c->nbd; its owner, group and permissions are c's. What a dead daemon left there is
 * replaced. */
NbdSocket *nbd_socket_new(const Config *c, GError **error);
/* Owned by s. */
int nbd_socket_fd(const NbdSocket *s);
/* Takes the path away, too, if it is still ours. */
void nbd_socket_free(NbdSocket *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NbdSocket, nbd_socket_free)
