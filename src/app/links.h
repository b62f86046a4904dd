/* SPDX-License-Identifier: MIT */
/*
 * Which interfaces are used: what netlink tells, the user's choice, and how a packet socket comes
 * to each of them. Control thread.
 *
 *   SEEN --wanted--> ASKED --socket--> OPEN --> (shard: LINK_ADD, LINK_CHANGE ...)
 *     ^                 \--no socket--> FAILED
 *     +-- deleted: the entry goes, the shard gets LINK_GONE
 *
 * Without -i an interface is wanted once it is up; a named one at once. An open one stays open.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "app/config.h"
#include "app/shard.h"
#include "io/netmon.h"

typedef struct Links Links;

/* Asks for a packet socket; the answer comes by links_on_opened(), also from inside the call. */
typedef void (*links_open)(void *arg, int ifindex);

Links *links_new(const Config *c, links_open open, void *arg);
void links_free(Links *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Links, links_free)

void links_on_event(Links *l, const struct netmon_event *ev);
/* fd: taken, or -errno. */
void links_on_opened(Links *l, int ifindex, int fd);
/* Is an answer missing? */
bool links_is_waiting(const Links *l);
/* Why the choice cannot work, in words with what to do; NULL: it works. must_run: one that is up is
 * needed, else one that may come up will do. Owned by the caller. Ask when nothing is waiting. */
char *links_problem(Links *l, bool must_run, int *ret_errno);
/* Largest MTU of those that are open, 0: none. */
uint32_t links_mtu_max(const Links *l);
/* Tells the shard what is new. false: its mailbox is full, call again soon. */
bool links_post(Links *l, struct shard *s);
