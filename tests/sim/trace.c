/* SPDX-License-Identifier: MIT */
/* Lines are kept as a format and numbers: most are never printed. */
#include "trace.h"

static void trace_print_line(const struct trace_line *l, FILE *to)
{
        fprintf(to, "%12.6f ms  ", (double)l->at / 1e6);
        fprintf(to, l->format, l->value[0], l->value[1], l->value[2], l->value[3]);
        fputc('\n', to);
}

static uint64_t trace_mix(uint64_t hash, uint64_t value)
{
        hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
        return hash ^ hash >> 29;
}

void trace_init(struct trace *t, bool is_loud)
{
        *t = (struct trace){.is_loud = is_loud};
}

void trace_add(struct trace *t, nsec at, const char *format, unsigned long a, unsigned long b,
               unsigned long c, unsigned long d)
{
        struct trace_line *l = &t->lines[t->count++ % TRACE_LINES];

        *l = (struct trace_line){.at = at, .format = format, .value = {a, b, c, d}};
        t->hash = trace_mix(t->hash, at);
        for (const char *p = format; *p; p++) /* its place in memory differs from run to run */
                t->hash = t->hash * 31 + (unsigned char)*p;
        for (int i = 0; i < 4; i++)
                t->hash = trace_mix(t->hash, l->value[i]);
        if (t->is_loud)
                trace_print_line(l, stdout);
}

void trace_print(const struct trace *t, FILE *to)
{
        uint64_t first = t->count > TRACE_LINES ? t->count - TRACE_LINES : 0;

        for (uint64_t i = first; i < t->count; i++)
                trace_print_line(&t->lines[i % TRACE_LINES], to);
}
