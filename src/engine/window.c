/* SPDX-License-Identifier: MIT */
#include "engine/window.h"

#include "engine/core.h"

/* Answers need this much of the receive buffer beside the frame: what the kernel charges. */
#define SLOT_COST_OVERHEAD 768
/* seq - attempts must stay unambiguous however long a device is silent. */
#define SLOT_ATTEMPTS_MAX 2048

const uint8_t *slot_zeroes(void)
{
        static const uint8_t zeroes[PAYLOAD_SECTORS_MAX * AOE_SECTOR_BYTES];

        return zeroes;
}

bool slot_is_write(const struct slot *s)
{
        return s->kind == SLOT_WRITE || s->kind == SLOT_TRIM;
}

bool slot_is_slow(const struct slot *s)
{
        return s->kind == SLOT_FLUSH || s->kind == SLOT_TRIM;
}

bool slot_is_pinned(const struct slot *s)
{
        switch ((enum slot_kind)s->kind) {
        case SLOT_READ:
        case SLOT_EDGE:
        case SLOT_WRITE:
        case SLOT_TRIM:
        case SLOT_FLUSH: return false;
        case SLOT_IDENTIFY:
        case SLOT_PROBE_OUT:
        case SLOT_PROBE_BACK: return true;
        }
        CHECK(!"a slot kind");
        return false;
}

/* Nothing of the present piece was sent yet. */
static void slot_begin(struct slot *s)
{
        s->attempts = 0;
        s->again = AGAIN_NOT;
        s->last = s->before = (struct sending){.at = NSEC_NEVER, .overtaken_at = NSEC_NEVER};
}

struct slot *slot_take(struct engine *e, enum slot_kind kind, struct device *d)
{
        bool pinned = kind == SLOT_IDENTIFY || kind == SLOT_PROBE_OUT || kind == SLOT_PROBE_BACK;
        struct list *node;
        struct slot *s;

        if (!pinned && e->slots_used + SLOTS_PINNED_MIN >= e->options.slots)
                return NULL;
        node = list_pop(&e->slots_free);
        if (!node)
                return NULL;
        s = LIST_ENTRY(node, struct slot, node);
        CHECK(s->state == SLOT_FREE);
        s->state = SLOT_QUEUED;
        s->kind = (uint8_t)kind;
        slot_begin(s);
        s->seq_ended = s->seq; /* of no transmission of this command */
        s->request = NULL;
        s->device = d;
        s->path = NULL;
        s->first_at = NSEC_NEVER;
        s->lba = 0;
        s->sectors = 0;
        s->sectors_sent = 0;
        s->small = false;
        s->payload = NULL;
        e->slots_used++;
        return s;
}

/* Takes a SENT slot off its path. */
static void slot_leave_path(struct engine *e, struct slot *s)
{
        struct path *p = s->path;
        struct link_state *l = &e->links[p->link];

        CHECK(s->state == SLOT_SENT);
        list_del(&s->node);
        CHECK(l->in_flight_bytes >= s->cost);
        l->in_flight_bytes -= s->cost;
        line_call(e, &l->line, 1);
        s->state = SLOT_QUEUED;
        if (slot_is_pinned(s))
                return;
        CHECK(p->in_flight_count > 0);
        p->in_flight_count--;
        device_run(e, s->device); /* the window has opened, for whatever reason */
        if (slot_is_slow(s))
                return;
        CHECK(s->device->in_flight > 0 && e->in_flight > 0);
        s->device->in_flight--;
        e->in_flight--;
        station_leave(e, p->station, list_is_empty(&p->loss.in_flight));
}

void slot_detach(struct engine *e, struct slot *s, nsec now)
{
        CHECK(s->state != SLOT_FREE);
        if (s->state == SLOT_SENT)
                slot_leave_path(e, s);
        list_del(&s->node);
        if (s->copy)
                copy_abandon(e, s->copy, s->last.overtaken_at, now);
        s->copy = NULL;
}

