/* SPDX-License-Identifier: MIT */
#include "engine/refusal.h"

#include "engine/core.h"

/* No form of FLUSH is left: fsync goes on without, and says so once. */
static void flush_give_up(struct engine *e, struct slot *s, nsec now)
{
        struct device *d = s->device;

        if (d->flush_class != FLUSH_NONE)
                device_notice(e, d, EVENT_FLUSH_NONE);
        d->flush_class = FLUSH_NONE;
        slot_detach(e, s, now);
        request_finish(e, s->request, REQUEST_OK, now);
}

static void flush_next_form(struct engine *e, struct slot *s, enum flush_form form, nsec now)
{
        struct device *d = s->device;

        /* Several are out at once: another one may have got further meanwhile. */
        if (d->flush_form < form)
                d->flush_form = (uint8_t)form;
        if (d->flush_form == FLUSH_FORM_NONE) {
                flush_give_up(e, s, now);
                return;
        }
        slot_detach(e, s, now);
        slot_advance(s);
        slot_requeue(e, s, AGAIN_MOVED, now);
}

static void command_fail(struct engine *e, struct slot *s, uint8_t aoe_error,
                         const struct aoe_ata *ata, nsec now)
{
        struct request *rq = s->request;
        bool reserved = aoe_error == AOE_ERROR_RESERVED;

        rq->aoe_error = aoe_error;
        rq->ata_status = ata->status;
        rq->ata_error = ata->feature;
        rq->error_lba = s->lba;
        request_finish(e, rq, reserved ? REQUEST_RESERVED : REQUEST_ERROR, now);
}

static bool refusal_is_abort(const struct aoe_ata *ata)
{
        return ata->status & ATA_STATUS_ERR && ata->feature & ATA_ERROR_ABRT;
}

static void flush_on_refusal(struct engine *e, struct slot *s, uint8_t aoe_error,
                             const struct aoe_ata *ata, nsec now)
{
        enum flush_form form = s->flush_form;
        bool ext = form == FLUSH_FORM_EXT || form == FLUSH_FORM_EXT_ONE;

        if (aoe_error == AOE_ERROR_ARGUMENT && form == FLUSH_FORM_EXT)
                flush_next_form(e, s, FLUSH_FORM_EXT_ONE, now);
        else if (aoe_error == AOE_ERROR_ARGUMENT && form == FLUSH_FORM_SHORT)
                flush_next_form(e, s, FLUSH_FORM_SHORT_ONE, now);
        else if (aoe_error == AOE_ERROR_ARGUMENT || refusal_is_abort(ata))
                flush_next_form(e, s, ext ? FLUSH_FORM_SHORT : FLUSH_FORM_NONE, now);
        else
                command_fail(e, s, aoe_error, ata, now);
}

/* The disk offers TRIM, but does not do it (aoe.md 1.7): never again. Zeroes are written instead.
 */
static void trim_give_up(struct engine *e, struct slot *s, nsec now)
{
        struct request *rq = s->request;

        s->device->trim_refused = true;
        rq->by_trim = false;
        if (rq->op == REQUEST_ZERO)
                command_restart(e, rq, now);
        else
                request_finish(e, rq, REQUEST_UNSUPPORTED, now);
}

void refusal_on_silence(struct engine *e, struct slot *s, nsec now)
{
        enum flush_form form = s->flush_form;
        bool ext = form == FLUSH_FORM_EXT || form == FLUSH_FORM_EXT_ONE;

        if (s->kind == SLOT_TRIM) {
                trim_give_up(e, s, now);
                return;
        }
        flush_next_form(e, s, ext ? FLUSH_FORM_SHORT : FLUSH_FORM_NONE, now);
}

/* One write that the target aborts is the sign of a read-only disk: said once. */
static void command_note_refusal(struct engine *e, struct device *d, bool write,
                                 const struct aoe_ata *ata)
{
        if (!write || d->refused || !refusal_is_abort(ata))
                return;
        d->refused = true;
        device_notice(e, d, EVENT_REFUSED);
}

void refusal_on_answer(struct engine *e, struct slot *s, uint8_t aoe_error,
                       const struct aoe_ata *ata, nsec now)
{
        bool size = aoe_error == AOE_ERROR_ARGUMENT || (!aoe_error && refusal_is_abort(ata));

        if (s->kind == SLOT_FLUSH) {
                flush_on_refusal(e, s, aoe_error, ata, now);
                return;
        }
        if (s->kind == SLOT_TRIM && (size || aoe_error == AOE_ERROR_COMMAND)) {
                trim_give_up(e, s, now);
                return;
        }
        if (size && !s->small && s->sectors_sent > PAYLOAD_SECTORS_SAFE) {
                /* ggaoed aborts, vblade says bad argument when it has less room than it said. */
                discover_ask(e, s->device->addr);
                s->small = true;
                slot_requeue(e, s, AGAIN_MOVED, now);
                return;
        }
        if (aoe_error == AOE_ERROR_ARGUMENT || ata->feature & ATA_ERROR_IDNF)
                path_ask(e, s->path, now); /* beyond the end: has it shrunk? */
        command_note_refusal(e, s->device, s->kind == SLOT_WRITE, ata);
        command_fail(e, s, aoe_error, ata, now);
}
