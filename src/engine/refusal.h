/* SPDX-License-Identifier: MIT */
/*
 * The target said no, or nothing at all to a command that takes its time. Some refusals mean that
 * another form of the command may work: a smaller frame, another FLUSH, zeroes instead of a TRIM;
 * the others end the request with what the target said.
 */
#pragma once

#include "base/nsec.h"
#include "wire/ata.h"

struct engine;
struct slot;

/* A refusal came to s, whose request waits for it. */
void refusal_on_answer(struct engine *e, struct slot *s, uint8_t aoe_error,
                       const struct aoe_ata *ata, nsec now);
/* A FLUSH or TRIM was sent again and again while the device answered other things. */
void refusal_on_silence(struct engine *e, struct slot *s, nsec now);
