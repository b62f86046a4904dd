/* SPDX-License-Identifier: MIT */
/*
 * The ring of received frames. It has room for what is claimed, unless -Q says otherwise; what
 * finds no room is lost, as in a socket's buffer.
 */
#include "target.h"

#include <string.h>

static bool queue_is_addressed(struct target *t, const struct packet *p)
{
        unsigned shelf = get16(p->data + AT_SHELF), slot = p->data[AT_SLOT];

        if ((shelf == t->shelf || shelf == 0xffff) && (slot == t->slot || slot == 0xff))
                return true;
        return applies(t, QUIRK_ANY_ADDRESS);
}

/* As strict as the strictest: requests only, of version 1 (ggaoed ignores others), padded to what
 * Ethernet asks for (9front and kvblade drop shorter ones). */
static bool queue_admits(struct target *t, const struct packet *p)
{
        static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
        const uint8_t *dst = p->data + AT_DST;

        if (p->bytes < FRAME_BYTES_MIN || get16(p->data + AT_TYPE) != ETHERTYPE ||
            p->data[AT_FLAGS] != 0x10)
                return false;
        if (memcmp(dst, t->mac, 6) != 0 && memcmp(dst, everybody, 6) != 0)
                return false;
        if (!queue_is_addressed(t, p))
                return false;
        return memcmp(p->data + AT_SRC, t->masked, 6) != 0 || !applies(t, QUIRK_MASKED);
}

/* What a receive buffer that is smaller than the MTU does. false: the frame is lost. */
static bool queue_squeeze(struct target *t, struct packet *p)
{
        if (!is_large(t, p->bytes))
                return true;
        if (applies(t, QUIRK_DROP_LARGE))
                return false;
        if (applies(t, QUIRK_CUT_LARGE))
                p->bytes = ATA_BYTES + (size_t)t->sectors_max * SECTOR;
        return true;
}

void queue_fill(struct target *t)
{
        static struct packet lost;

        for (;;) {
                unsigned tail = (t->queue_head + t->queue_count) % QUEUE_FRAMES_MAX;
                bool full = t->queue_count == t->queue_frames;
                struct packet *p = full ? &lost : &t->queue[tail];

                if (!link_receive(t, p))
                        return;
                if (!queue_admits(t, p) || !queue_squeeze(t, p))
                        continue;
                if (full)
                        applies(t, QUIRK_OVERFLOW);
                else
                        t->queue_count++;
        }
}

const struct packet *queue_head(const struct target *t)
{
        return t->queue_count > 0 ? &t->queue[t->queue_head] : NULL;
}

void queue_pop(struct target *t)
{
        t->queue_head = (t->queue_head + 1) % QUEUE_FRAMES_MAX;
        t->queue_count--;
}
