/* SPDX-License-Identifier: MIT */
/* Slots on their way back: sent again, orphaned, detached, never sent. */
#include "engine_world.h"

static struct world *bench_new(void)
{
        struct world *w = world_new();

        world_start(w, 1500);
        return w;
}

/* ---- back to the queues ---- */

/* The slots of the device's resends, in order. */
static unsigned bench_resends(struct world *w, struct slot *ret[16])
{
        unsigned n = 0;

        LIST_FOREACH (node, &world_device_at(w)->resend)
                ret[n++] = LIST_ENTRY(node, struct slot, node);
        return n;
}

Test(window, what_is_sent_again_goes_to_the_end_and_a_tail_probe_to_the_head)
{
        struct world *w = bench_new();
        struct slot *resends[16], *out[3];
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 3 * 1024);
        cr_assert_eq(world_turn(w), 3);
        for (unsigned i = 0; i < 3; i++)
                out[i] = &w->e->slots[w->sent[i].cause];
        slot_requeue(w->e, out[1], AGAIN_GAP, w->now);
        slot_requeue(w->e, out[0], AGAIN_EXPIRED, w->now);
        slot_requeue(w->e, out[2], AGAIN_PROBE, w->now);
        cr_assert_eq(bench_resends(w, resends), 3);
        cr_assert_eq(resends[0], out[2]);
        cr_assert_eq(resends[1], out[1]);
        cr_assert_eq(resends[2], out[0]);
        cr_assert_eq(out[0]->again, AGAIN_EXPIRED);
        cr_assert_eq(out[2]->again, AGAIN_PROBE);
        cr_assert_eq(world_turn(w), 3, "and its device has its turn");
        cr_assert_eq(w->sent[0].data[28], 4);
        world_end(w);
}

Test(window, an_orphan_fills_its_place_until_its_answer_comes)
{
        struct world *w = bench_new();
        struct request rq;

        world_submit(w, &rq, REQUEST_WRITE, 0, 1024);
        cr_assert_eq(world_turn(w), 1);
        slot_orphan(&w->e->slots[w->sent[0].cause]);
        cr_assert_null(w->e->slots[w->sent[0].cause].request);
        cr_assert_null(w->e->slots[w->sent[0].cause].payload, "the data is no longer ours");
        cr_assert(list_is_empty(&rq.slots));
        cr_assert_eq(world_path(w, 0).in_flight, 1);
        world_answer(w, 0);
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        cr_assert_eq(w->e->slots_used, 0);
        command_restart(w->e, &rq, w->now);
        world_end(w);
}

Test(window, an_orphan_that_is_lost_is_not_sent_again)
{
        struct world *w = bench_new();
        struct slot *s;
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 1024);
        cr_assert_eq(world_turn(w), 1);
        s = &w->e->slots[w->sent[0].cause];
        slot_orphan(s);
        slot_requeue(w->e, s, AGAIN_GAP, w->now);
        cr_assert_eq(s->state, SLOT_FREE);
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        cr_assert(list_is_empty(&world_device_at(w)->resend));
        command_restart(w->e, &rq, w->now);
        world_end(w);
}

Test(window, a_copy_of_a_detached_write_is_waited_for)
{
        struct world *w = bench_new();
        struct slot *s;
        struct request rq;

        world_submit(w, &rq, REQUEST_WRITE, 0, 1024);
        cr_assert_eq(world_turn(w), 1);
        s = &w->e->slots[w->sent[0].cause];
        cr_assert_eq(world_device(w).copies, 1);
        slot_requeue(w->e, s, AGAIN_GAP, w->now);
        cr_assert_null(s->copy, "it has given it away");
        cr_assert_eq(world_device(w).copies, 1, "it may still land");
        cr_assert(!list_is_empty(&world_path_at(w, 0)->unproven));
        world_end(w);
}

/* ---- frames that never left ---- */

struct trace_left {
        struct slot slot;
        struct path path;
        struct engine_counters counters;
        uint32_t link_bytes;
        unsigned station, device, engine, copies;
};

static struct trace_left trace_of(const struct world *w, unsigned slot)
{
        const struct path *p = world_path_at(w, 0);

        return (struct trace_left){
                .slot = w->e->slots[slot],
                .path = *p,
                .counters = w->e->counters,
                .link_bytes = w->e->links[0].in_flight_bytes,
                .station = p->station->in_flight,
                .device = p->device->in_flight,
                .engine = w->e->in_flight,
                .copies = p->device->copies,
        };
}

