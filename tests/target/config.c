/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <string.h>

unsigned config_sectors(const struct target *t)
{
        unsigned n = (t->mtu - ATA_BYTES) / SECTOR;
        /* These do not refuse what is large: they promise it, and it gets lost. */
        bool promised = t->wants[QUIRK_DROP_LARGE] || t->wants[QUIRK_CUT_LARGE] ||
                        t->wants[QUIRK_MUTE_LARGE];

        if (t->sectors_max && t->sectors_max < n && !promised)
                n = t->sectors_max;
        return n > 255 ? 255 : n;
}

static void config_build(struct target *t, struct packet *a)
{
        size_t string_bytes = strlen(t->config);
        unsigned sectors = config_sectors(t);

        if (applies(t, QUIRK_SECTORS_LARGE))
                sectors = 255;
        if (applies(t, QUIRK_SECTORS_ZERO))
                sectors = 0;
        applies(t, QUIRK_BUFFERS);
        a->data[AT_COMMAND] = 1;
        put16(a->data + AT_BUFFERS, t->buffers);
        put16(a->data + AT_FIRMWARE, 0x6666);
        a->data[AT_SECTORS] = (uint8_t)sectors;
        a->data[AT_CCMD] = applies(t, QUIRK_CCMD) ? 0x14 : 0x10;
        put16(a->data + AT_LENGTH, (unsigned)string_bytes);
        memcpy(a->data + CONFIG_BYTES, t->config, string_bytes);
        a->bytes = CONFIG_BYTES + string_bytes;
}

/* Only `read` is answered, the rest meets silence as with many targets. */
void config_serve(struct target *t, const struct packet *ask, struct packet *a)
{
        if (get16(ask->data + AT_SHELF) == t->shelf && ask->data[AT_SLOT] == t->slot)
                t->asked++;
        if ((ask->data[AT_CCMD] & 0x0f) != 0)
                return;
        answer_begin(t, ask, a);
        config_build(t, a);
        answer_send(t, a);
}

/* Its version is 0, as vblade's and 9front's. */
void config_beacon(struct target *t)
{
        static struct packet a;

        memset(a.data, 0, FRAME_BYTES_MIN);
        memset(a.data + AT_DST, 0xff, 6);
        memcpy(a.data + AT_SRC, t->mac, 6);
        put16(a.data + AT_TYPE, ETHERTYPE);
        a.data[AT_FLAGS] = 0x08;
        put16(a.data + AT_SHELF, t->shelf);
        a.data[AT_SLOT] = t->slot;
        config_build(t, &a);
        answer_send(t, &a);
}
