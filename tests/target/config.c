/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

unsigned config_sectors(const struct target *t)
{
        unsigned n = (t->mtu - ATA_BYTES) / SECTOR;

        if (t->sectors_max && t->sectors_max < n)
                n = t->sectors_max;
        return n > 255 ? 255 : n;
}

static void config_build(struct target *t, struct packet *a)
{
        unsigned sectors = config_sectors(t);

        if (applies(t, QUIRK_SECTORS_LARGE))
                sectors = 255;
        if (applies(t, QUIRK_SECTORS_ZERO))
                sectors = 0;
        a->data[AT_COMMAND] = 1;
        put16(a->data + AT_BUFFERS, t->buffers);
        put16(a->data + AT_FIRMWARE, 0x6666);
        a->data[AT_SECTORS] = (uint8_t)sectors;
        a->data[AT_CCMD] = 0x10;
        put16(a->data + AT_LENGTH, 0);
        a->bytes = CONFIG_BYTES;
}

/* Only `read` is answered, the rest meets silence as with many targets. */
void config_serve(struct target *t, const struct packet *ask, struct packet *a)
{
        if (ask->bytes < CONFIG_BYTES || (ask->data[AT_CCMD] & 0x0f) != 0)
                return;
        answer_begin(t, ask, a);
        config_build(t, a);
        answer_send(t, a);
}

void config_beacon(struct target *t, struct packet *a)
{
        memset(a->data, 0, FRAME_BYTES_MIN);
        memset(a->data + AT_DST, 0xff, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
        put16(a->data + AT_TYPE, ETHERTYPE);
        a->data[AT_FLAGS] = 0x10 | 0x08;
        put16(a->data + AT_SHELF, t->shelf);
        a->data[AT_SLOT] = t->slot;
        config_build(t, a);
        answer_send(t, a);
}
