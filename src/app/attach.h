/* SPDX-License-Identifier: MIT */
/*
 * Devices as block devices of the kernel's NBD client. The keeper makes the socket pairs and has
 * the right to hand one side to the kernel; the worker serves the other one.
 *
 *   ask --ATTACH, once a connection--> worker --ATTACHED, once a connection--> on_answer: kernel
 *
 * A device that was attached before and has lost its daemon gets the new sockets.
 */
#pragma once

#include <glib.h>

#include "app/config.h"
#include "io/handover.h"

#define ATTACH_CONNECTIONS 4   /* of a device */
#define ATTACH_DEVICES_MAX 8   /* of a daemon */
#define ATTACH_DEAD_SEC    300 /* how long requests wait for a new daemon */

typedef struct Attach Attach;

enum attach_step {
        ATTACH_MORE,
        ATTACH_DONE,
        ATTACH_FAILED,
};

/* c->attach: what is to be attached. */
Attach *attach_new(const Config *c);
/* Asks the worker behind the socket. 0 or -errno. */
int attach_ask(Attach *a, int socket);
enum attach_step attach_on_answer(Attach *a, const struct handover *m, GError **error);
/* The device has another size now. */
void attach_resize(Attach *a, const char *name, uint64_t bytes);
/* To stdout: the names of the block devices, one a line. */
void attach_say(const Attach *a);
/* Flushes and detaches what is not in use. -EBUSY: some of it is, and stays; *ret_name: which. */
int attach_end(Attach *a, char **ret_name);
void attach_free(Attach *a);
