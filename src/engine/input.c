/* SPDX-License-Identifier: MIT */
/*
 * A frame comes in: to what was it an answer? An answer counts only if tag, R flag, command,
 * shelf.slot, source MAC of a path and length all fit. Nothing is changed before the last check.
 */
#include "engine/core.h"

struct answer {
        struct slot *slot;
        struct path *from; /* whose MAC and link it came over */
        uint16_t seq;
        bool error; /* AoE's E flag */
        uint8_t aoe_error;
        struct aoe_ata ata;
        struct bytes data; /* behind the ATA argument */
};

static enum drop input_config(struct engine *e, unsigned link, const struct aoe_header *h,
                              struct bytes *in, nsec now)
{
        uint32_t mine = ENGINE_TAG_COOKIE(e->options.cookie) | SLOT_DISCOVERY;
        struct aoe_config c;
        enum drop drop;

        if (h->tag != 0 && (h->tag & (ENGINE_TAG_COOKIE_MASK | SLOT_IDX_MASK)) != mine)
                return DROP_TAG;
        drop = aoe_parse_config(in, &c);
        if (drop != DROP_NONE)
                return drop;
        return discover_on_config(e, link, h, &c, now);
}

/* No command waits for it any more; it may still be the answer to a copy that lingers, or tell that
 * a resend was not necessary. */
static enum drop input_late(struct engine *e, unsigned link, struct slot *s, uint16_t seq,
                            const struct aoe_header *h, nsec now)
{
        struct device *d = device_find(e, aoe_addr_make(h->shelf, h->slot));
        struct path *from = d ? path_find(d, link, h->src) : NULL;
        struct copy *c = copy_find(s, seq);

        e->counters.answers_late++;
        if (!d || (c && c->device != d))
                return DROP_ADDRESS;
        if (!from || (c && c->path != from))
                return DROP_MAC;
        if (s->state == SLOT_FREE && slot_has_seq(s, seq))
                loss_on_late(e, s, seq, from, now);
        if (c && c->state != COPY_OUT)
                copy_on_answer(e, c, now);
        return DROP_LATE;
}

static enum drop answer_parse(const struct aoe_header *h, struct bytes *in, struct answer *a)
{
        a->error = h->flags & AOE_FLAG_ERROR;
        a->aoe_error = h->error;
        if (aoe_parse_ata(in, &a->ata) != DROP_NONE) {
                /* ggaoed and 9front end an AoE error after the header. */
                if (!a->error)
                        return DROP_SHORT;
                a->ata = (struct aoe_ata){0};
        }
        a->data = *in;
        return DROP_NONE;
}

static bool answer_is_good(const struct answer *a)
{
        const struct slot *s = a->slot;

        if (a->error)
                return false;
        /* ggaoed sends a FLUSH back as it came: done as far as it ever will be. */
        if (s->kind == SLOT_FLUSH && (a->ata.status == ATA_FLUSH || a->ata.status == ATA_FLUSH_EXT))
                return true;
        return !(a->ata.status & ATA_STATUS_BAD);
}

static size_t answer_data_bytes(const struct slot *s)
{
        switch ((enum slot_kind)s->kind) {
        case SLOT_READ:
        case SLOT_EDGE:
        case SLOT_PROBE_BACK: return (size_t)s->sectors_sent * AOE_SECTOR_BYTES;
        case SLOT_IDENTIFY:
        case SLOT_PROBE_OUT: return ATA_IDENTIFY_BYTES;
        case SLOT_WRITE:
        case SLOT_TRIM:
        case SLOT_FLUSH: return 0;
        }
        CHECK(!"a slot kind");
        return 0;
}

/* The answered transmission leaves the path; copies of it are dead; the path learns. */
static void answer_settle(struct engine *e, const struct answer *a, bool good, nsec now)
{
        struct slot *s = a->slot;
        struct copy *c = slot_is_write(s) ? copy_find(s, a->seq) : NULL;

        if (c && c == s->copy)
                s->copy = NULL;
        if (c)
                copy_on_answer(e, c, now);
        if (good)
                payload_on_answer(a->from, s->kind, s->sectors_sent);
        s->seq_ended = a->seq;
        loss_on_answer(e, s, a->seq, a->from, now);
        device_on_heard(e, s->device, now);
}

