/* SPDX-License-Identifier: MIT */
/*
 * A station: one MAC on one link, and all the paths that lead to it. The devices behind it have a
 * queue each, as long as their buffer count, but one wire, one switch port and one interface: what
 * is lost there says something about all of them. So each path has a window of its own under its
 * buffer count, and the station has one over the sum: it grows and shrinks like the windows of its
 * busy paths together, but does not stop at the sum of their floors. Who finds it full waits in
 * line, which shares it fairly.
 */
#pragma once

#include <stdint.h>

#include "base/list.h"
#include "engine/cc.h"
#include "engine/line.h"

struct engine;
struct path;

#define STATION_BUCKETS      64
#define STATION_WINDOW_START 64

struct station {
        struct list node; /* engine.stations */
        struct line line; /* devices that wait for room in the window */
        struct cc cc;
        unsigned link;
        unsigned paths;     /* that lead to it */
        unsigned busy;      /* ... and have something in flight */
        unsigned in_flight; /* frames on all of them, but for FLUSH, which takes its time */
        uint8_t mac[6];
};

/* The station of that MAC, for one more path; there are as many as paths, so that one is free. */
struct station *station_take(struct engine *e, unsigned link, const uint8_t mac[6]);
/* A path leads to it no longer. */
void station_put(struct engine *e, struct station *st);

static inline bool station_has_room(const struct station *st)
{
        return st->in_flight < cc_window(&st->cc);
}

/* A frame leaves on a path, the first of it that is out or not. */
void station_enter(struct station *st, bool first);
/* A frame of a path is waited for no more; last: nothing of that path is out now. */
void station_leave(struct engine *e, struct station *st, bool last);
void station_on_answer(struct station *st);
/* A path has met a new loss event. */
void station_on_loss(struct station *st);
void station_on_spurious(struct station *st);
