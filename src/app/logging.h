/* SPDX-License-Identifier: MIT */
/*
 * Log lines for an operator: one per transition, device first. The data thread formats into fixed
 * entries of a ring and never waits; the control thread hands them to glib's structured log, whose
 * writer is ours: standard error in the foreground, the journal (or syslog) in the background.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "base/nsec.h"
#include "wire/aoe.h"

#define LOGGING_TEXT_BYTES 240

enum logging_level {
        LOGGING_NOWHERE = -1, /* as a limit: not even errors */
        LOGGING_ERROR,
        LOGGING_WARNING,
        LOGGING_NOTICE, /* a transition */
        LOGGING_INFO,
};

struct logging_entry {
        int level;     /* enum logging_level */
        aoe_addr addr; /* AOE_ADDR_ALL: of no device */
        char text[LOGGING_TEXT_BYTES];
};

/* Fills e; text is cut to its room and freed of control characters. Any thread. */
void logging_fill(struct logging_entry *e, int level, aoe_addr addr, const char *text);

/*
 * Lines of one device are limited: LOGGING_BURST at once, then one each LOGGING_EVERY. Devices
 * share buckets by address, so that the limiter's size does not grow with their number.
 */
#define LOGGING_BUCKETS 256
#define LOGGING_BURST   10
#define LOGGING_EVERY   (5 * NSEC_SEC)

struct logging_limiter {
        struct {
                nsec full_at; /* when the burst is whole again */
                unsigned suppressed;
        } buckets[LOGGING_BUCKETS];
};

/* May a line of addr be written at now? *ret_suppressed: how many were not since the last one. */
bool logging_limiter_pass(struct logging_limiter *l, aoe_addr addr, nsec now,
                          unsigned *ret_suppressed);

/* Where lines go from now on: up to which level to standard error, and to the system's log. Before
 * any thread is made, or from the thread that writes. */
void logging_set(int stderr_level_max, int system_level_max);
/* What the user asked for: -q, -v; in the foreground to standard error, else to the system's log,
 * and warnings to standard error as long as the caller waits (logging_detach). */
void logging_set_by_config(const Config *c);
/* The caller waits no more: a daemon in the background says nothing to standard error. */
void logging_detach(const Config *c);
/* One entry, limited by its device; now only feeds the limiter. Control thread. */
void logging_write(const struct logging_entry *e, nsec now);
/* A line of the control plane itself. */
void logging_say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The line that standard error shows for an entry, without a newline. */
void logging_format(const struct logging_entry *e, unsigned suppressed, char *buf, size_t bytes);
/* From now on a failed CHECK says where before the process dies (async-signal-safe). */
void logging_catch_checks(void);