static void answer_identify(struct engine *e, const struct answer *a, bool good, nsec now)
{
        struct slot *s = a->slot;
        struct device *d = s->device;
        struct path *p = s->path;
        enum slot_kind kind = s->kind;
        struct ata_identity identity = {0};
        struct bytes data = a->data;

        if (p->asking != s)
                return; /* the gaps that this answer showed have put the payload in doubt */
        if (kind != SLOT_PROBE_BACK && good)
                good = ata_parse_identity(&data, &identity) == DROP_NONE;
        path_on_asked(e, p, s, good ? PAYLOAD_ANSWER_GOOD : PAYLOAD_ANSWER_REFUSED, now);
        if (kind == SLOT_IDENTIFY && good)
                device_on_identity(e, d, p, &identity, now);
}

static enum drop input_ata(struct engine *e, unsigned link, const struct aoe_header *h,
                           struct bytes *in, struct frame *f, bool *ret_kept, nsec now)
{
        uint32_t idx = h->tag & SLOT_IDX_MASK;
        struct answer a = {.seq = h->tag >> SLOT_IDX_BITS & SLOT_SEQ_MASK};
        struct slot *s;
        enum drop drop;
        bool good;

        if ((h->tag & ENGINE_TAG_COOKIE_MASK) != ENGINE_TAG_COOKIE(e->options.cookie) ||
            idx >= e->options.slots)
                return DROP_TAG;
        s = a.slot = &e->slots[idx];
        if (s->state == SLOT_FREE || !slot_has_seq(s, a.seq))
                return input_late(e, link, s, a.seq, h, now);
        if (s->device->addr != aoe_addr_make(h->shelf, h->slot))
                return DROP_ADDRESS;
        a.from = path_find(s->device, link, h->src);
        if (!a.from || (a.seq == s->seq && a.from != s->path))
                return DROP_MAC;
        if (!slot_is_pinned(s) && a.from->state == PATH_DUPLICATE)
                return DROP_MAC;
        drop = answer_parse(h, in, &a);
        if (drop != DROP_NONE)
                return drop;
        good = answer_is_good(&a);
        if (good && a.data.left < answer_data_bytes(s))
                return DROP_LENGTH;
        answer_settle(e, &a, good, now);
        if (slot_is_pinned(s))
                answer_identify(e, &a, good, now);
        else if (!s->request)
                slot_free(e, s);
        else if (good)
                *ret_kept = command_on_answer(e, s, &a.ata, a.data, f, now);
        else
                refusal_on_answer(e, s, a.error ? a.aoe_error : 0, &a.ata, now);
        return DROP_NONE;
}

static enum drop input_frame(struct engine *e, unsigned link, struct frame *f, bool *ret_kept,
                             nsec now)
{
        struct bytes in = {.at = f->data, .left = f->bytes};
        struct aoe_header h;
        enum drop drop;

        if (!e->links[link].info.running)
                return DROP_LINK;
        drop = aoe_parse_header(&in, &h);
        if (drop != DROP_NONE)
                return drop;
        if (!(h.flags & AOE_FLAG_RESPONSE))
                return DROP_REQUEST;
        if (h.command == AOE_COMMAND_CONFIG)
                return input_config(e, link, &h, &in, now);
        if (h.command == AOE_COMMAND_ATA)
                return input_ata(e, link, &h, &in, f, ret_kept, now);
        return DROP_COMMAND;
}

bool engine_input(struct engine *e, unsigned link, struct frame *f, nsec now)
{
        bool kept = false;
        enum drop drop;

        CHECK(link < ENGINE_LINKS_MAX);
        CHECK(f->bytes <= f->room_bytes);
        drop = input_frame(e, link, f, &kept, now);
        e->counters.frames_received++;
        if (drop != DROP_NONE)
                e->counters.frames_dropped[drop]++;
        return kept;
}
