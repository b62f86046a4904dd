/* SPDX-License-Identifier: MIT */
/*
 * An engine in the caller's own thread, without front ends: for list, wait and the other commands
 * that talk to devices and end.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "app/config.h"
#include "engine/engine.h"

/* Called after each turn, several times a second even when nothing comes, and for the last time
 * when the timeout has passed; true ends the run. */
typedef bool (*probe_done)(struct engine *e, nsec now, void *arg);

/*
 * Opens the links that c chooses and runs until done() says so, or until timeout has passed.
 * Interfaces that appear meanwhile are used too. false with *error when no link could be opened
 * (unknown interface, no permission, none suitable); *ret_finished says whether done() ended it.
 * link_name(i) of the engine's link numbers is in probe_link_name() while done() runs.
 */
bool probe_run(const Config *c, nsec timeout, probe_done done, void *arg, bool *ret_finished,
               GError **error);
/* The same, but where no interface suits yet, one is waited for: for boot scripts. */
bool probe_run_patient(const Config *c, nsec timeout, probe_done done, void *arg,
                       bool *ret_finished, GError **error);
const char *probe_link_name(unsigned link);
