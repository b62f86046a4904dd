/* SPDX-License-Identifier: MIT */
#include "engine/loss.h"

#include "engine/core.h"

void loss_init(struct loss *l)
{
        *l = (struct loss){.reorder = LOSS_REORDER_MIN};
        list_init(&l->in_flight);
}

void loss_enter(struct slot *s)
{
        list_add_tail(&s->path->loss.in_flight, &s->node);
        s->path->loss.sent_at = s->last.at;
}

static struct slot *loss_oldest(const struct loss *l)
{
        struct list *node = list_first(&l->in_flight);

        return node ? LIST_ENTRY(node, struct slot, node) : NULL;
}

/* ---- what an answer teaches ---- */

/* s was answered: whatever was sent before it and is still out was overtaken, if not earlier. */
static void loss_overtake(struct slot *s, nsec now)
{
        const struct list *head = &s->path->loss.in_flight;

        for (struct list *node = s->node.prev; node != head; node = node->prev) {
                struct slot *older = LIST_ENTRY(node, struct slot, node);

                if (older->last.overtaken_at != NSEC_NEVER)
                        return;
                older->last.overtaken_at = now;
        }
}

static void loss_learn_overtaking(struct path *p, const struct sending *t, nsec now)
{
        if (t->overtaken_at != NSEC_NEVER)
                p->loss.overtaking_max =
                        nsec_max(p->loss.overtaking_max, nsec_since(now, t->overtaken_at));
}

/* A resend was not necessary: the rule behind it was too quick. */
static void loss_on_spurious(struct path *p, enum again again)
{
        p->late++;
        switch (again) {
        case AGAIN_GAP:
                if (p->loss.reorder < LOSS_REORDER_MAX)
                        p->loss.reorder++;
                break;
        case AGAIN_EXPIRED: break; /* its RTT makes the RTO longer */
        case AGAIN_NOT:
        case AGAIN_PROBE:
        case AGAIN_MOVED: return; /* nothing was called lost */
        }
        cc_on_spurious(&p->cc);
        station_on_spurious(p->station);
}

static void loss_count(struct path *p, uint64_t serial)
{
        p->lost++;
        if (cc_on_loss(&p->cc, serial, p->loss.serial_next))
                station_on_loss(p->station);
}

static void loss_lose(struct engine *e, struct slot *s, enum again again, nsec now)
{
        struct path *p = s->path;
        enum slot_kind kind = s->kind;
        uint32_t sectors = s->sectors_sent;
        nsec sent_at = s->last.at;

        loss_count(p, s->last.serial);
        slot_requeue(e, s, again, now);
        payload_on_loss(e, p, kind, sectors, sent_at, now); /* may send all others again, too */
}

/* By how much a frame may be later than an RTT when one that was sent after it was answered. */
static nsec loss_gap_wait(const struct path *p)
{
        nsec rtt = p->rtt.smoothed;

        return rtt + rtt / 4 + LOSS_GRAIN + p->loss.overtaking_max;
}

static void loss_find_gaps(struct engine *e, struct path *p, nsec now)
{
        struct loss *l = &p->loss;
        struct slot *s;

        while ((s = loss_oldest(l)) && s->last.serial + 1 < l->serial_answered) {
                bool passed = s->last.serial + l->reorder < l->serial_answered;

                if (!passed && nsec_add(s->last.at, loss_gap_wait(p)) > now)
                        return;
                loss_lose(e, s, AGAIN_GAP, now);
        }
}

static void loss_advance(struct engine *e, const struct sending *t, nsec now)
{
        struct path *p = t->path;

        if (t->serial + 1 > p->loss.serial_answered)
                p->loss.serial_answered = t->serial + 1;
        linger_on_answer(e, p, t->serial, now);
        loss_find_gaps(e, p, now);
}

/* The transmission of s that seq names, when it is known. */
static const struct sending *loss_sending(const struct slot *s, uint16_t seq,
                                          const struct path *from)
{
        const struct sending *t = NULL;

        if (seq == s->seq)
                t = &s->last;
        else if (seq == ((s->seq - 1) & SLOT_SEQ_MASK))
                t = &s->before;
        return t && t->path == from ? t : NULL;
}