static void trace_compare(const struct trace_left *a, const struct trace_left *b)
{
        cr_assert_eq(a->slot.seq, b->slot.seq, "the tag was never seen");
        cr_assert_eq(a->slot.attempts, b->slot.attempts);
        cr_assert_eq(a->slot.first_at, b->slot.first_at);
        cr_assert_eq(a->slot.last.at, b->slot.last.at);
        cr_assert_eq(a->slot.last.serial, b->slot.last.serial);
        cr_assert_eq(a->slot.copy, b->slot.copy);
        cr_assert_eq(a->path.loss.serial_next, b->path.loss.serial_next);
        cr_assert_eq(a->path.in_flight_count, b->path.in_flight_count);
        cr_assert_eq(a->path.sent, b->path.sent);
        cr_assert_eq(a->path.resent, b->path.resent);
        cr_assert_eq(a->path.lost, b->path.lost);
        cr_assert_eq(a->counters.frames_sent, b->counters.frames_sent);
        cr_assert_eq(a->counters.frames_resent, b->counters.frames_resent);
        cr_assert_eq(a->link_bytes, b->link_bytes);
        cr_assert_eq(a->station, b->station);
        cr_assert_eq(a->device, b->device);
        cr_assert_eq(a->engine, b->engine);
        cr_assert_eq(a->copies, b->copies);
}

Test(window, a_frame_that_never_left_leaves_no_trace)
{
        struct world *w = bench_new();
        struct trace_left before, after;
        unsigned next = LIST_ENTRY(list_first(&w->e->slots_free), struct slot, node)->idx;
        struct request rq;
        struct tx tx;

        world_submit(w, &rq, REQUEST_WRITE, 0, 1024);
        before = trace_of(w, next);
        before.slot.attempts = 0;
        before.slot.first_at = before.slot.last.at = NSEC_NEVER;
        before.slot.last.serial = 0;
        cr_assert_eq(engine_emit(w->e, &tx, 1, w->now), 1);
        cr_assert_eq(tx.cause, next);
        engine_unsent(w->e, &tx, 1, w->now);
        after = trace_of(w, next);
        trace_compare(&before, &after);
        cr_assert_eq(after.slot.state, SLOT_QUEUED);
        world_end(w);
}

Test(window, nor_does_a_resend_that_never_left)
{
        struct world *w = bench_new();
        struct trace_left before, after;
        struct request rq;
        struct tx tx;

        world_submit(w, &rq, REQUEST_WRITE, 0, 1024);
        cr_assert_eq(world_turn(w), 1);
        world_path_at(w, 0)->resent = w->e->counters.frames_resent = 5;
        slot_requeue(w->e, &w->e->slots[w->sent[0].cause], AGAIN_GAP, w->now);
        before = trace_of(w, w->sent[0].cause);
        w->now += 7;
        cr_assert_eq(engine_emit(w->e, &tx, 1, w->now), 1);
        cr_assert_eq(world_path(w, 0).resent, 6);
        engine_unsent(w->e, &tx, 1, w->now);
        after = trace_of(w, w->sent[0].cause);
        trace_compare(&before, &after);
        cr_assert_eq(after.slot.before.at, NSEC_NEVER, "nobody knows any more");
        cr_assert_eq(after.slot.before.overtaken_at, NSEC_NEVER);
        cr_assert_null(after.slot.before.path);
        world_end(w);
}

Test(window, what_left_after_an_unsent_frame_keeps_its_serial)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        uint64_t serial = p->loss.serial_next;
        struct request rq;
        struct tx tx[3];

        world_submit(w, &rq, REQUEST_READ, 0, 3 * 1024);
        cr_assert_eq(engine_emit(w->e, tx, 3, w->now), 3);
        engine_unsent(w->e, tx + 1, 1, w->now);
        cr_assert_eq(p->loss.serial_next, serial + 3, "a later one has left");
        engine_unsent(w->e, tx + 2, 1, w->now);
        cr_assert_eq(p->loss.serial_next, serial + 2, "this was the last one");
        world_end(w);
}

Test(window, an_unsent_question_goes_out_before_all_else_with_the_same_tag)
{
        struct world *w = bench_new();
        struct request rq;
        struct tx tx[2];
        uint32_t tag;

        path_ask(w->e, world_path_at(w, 0), w->now);
        engine_tick(w->e, w->now);
        cr_assert_eq(engine_emit(w->e, tx, 2, w->now), 1);
        cr_assert_eq(tx[0].header[27], ATA_IDENTIFY);
        tag = be32_load(tx[0].header + 20);
        engine_unsent(w->e, tx, 1, w->now);
        cr_assert(list_is_linked(&world_device_at(w)->run), "it will be sent by itself");
        world_submit(w, &rq, REQUEST_READ, 0, 1024);
        cr_assert_eq(engine_emit(w->e, tx, 1, w->now), 1);
        cr_assert_eq(tx[0].header[27], ATA_IDENTIFY);
        cr_assert_eq(be32_load(tx[0].header + 20), tag);
        cr_assert_eq(tx[0].header[26], 1);
        engine_unsent(w->e, tx, 1, w->now);
        world_end(w);
}

/* ---- taken back ---- */

Test(window, what_is_detached_or_freed_is_on_no_queue)
{
        struct world *w = bench_new();
        struct device *d = world_device_at(w);
        struct slot *s = slot_take(w->e, SLOT_READ, d);

        list_add_tail(&d->resend, &s->node);
        slot_detach(w->e, s, w->now);
        cr_assert(list_is_empty(&d->resend));
        cr_assert(!list_is_linked(&s->node));
        list_add_tail(&d->resend, &s->node);
        slot_free(w->e, s);
        cr_assert(list_is_empty(&d->resend));
        world_end(w);
}
