/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

bool bogus_due(struct target *t, enum quirk *ret)
{
        unsigned wanted = 0, nth;

        for (int q = QUIRK_BOGUS_FIRST; q < QUIRK_COUNT; q++)
                wanted += t->wants[q];
        if (!wanted || ++t->transfers % t->every)
                return false;
        nth = (unsigned)(t->transfers / t->every % wanted);
        for (int q = QUIRK_BOGUS_FIRST; q < QUIRK_COUNT; q++)
                if (t->wants[q] && nth-- == 0) {
                        t->applied[q]++;
                        *ret = (enum quirk)q;
                        return true;
                }
        return false;
}

/* As a hub does, untouched; and as a broken target does, sent back to its sender. */
static void bogus_reflect(struct target *t, const struct packet *ask, struct packet *a)
{
        memcpy(a->data, ask->data, ask->bytes);
        a->bytes = ask->bytes;
        link_send(t, a);
        memcpy(a->data + AT_DST, ask->data + AT_SRC, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
}

/* The address stays right, so that it arrives, and of the rest every second time the R flag and the
 * tag, so that the kernel's filter lets it through. */
static void bogus_garble(struct target *t, const struct packet *ask, struct packet *a)
{
        a->bytes = AT_FLAGS + 1 + roll(t);
        for (size_t i = AT_FLAGS; i < a->bytes; i++)
                a->data[i] = roll(t);
        if (roll(t) & 1) {
                a->data[AT_FLAGS] = (uint8_t)(a->data[AT_FLAGS] | 0x08);
                memcpy(a->data + AT_TAG, ask->data + AT_TAG, 4);
        }
}

static void bogus_keep_late(struct target *t, const struct packet *ask)
{
        struct packet *late = &t->late[t->late_next++ % LATE_MAX];

        late->bytes = ask->bytes;
        memcpy(late->data, ask->data, ask->bytes);
}

const struct packet *bogus_take_late(struct target *t, const struct packet *ask)
{
        static struct packet taken;

        for (unsigned i = 0; i < LATE_MAX; i++) {
                struct packet *late = &t->late[i];

                if (late->bytes == 0 || memcmp(late->data + AT_AFLAGS, ask->data + AT_AFLAGS,
                                               ATA_BYTES - AT_AFLAGS) != 0)
                        continue;
                taken = *late;
                late->bytes = 0;
                return &taken;
        }
        return NULL;
}

void bogus_send(struct target *t, enum quirk q, const struct packet *ask, struct packet *a)
{
        for (size_t i = ATA_BYTES; i < a->bytes; i++)
                a->data[i] ^= 0xff;
        switch (q) {
        case QUIRK_SHORT:
                a->bytes = a->bytes > ATA_BYTES ? a->bytes - 1 - roll(t) : HEADER_BYTES + 4;
                break;
        case QUIRK_FOREIGN: put16(a->data + AT_SHELF, t->shelf ^ 1); break;
        case QUIRK_REFLECTED: bogus_reflect(t, ask, a); break;
        case QUIRK_FOREIGN_TAG: a->data[AT_TAG] ^= 0x01; break;
        case QUIRK_KERNEL_TAG: a->data[AT_TAG] &= 0x7f; break;
        case QUIRK_WRONG_MAC: a->data[AT_SRC + 5] ^= 1; break;
        case QUIRK_WRONG_TAG: a->data[AT_TAG + 3] ^= 1; break;
        case QUIRK_WRONG_COMMAND: a->data[AT_COMMAND] = 2; break;
        case QUIRK_VERSION_TWO: a->data[AT_FLAGS] = 0x20 | 0x08; break;
        case QUIRK_GARBAGE: bogus_garble(t, ask, a); break;
        case QUIRK_LATE: bogus_keep_late(t, ask); return;
        default: /* QUIRK_SILENT */ return;
        }
        link_send(t, a);
}