void slot_free(struct engine *e, struct slot *s)
{
        CHECK(s->state != SLOT_FREE);
        CHECK(!s->copy);
        if (s->state == SLOT_SENT)
                slot_leave_path(e, s);
        list_del(&s->node);
        list_del(&s->member);
        s->state = SLOT_FREE;
        s->request = NULL;
        list_add_tail(&e->slots_free, &s->node);
        CHECK(e->slots_used > 0);
        e->slots_used--;
        line_call(e, &e->line_slots, 1);
}

void slot_orphan(struct slot *s)
{
        CHECK(s->state == SLOT_SENT);
        list_del(&s->member);
        s->request = NULL;
        s->payload = NULL;
}

void slot_requeue(struct engine *e, struct slot *s, enum again again, nsec now)
{
        CHECK(!slot_is_pinned(s));
        slot_detach(e, s, now);
        if (!s->request) {
                slot_free(e, s);
                return;
        }
        s->again = (uint8_t)again;
        if (again == AGAIN_PROBE)
                list_add_head(&s->device->resend, &s->node);
        else
                list_add_tail(&s->device->resend, &s->node);
        device_run(e, s->device);
}

void slot_advance(struct slot *s)
{
        CHECK(s->sectors_sent <= s->sectors);
        s->lba += s->sectors_sent;
        s->sectors -= s->sectors_sent;
        if (s->payload)
                s->payload += (size_t)s->sectors_sent * AOE_SECTOR_BYTES;
        slot_begin(s);
        s->first_at = NSEC_NEVER;
        s->small = false;
}

bool slot_has_seq(const struct slot *s, uint16_t seq)
{
        return ((s->seq - seq) & SLOT_SEQ_MASK) < s->attempts;
}

/* How many sectors this transmission carries; another size than before is another piece. */
static void slot_size(struct slot *s, const struct path *p)
{
        uint32_t most = s->small ? PAYLOAD_SECTORS_SAFE : p->payload.sectors, n = s->sectors;

        if (s->kind == SLOT_READ || s->kind == SLOT_WRITE)
                n = n < most ? n : most;
        if (s->attempts > 0 && n != s->sectors_sent)
                slot_begin(s); /* earlier answers are of another length */
        s->sectors_sent = n;
}

static struct aoe_ata slot_ata(const struct slot *s)
{
        const struct device *d = s->device;
        enum flush_form form = s->flush_form;

        switch ((enum slot_kind)s->kind) {
        case SLOT_READ:
        case SLOT_EDGE:
        case SLOT_PROBE_BACK:
                return ata_make_transfer(false, d->identity.lba48, s->lba,
                                         (uint8_t)s->sectors_sent);
        case SLOT_WRITE:
                return ata_make_transfer(true, d->identity.lba48, s->lba, (uint8_t)s->sectors_sent);
        case SLOT_TRIM: return ata_make_trim();
        case SLOT_FLUSH:
                return ata_make_flush(form == FLUSH_FORM_EXT || form == FLUSH_FORM_EXT_ONE,
                                      form == FLUSH_FORM_EXT_ONE || form == FLUSH_FORM_SHORT_ONE);
        case SLOT_IDENTIFY:
        case SLOT_PROBE_OUT: return ata_make_identify();
        }
        CHECK(!"a slot kind");
        return (struct aoe_ata){0};
}

uint32_t slot_read_cost(uint32_t sectors)
{
        uint32_t bytes = AOE_ATA_BYTES + sectors * AOE_SECTOR_BYTES, charge = 1024;

        while (charge < bytes) /* the kernel's buffers come in powers of two */
                charge *= 2;
        return charge + SLOT_COST_OVERHEAD;
}

static uint32_t slot_answer_cost(const struct slot *s)
{
        switch ((enum slot_kind)s->kind) {
        case SLOT_READ:
        case SLOT_EDGE:
        case SLOT_PROBE_BACK: return slot_read_cost(s->sectors_sent);
        case SLOT_WRITE:
        case SLOT_TRIM:
        case SLOT_FLUSH:
        case SLOT_IDENTIFY:
        case SLOT_PROBE_OUT: return slot_read_cost(1); /* a sector of data at most */
        }
        CHECK(!"a slot kind");
        return 0;
}

