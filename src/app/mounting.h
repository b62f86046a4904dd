/* SPDX-License-Identifier: MIT */
/* The mount itself: libfuse makes it (as fusermount3 does for ordinary users), we end it. Keeper.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "app/config.h"

typedef struct Mounting Mounting;

/* May something be mounted on it? An empty folder, not in use. Asks nothing of mounts below it. */
bool mounting_check(const char *mountpoint, GError **error);
/* Mounts c->mountpoint, or takes over the descriptor that /dev/fd/N names. */
Mounting *mounting_new(const Config *c, GError **error);
/* /dev/fuse; owned by m. */
int mounting_fd(const Mounting *m);

enum mounting_end {
        MOUNTING_END_POLITE, /* -EBUSY while something is open */
        MOUNTING_END_FORCE,  /* abort what is open, take the mount out of the tree */
};

/* 0: it is not mounted any more. -EBUSY or another -errno: it is. */
int mounting_end(Mounting *m, enum mounting_end how);
/* Closes our /dev/fuse. It ends no mount. */
void mounting_free(Mounting *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mounting, mounting_free)
