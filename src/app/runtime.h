/* SPDX-License-Identifier: MIT */
/*
 * The runtime folder (/run/aoefs for root, else $XDG_RUNTIME_DIR/aoefs): which daemons run here, on
 * which links, and who may write to which device. Locks are flock()s on files, freed by death.
 *
 *   daemon-PID          held by the keeper: a key file that names the worker and the mount point
 *   daemon-PID.sock     its control socket
 *   link-NETNS-IFINDEX.PID   held by the keeper of each daemon that uses the link
 *   writer-NETNS-eX.Y   held by the worker that writes to the device
 *
 * One packet a question and an answer on the control socket:
 *   "umount", "umount force"        -> "stays ERRNO TEXT": nothing has changed
 *                                      "ends ERRNO TEXT": it is unmounted; the end follows
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "app/lock.h"
#include "wire/aoe.h"

typedef struct RuntimeDaemon RuntimeDaemon;

struct RuntimeDaemon {
        pid_t keeper;
        pid_t worker;
        char *mountpoint; /* owned */
        char *socket;     /* owned: path of the keeper's control socket */
};

void runtime_daemon_free(RuntimeDaemon *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RuntimeDaemon, runtime_daemon_free)

/* The code of every error of app/ is an errno. */
#define RUNTIME_ERROR (runtime_error_quark())
GQuark runtime_error_quark(void);

/* Path of the folder, made if need be (0755 for root, else 0700). Owned by the caller. */
char *runtime_folder(GError **error);
/* Every daemon of this user that lives; array of RuntimeDaemon*. */
GPtrArray *runtime_list(GError **error);
/* The daemon of a mount point (compared after realpath), NULL with error when there is none. */
RuntimeDaemon *runtime_find(const char *mountpoint, GError **error);
/* Asks the keeper to flush, unmount and end, and waits until it is gone. false: the real error
 * (busy: EBUSY; the flush failed: EIO...). force: fail what waits for silent devices first. */
bool runtime_shutdown(const RuntimeDaemon *d, bool force, GError **error);

/* ---- the daemon's side ---- */

#define RUNTIME_PACKET_BYTES 512

typedef struct RuntimeEntry RuntimeEntry; /* this daemon's place in the folder */

/* Registers the calling process as a keeper and opens its control socket. */
RuntimeEntry *runtime_entry_new(const char *mountpoint, GError **error);
/* Takes the files away, frees the locks. */
void runtime_entry_free(RuntimeEntry *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RuntimeEntry, runtime_entry_free)
/* Says who the worker is; false: the folder's file system is full or gone. */
bool runtime_entry_set_worker(RuntimeEntry *e, pid_t worker);
/* Listening, non-blocking. */
int runtime_entry_socket(const RuntimeEntry *e);
/* This daemon uses the link. true with the holder in words when another one does, too. */
bool runtime_entry_use_link(RuntimeEntry *e, int ifindex, char *ret_holder, size_t holder_bytes);
/* The number of this process's network namespace; 0 where /proc does not say. */
uint64_t runtime_netns(void);
/* How a daemon is told of in locks and messages. Owned by the caller. */
char *runtime_holder(pid_t pid, const char *mountpoint);