void loss_on_answer(struct engine *e, struct slot *s, uint16_t seq, struct path *from, nsec now)
{
        const struct sending *known = loss_sending(s, seq, from);
        struct sending t = known ? *known : (struct sending){.overtaken_at = NSEC_NEVER};
        bool was_out = s->state == SLOT_SENT && seq == s->seq;
        bool in_time = was_out || (known && s->again == AGAIN_PROBE);
        bool counts = !slot_is_pinned(s) && !slot_is_slow(s);

        if (was_out && counts)
                loss_overtake(s, now);
        slot_detach(e, s, now);
        from->received++;
        path_on_heard(e, from, now);
        loss_learn_overtaking(from, &t, now);
        if (t.path && !slot_is_slow(s))
                rtt_sample(&from->rtt, nsec_since(now, t.at));
        if (was_out && s->again == AGAIN_PROBE && s->before.path == from)
                loss_count(from, s->before.serial); /* what the probe repeated was lost, then */
        if (in_time && counts) {
                cc_on_answer(&from->cc, 1);
                station_on_answer(from->station);
        } else if (!in_time) {
                e->counters.answers_late++;
                loss_on_spurious(from, s->again);
        }
        if (t.path)
                loss_advance(e, &t, now);
        path_arm(e, from); /* a shorter RTT brings the deadline forward */
}

void loss_on_late(struct engine *e, const struct slot *s, uint16_t seq, struct path *from, nsec now)
{
        const struct sending *t = loss_sending(s, seq, from);

        path_on_heard(e, from, now);
        /* The answer to the resend itself comes after that to the original: nothing new. */
        if (!t || t != &s->before || s->seq_ended != s->seq)
                return;
        loss_learn_overtaking(from, t, now);
        loss_on_spurious(from, s->again);
        path_arm(e, from);
}

/* ---- time ---- */

/* The youngest frame that somebody waits for. */
static struct slot *loss_tail(const struct loss *l)
{
        for (struct list *node = l->in_flight.prev; node != &l->in_flight; node = node->prev) {
                struct slot *s = LIST_ENTRY(node, struct slot, node);

                if (s->request)
                        return s;
        }
        return NULL;
}

/* When the next tail probe is due; NSEC_NEVER: not at all. */
static nsec loss_probe_at(const struct path *p)
{
        const struct loss *l = &p->loss;
        nsec wait = nsec_max(2 * p->rtt.smoothed, LOSS_PROBE_MIN) << l->probes;

        if (list_is_empty(&l->in_flight) || l->probes == LOSS_PROBES_MAX || p->rtt.smoothed == 0)
                return NSEC_NEVER;
        return nsec_add(nsec_max(l->heard_at, l->sent_at), wait);
}

static void loss_probe(struct engine *e, struct path *p, nsec now)
{
        struct slot *s = loss_tail(&p->loss);

        p->loss.probes++;
        p->loss.sent_at = now; /* or after a late tick the next one would be due at once */
        if (!s)
                return;
        p->probed++;
        slot_requeue(e, s, AGAIN_PROBE, now);
}

static void loss_expire(struct engine *e, struct path *p, nsec now)
{
        nsec rto = rtt_rto(&p->rtt);
        bool expired = false;
        struct slot *s;

        while ((s = loss_oldest(&p->loss)) && nsec_add(s->last.at, rto) <= now) {
                loss_lose(e, s, AGAIN_EXPIRED, now);
                expired = true;
        }
        if (!expired)
                return;
        rtt_on_expiry(&p->rtt);
        path_on_expiry(e, p, now);
}

void loss_tick(struct engine *e, struct path *p, nsec now)
{
        loss_find_gaps(e, p, now);
        loss_expire(e, p, now);
        if (loss_probe_at(p) <= now)
                loss_probe(e, p, now);
}

nsec loss_deadline(const struct path *p)
{
        const struct slot *s = loss_oldest(&p->loss);
        nsec at = NSEC_NEVER;

        if (!s)
                return at;
        at = nsec_min(nsec_add(s->last.at, rtt_rto(&p->rtt)), loss_probe_at(p));
        if (s->last.serial + 1 < p->loss.serial_answered)
                at = nsec_min(at, nsec_add(s->last.at, loss_gap_wait(p)));
        return at;
}

void loss_check(const struct path *p)
{
        uint64_t serial = 0;
        bool overtaken = true;

        LIST_FOREACH (node, &p->loss.in_flight) {
                const struct slot *s = LIST_ENTRY(node, struct slot, node);

                CHECK(s->state == SLOT_SENT && s->path == p && s->last.path == p);
                CHECK(serial == 0 || s->last.serial > serial);
                CHECK(overtaken || s->last.overtaken_at == NSEC_NEVER);
                CHECK(s->sectors_sent <= s->sectors);
                CHECK((s->kind == SLOT_WRITE) == (s->copy != NULL));
                serial = s->last.serial;
                overtaken = s->last.overtaken_at != NSEC_NEVER;
        }
        CHECK(p->loss.serial_answered <= p->loss.serial_next);
        CHECK(p->loss.probes <= LOSS_PROBES_MAX);
}
