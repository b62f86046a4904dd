/* SPDX-License-Identifier: MIT */
/*
 * What happened, in order: a ring of the last lines for the report of a failure, and a hash over
 * all of them, so that two runs of one seed can be compared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/nsec.h"

#define TRACE_LINES 128 /* kept; a power of two */

struct trace_line {
        nsec at;
        const char *format; /* static, takes up to four unsigned longs */
        unsigned long value[4];
};

struct trace {
        struct trace_line lines[TRACE_LINES];
        uint64_t count;
        uint64_t hash;
        bool is_loud; /* print as it happens */
};

void trace_init(struct trace *t, bool is_loud);
void trace_add(struct trace *t, nsec at, const char *format, unsigned long a, unsigned long b,
               unsigned long c, unsigned long d);
/* The last lines, oldest first. */
void trace_print(const struct trace *t, FILE *to);
