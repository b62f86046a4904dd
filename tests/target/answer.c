/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

void answer_begin(const struct target *t, const struct packet *ask, struct packet *a)
{
        memcpy(a->data, ask->data, FRAME_BYTES_MIN); /* what stays of it is the stale tail */
        memcpy(a->data + AT_DST, ask->data + AT_SRC, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
        a->data[AT_FLAGS] = 0x10 | 0x08;
        a->data[AT_ERROR] = 0;
        put16(a->data + AT_SHELF, t->shelf);
        a->data[AT_SLOT] = t->slot;
        a->bytes = ATA_BYTES;
}

/* What follows the last byte that means something. */
static void answer_stretch(struct target *t, struct packet *a)
{
        size_t most = t->mtu + 14, junk;

        if (a->bytes < FRAME_BYTES_MIN && !applies(t, QUIRK_EXACT)) {
                if (applies(t, QUIRK_PADDED))
                        memset(a->data + a->bytes, 0, FRAME_BYTES_MIN - a->bytes);
                a->bytes = FRAME_BYTES_MIN;
        }
        if (applies(t, QUIRK_LONG)) {
                junk = most > a->bytes ? most - a->bytes : 0;
                junk = junk < STALE_BYTES ? junk : STALE_BYTES;
                memset(a->data + a->bytes, 0xa5, junk);
                a->bytes += junk;
        }
}

void answer_send(struct target *t, struct packet *a)
{
        if (is_large(t, a->bytes) && applies(t, QUIRK_MUTE_LARGE))
                return;
        if (applies(t, QUIRK_VERSION_ZERO))
                a->data[AT_FLAGS] &= 0x0f;
        answer_stretch(t, a);
        link_send(t, a);
        if (applies(t, QUIRK_DOUBLE))
                link_send(t, a);
}

void answer_release(struct target *t)
{
        if (t->held_count > 1)
                t->applied[QUIRK_REORDER] += t->held_count - 1;
        while (t->held_count > 0)
                answer_send(t, &t->held[--t->held_count]);
}

void answer_send_data(struct target *t, struct packet *a)
{
        struct packet *held = &t->held[t->held_count];

        if (!t->wants[QUIRK_REORDER]) {
                answer_send(t, a);
                return;
        }
        held->bytes = a->bytes;
        memcpy(held->data, a->data, a->bytes < FRAME_BYTES_MIN ? FRAME_BYTES_MIN : a->bytes);
        if (++t->held_count == HELD_MAX)
                answer_release(t);
}
