/* SPDX-License-Identifier: MIT */
/*
 * Who waits for something that many devices share: slots, copies, memory, a link's receive buffer,
 * a station's window. A device that found none left joins the line; whatever is given back calls
 * the first one, who is run again. So a turn's cost does not grow with the number of waiting
 * devices, and they are served in turn.
 *
 *   engine.run --device_emit finds none--> line.waiting --line_call--> engine.called
 *
 * Who was called goes before those on the run list, for one frame: whoever gives something back is
 * there, too, and would take it again and again.
 *
 * Invariant: while somebody waits, something is in use that will be given back, or a device that
 * was called from this line is still to have its turn. A called device that finds it needs nothing
 * calls the next one (engine_emit).
 */
#pragma once

#include "base/list.h"

struct engine;
struct device;

struct line {
        struct list waiting; /* struct device by `run` */
};

void line_init(struct line *l);
/* d is on no list. */
void line_join(struct line *l, struct device *d);
/* Takes d out of whatever line it is in. */
void line_leave(struct device *d);
/* Something was given back: the first `count` may try again. */
void line_call(struct engine *e, struct line *l, unsigned count);
