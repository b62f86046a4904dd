/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "dice.h"

/* Header fields (AoEr11 2). */
enum {
        AT_SRC = 6,
        AT_FLAGS = 14,
        AT_SHELF = 16,
        AT_COMMAND = 19,
        AT_TAG = 20,
        HEADER_BYTES = 24,
        ETHERNET_BYTES = 14,
};

/*
 * What an initiator can see when it looks: each makes a value that nobody has. The tag's is the
 * high bit of aoefs's sequence numbers: half of their circle away no transmission lives, so the
 * frame never passes for the answer to another one. A command that turned into Query Config or MAC
 * Mask could change the target, so it becomes one that there is not. Shelves from 16384 on are not
 * ours.
 *
 * Added, not flipped: a wrong command that the target answers with an error must not become right
 * on its way back.
 */
static const struct {
        uint8_t at;
        uint8_t add;
} corruptions[] = {
        {AT_SRC + 5, 0x01}, /* another source */
        {AT_FLAGS, 0x10},   /* version 2 */
        {AT_FLAGS, 0x08},   /* a request becomes a response, and the reverse */
        {AT_SHELF, 0x40},   /* another device */
        {AT_COMMAND, 0x40}, /* another command */
        {AT_TAG + 1, 0x80}, /* another transmission */
};
#define CORRUPTION_COUNT (sizeof corruptions / sizeof *corruptions)

void faults_init(struct faults *x, uint64_t seed)
{
        *x = (struct faults){.dice = seed};
}

void faults_set(struct faults *x, const struct settings *s)
{
        x->settings = *s;
        for (int f = 0; f < FAULT_COUNT; f++)
                x->asked[f] |= s->of[f].level > 0;
        if (s->of[FAULT_BURST].level == 0)
                x->burst_left = 0;
}

bool faults_strike(struct faults *x, enum fault f)
{
        uint32_t level = x->settings.of[f].level;

        if (level == 0 || dice_roll(&x->dice, CHANCE_CERTAIN) >= level)
                return false;
        x->applied[f]++;
        return true;
}

bool faults_lose(struct faults *x, const struct frame *f)
{
        uint32_t hole = x->settings.of[FAULT_HOLE].level;

        if (hole > 0 && f->bytes > hole) {
                x->applied[FAULT_HOLE]++;
                return true;
        }
        if (x->burst_left > 0) {
                x->burst_left--;
                return true;
        }
        if (faults_strike(x, FAULT_BURST)) {
                x->burst_left = x->settings.of[FAULT_BURST].extra - 1;
                return true;
        }
        return faults_strike(x, FAULT_LOSS);
}

void faults_alter(struct faults *x, struct frame *f)
{
        if (f->bytes >= HEADER_BYTES && faults_strike(x, FAULT_CORRUPT)) {
                uint64_t i = dice_roll(&x->dice, CORRUPTION_COUNT);

                f->data[corruptions[i].at] += corruptions[i].add;
        }
        if (f->bytes > ETHERNET_BYTES && faults_strike(x, FAULT_TRUNCATE))
                f->bytes =
                        ETHERNET_BYTES + (uint32_t)dice_roll(&x->dice, f->bytes - ETHERNET_BYTES);
        f->times = faults_strike(x, FAULT_DUPLICATE) ? 2 : 1;
}
