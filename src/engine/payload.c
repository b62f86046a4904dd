/* SPDX-License-Identifier: MIT */
#include "engine/payload.h"

#include "engine/core.h"

void payload_init(struct payload *pl)
{
        *pl = (struct payload){.sectors = 1, .again_at = NSEC_NEVER};
}

/* ---- the offer ---- */

static uint32_t payload_offer(const struct engine *e, const struct path *p)
{
        uint32_t mtu = e->links[p->link].info.mtu, room = e->options.frames->room_bytes;
        uint32_t target = p->payload.sectors_target;
        uint32_t sectors = target ? target : AOE_SECTORS_DEFAULT;
        uint32_t by_mtu = mtu > AOE_ATA_BYTES ? (mtu - AOE_ATA_BYTES) / AOE_SECTOR_BYTES : 0;
        uint32_t by_room = (room - AOE_ATA_BYTES) / AOE_SECTOR_BYTES;
        uint32_t by_user = e->options.payload_max / AOE_SECTOR_BYTES;

        /* Everybody counts the 14 Ethernet bytes against the MTU, and some targets drop what is
         * longer (aoe.md 1.5): not cleverer than that. */
        sectors = sectors < by_mtu ? sectors : by_mtu;
        sectors = sectors < by_room ? sectors : by_room;
        if (by_user > 0 && sectors > by_user)
                sectors = by_user;
        if (sectors > PAYLOAD_SECTORS_MAX)
                sectors = PAYLOAD_SECTORS_MAX;
        return sectors > 0 ? sectors : 1;
}

static void payload_set(struct engine *e, struct path *p, uint32_t sectors)
{
        if (p->payload.sectors == sectors)
                return;
        p->payload.sectors = sectors;
        p->payload.holes[0].lost = p->payload.holes[1].lost = 0;
        device_notice(e, p->device, EVENT_PAYLOAD);
        device_run(e, p->device);
}

/* The next probe, as soon as nothing else is asked. */
static void payload_ask(struct engine *e, struct path *p, nsec at)
{
        if (p->state != PATH_UP)
                return; /* payload_on_up() begins anew */
        p->payload.again_at = at;
        path_arm(e, p);
}

/* Begins to verify the offer, or stops a verification that has become pointless. */
static void payload_verify(struct engine *e, struct path *p, nsec now)
{
        struct payload *pl = &p->payload;
        uint64_t disk = p->device->identity.sectors;

        path_drop_trial(e, p); /* its answer would speak for another payload */
        pl->trial_sectors = pl->offer;
        if (disk < pl->trial_sectors)
                pl->trial_sectors = (uint32_t)disk;
        pl->trials = 0;
        pl->trial = pl->trial_sectors > pl->sectors ? PAYLOAD_TRIAL_OUT : PAYLOAD_TRIAL_NONE;
        payload_ask(e, p, pl->trial == PAYLOAD_TRIAL_NONE ? NSEC_NEVER : now);
}

void payload_on_offer(struct engine *e, struct path *p, nsec now)
{
        uint32_t offer = payload_offer(e, p);

        if (offer == p->payload.offer)
                return;
        p->payload.offer = offer;
        if (offer < p->payload.sectors)
                payload_shrink(e, p, offer, now);
        if (p->state == PATH_UP)
                payload_verify(e, p, now);
}

void payload_on_up(struct engine *e, struct path *p, bool verified, nsec now)
{
        struct payload *pl = &p->payload;

        if (!verified)
                pl->sectors = pl->offer < PAYLOAD_SECTORS_SAFE ? pl->offer : PAYLOAD_SECTORS_SAFE;
        payload_verify(e, p, now);
}

void payload_on_down(struct path *p)
{
        p->payload.trial = PAYLOAD_TRIAL_NONE;
        p->payload.again_at = NSEC_NEVER;
}

/* ---- too large ---- */

/* Frames in flight that are too large now will not arrive: send their contents in smaller ones. */
static void payload_resplit(struct engine *e, struct path *p, nsec now)
{
        LIST_FOREACH_SAFE (node, &p->loss.in_flight) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (s->sectors_sent > p->payload.sectors)
                        slot_requeue(e, s, AGAIN_MOVED, now);
        }
}

