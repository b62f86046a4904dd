/* SPDX-License-Identifier: MIT */
/*
 * What happens to one frame on its way, whatever the time is: it is lost, altered or doubled. The
 * dice are seeded; who holds the same seed and the same frames has the same faults.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "settings.h"

struct faults {
        struct settings settings;
        bool asked[FAULT_COUNT]; /* was ever switched on */
        uint64_t applied[FAULT_COUNT];
        uint64_t dice;
        unsigned burst_left; /* frames that the present burst will still take */
};

void faults_init(struct faults *x, uint64_t seed);
void faults_set(struct faults *x, const struct settings *s);
/* Does f, one with a chance, strike now? Then it is counted. */
bool faults_strike(struct faults *x, enum fault f);
/* f does not arrive. */
bool faults_lose(struct faults *x, const struct frame *f);
/* Alters f, or gives it a twin. */
void faults_alter(struct faults *x, struct frame *f);
