/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

void answer_begin(const struct target *t, const struct packet *ask, struct packet *a)
{
        memcpy(a->data, ask->data, ask->bytes < FRAME_BYTES_MIN ? ask->bytes : FRAME_BYTES_MIN);
        memcpy(a->data + AT_DST, ask->data + AT_SRC, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
        a->data[AT_FLAGS] = 0x10 | 0x08;
        a->data[AT_ERROR] = 0;
        put16(a->data + AT_SHELF, t->shelf);
        a->data[AT_SLOT] = t->slot;
        a->bytes = ATA_BYTES;
}

void answer_send(struct target *t, struct packet *a)
{
        if (applies(t, QUIRK_VERSION_ZERO))
                a->data[AT_FLAGS] &= 0x0f;
        if (applies(t, QUIRK_LONG)) {
                size_t most = t->mtu + 14;
                size_t junk = most > a->bytes ? most - a->bytes : 0;

                junk = junk < STALE_BYTES ? junk : STALE_BYTES;
                memset(a->data + a->bytes, 0xa5, junk);
                a->bytes += junk;
        }
        link_send(t, a);
        if (applies(t, QUIRK_DOUBLE))
                link_send(t, a);
}