static void slot_fill_tx(struct slot *s, struct tx *tx)
{
        *tx = (struct tx){
                .link = s->path->link,
                .header = s->header,
                .header_bytes = AOE_FRAME_BYTES_MIN,
                .cause = s->idx,
        };
        if (s->kind == SLOT_WRITE) {
                tx->header_bytes = AOE_ATA_BYTES;
                tx->payload = s->payload;
                tx->payload_bytes = s->sectors_sent * AOE_SECTOR_BYTES;
        } else if (s->kind == SLOT_TRIM) {
                tx->header_bytes = AOE_ATA_BYTES;
                tx->payload = s->payload;
                tx->payload_bytes = AOE_SECTOR_BYTES;
        } else if (s->kind == SLOT_PROBE_OUT) {
                tx->header_bytes = AOE_ATA_BYTES;
                tx->payload = slot_zeroes();
                tx->payload_bytes = s->path->payload.trial_sectors * AOE_SECTOR_BYTES;
        }
}

/* Puts a slot that is about to leave where its answer will find it. */
static void slot_enter_path(struct engine *e, struct slot *s, struct path *p, nsec now)
{
        bool first = list_is_empty(&p->loss.in_flight);

        s->path = p;
        s->state = SLOT_SENT;
        s->last = (struct sending){
                .path = p,
                .serial = p->loss.serial_next++,
                .at = now,
                .overtaken_at = NSEC_NEVER,
        };
        s->cost = slot_answer_cost(s);
        e->links[p->link].in_flight_bytes += s->cost;
        if (slot_is_pinned(s))
                return;
        p->in_flight_count++;
        if (slot_is_slow(s)) {
                list_add_tail(&p->slow, &s->node);
                return;
        }
        loss_enter(s);
        s->device->in_flight++;
        e->in_flight++;
        cc_on_send(&p->cc, p->in_flight_count, p->in_flight_count >= cc_window(&p->cc));
        station_enter(p->station, first);
}

void slot_send(struct engine *e, struct slot *s, struct path *p, struct tx *tx, nsec now)
{
        struct aoe_ata ata;

        CHECK(s->state == SLOT_QUEUED);
        CHECK(!s->copy);
        list_del(&s->node);
        slot_size(s, p);
        s->flush_form = s->device->flush_form;
        ata = slot_ata(s);
        s->seq = (s->seq + 1) & SLOT_SEQ_MASK;
        if (s->attempts > 0) {
                p->resent++;
                e->counters.frames_resent++;
        }
        if (s->attempts < SLOT_ATTEMPTS_MAX)
                s->attempts++;
        if (s->first_at == NSEC_NEVER)
                s->first_at = now;
        s->before = s->last;
        slot_enter_path(e, s, p, now);
        if (slot_is_write(s))
                s->copy = copy_take(e, s);
        memcpy(s->header, p->header, AOE_HEADER_BYTES);
        be32_store(s->header + 20, engine_tag(e, s->idx, s->seq));
        aoe_build_ata(s->header, &ata);
        slot_fill_tx(s, tx);
        p->sent++;
        e->counters.frames_sent++;
}

void slot_unsend(struct engine *e, struct slot *s)
{
        struct path *p = s->path;

        CHECK(s->state == SLOT_SENT);
        slot_leave_path(e, s);
        if (s->copy)
                copy_free(e, s->copy);
        s->copy = NULL;
        s->seq = (s->seq - 1) & SLOT_SEQ_MASK; /* the tag was never seen */
        s->attempts--;
        if (s->attempts == 0)
                s->first_at = NSEC_NEVER;
        if (s->last.serial + 1 == p->loss.serial_next)
                p->loss.serial_next--; /* or later sends would look like more than they are */
        s->last = s->before;
        s->before = (struct sending){.at = NSEC_NEVER, .overtaken_at = NSEC_NEVER};
        p->sent--;
        e->counters.frames_sent--;
        if (s->attempts > 0) {
                p->resent--;
                e->counters.frames_resent--;
        }
        list_add_head(slot_is_pinned(s) ? &s->device->pinned : &s->device->resend, &s->node);
        device_run(e, s->device);
}