void payload_shrink(struct engine *e, struct path *p, uint32_t sectors, nsec now)
{
        if (sectors >= p->payload.sectors)
                return;
        payload_set(e, p, sectors);
        payload_resplit(e, p, now);
        if (p->payload.trial == PAYLOAD_TRIAL_NONE)
                payload_ask(e, p, nsec_add(now, PAYLOAD_AGAIN));
}

void payload_doubt(struct engine *e, struct path *p, nsec now)
{
        if (p->payload.sectors <= PAYLOAD_SECTORS_SAFE)
                return;
        payload_shrink(e, p, PAYLOAD_SECTORS_SAFE, now);
        payload_verify(e, p, now);
}

/* The direction in which a command is large; NULL: in none. */
static struct payload_hole *payload_hole_of(struct path *p, enum slot_kind kind)
{
        if (kind == SLOT_WRITE)
                return &p->payload.holes[0];
        return kind == SLOT_READ ? &p->payload.holes[1] : NULL;
}

void payload_on_loss(struct engine *e, struct path *p, enum slot_kind kind, uint32_t sectors,
                     nsec sent_at, nsec now)
{
        struct payload_hole *hole = payload_hole_of(p, kind);

        if (!hole || sectors <= PAYLOAD_SECTORS_SAFE)
                return;
        if (hole->lost++ == 0)
                *hole = (struct payload_hole){.sectors = sectors, .lost = 1, .since = sent_at};
        else if (sectors < hole->sectors)
                hole->sectors = sectors;
        /* Where nothing at all is answered, it is no matter of size. */
        if (hole->lost >= PAYLOAD_HOLE_LOST_MAX && p->loss.heard_at > hole->since)
                payload_doubt(e, p, now);
}

void payload_on_answer(struct path *p, enum slot_kind kind, uint32_t sectors)
{
        struct payload_hole *hole = payload_hole_of(p, kind);

        if (hole && sectors >= hole->sectors)
                hole->lost = 0;
}

/* ---- trials ---- */

enum payload_trial payload_next(struct engine *e, struct path *p, nsec now)
{
        if (p->payload.trial == PAYLOAD_TRIAL_NONE) /* time to try a larger one again */
                payload_verify(e, p, now);
        p->payload.again_at = NSEC_NEVER;
        return p->payload.trial;
}

/* What was on trial does not get through: half of it, or what we have. */
static void payload_trial_down(struct engine *e, struct path *p, nsec now)
{
        struct payload *pl = &p->payload;

        pl->trials = 0;
        pl->trial_sectors /= 2;
        pl->trial = pl->trial_sectors > pl->sectors ? PAYLOAD_TRIAL_OUT : PAYLOAD_TRIAL_NONE;
        payload_ask(e, p, pl->trial == PAYLOAD_TRIAL_NONE ? nsec_add(now, PAYLOAD_AGAIN) : now);
}

static void payload_trial_up(struct engine *e, struct path *p, nsec now)
{
        struct payload *pl = &p->payload;

        pl->trials = 0;
        if (pl->trial == PAYLOAD_TRIAL_OUT) {
                pl->trial = PAYLOAD_TRIAL_BACK;
                payload_ask(e, p, now);
                return;
        }
        pl->trial = PAYLOAD_TRIAL_NONE;
        payload_set(e, p, pl->trial_sectors);
        if (pl->sectors < pl->offer)
                payload_ask(e, p, nsec_add(now, PAYLOAD_AGAIN));
}

void payload_on_trial(struct engine *e, struct path *p, enum payload_answer answer, nsec now)
{
        if (p->state != PATH_UP || p->payload.trial == PAYLOAD_TRIAL_NONE)
                return;
        switch (answer) {
        case PAYLOAD_ANSWER_GOOD: payload_trial_up(e, p, now); return;
        case PAYLOAD_ANSWER_LOST:
                if (++p->payload.trials < PAYLOAD_TRIALS_MAX) {
                        payload_ask(e, p, now);
                        return;
                }
                payload_trial_down(e, p, now);
                return;
        case PAYLOAD_ANSWER_REFUSED: payload_trial_down(e, p, now); return;
        }
}
