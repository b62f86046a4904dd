/* SPDX-License-Identifier: MIT */
/* Slots: how they are shared out, what a transmission costs and counts, and what undoes it. */
#include "engine_world.h"

static const enum slot_kind request_kinds[] = {SLOT_READ, SLOT_EDGE, SLOT_WRITE, SLOT_FLUSH};
static const enum slot_kind pinned_kinds[] = {SLOT_IDENTIFY, SLOT_PROBE_OUT, SLOT_PROBE_BACK};

static struct world *bench_new(void)
{
        struct world *w = world_new();

        w->options.slots = 16;
        w->options.copies_max = 32;
        world_start(w, 1500);
        return w;
}

/* A slot that is as good as on the device's queues. */
static struct slot *bench_take(struct world *w, enum slot_kind kind, uint32_t sectors)
{
        struct slot *s = slot_take(w->e, kind, world_device_at(w));

        cr_assert(s);
        s->sectors = s->sectors_sent = sectors;
        return s;
}

/* ---- taking and freeing ---- */

Test(window, requests_leave_the_last_four_slots_to_identify_and_probes)
{
        struct world *w = bench_new();
        struct device *d = world_device_at(w);
        struct slot *taken[16];
        unsigned n = 0;

        for (; n < 16 - SLOTS_PINNED_MIN; n++) {
                taken[n] = slot_take(w->e, request_kinds[n % 4], d);
                cr_assert(taken[n], "request slot %u", n);
                cr_assert(!slot_is_pinned(taken[n]));
                cr_assert_eq(taken[n]->kind, request_kinds[n % 4]);
                cr_assert_eq(taken[n]->state, SLOT_QUEUED);
        }
        for (unsigned i = 0; i < 4; i++)
                cr_assert_null(slot_take(w->e, request_kinds[i], d));
        for (; n < 16; n++) {
                taken[n] = slot_take(w->e, pinned_kinds[n % 3], d);
                cr_assert(taken[n], "pinned slot %u", n);
                cr_assert(slot_is_pinned(taken[n]));
        }
        cr_assert_eq(w->e->slots_used, 16);
        for (unsigned i = 0; i < 3; i++)
                cr_assert_null(slot_take(w->e, pinned_kinds[i], d), "now there is none at all");
        while (n-- > 0)
                slot_free(w->e, taken[n]);
        cr_assert_eq(w->e->slots_used, 0);
        world_end(w);
}

Test(window, the_slot_that_was_freed_first_is_taken_first)
{
        struct world *w = bench_new();
        struct slot *s[16];
        static const unsigned order[3] = {1, 0, 2};

        for (unsigned i = 0; i < 16; i++)
                s[i] = bench_take(w, SLOT_IDENTIFY, 1);
        for (unsigned i = 0; i < 3; i++)
                slot_free(w->e, s[order[i]]);
        for (unsigned i = 0; i < 3; i++)
                cr_assert_eq(bench_take(w, SLOT_IDENTIFY, 1), s[order[i]]);
        for (unsigned i = 0; i < 16; i++)
                slot_free(w->e, s[i]);
        world_end(w);
}

Test(window, a_taken_slot_remembers_nothing_of_its_last_command)
{
        static const struct sending sending = {.serial = 3, .at = 4, .overtaken_at = 5};
        struct world *w = bench_new();
        struct device *d = world_device_at(w);
        struct slot *s = bench_take(w, SLOT_WRITE, 7);
        unsigned idx = s->idx;
        struct request rq;

        s->seq = 0x123;
        s->seq_ended = 0x99;
        s->attempts = 3;
        s->again = AGAIN_EXPIRED;
        s->last = s->before = sending;
        s->path = world_path_at(w, 0);
        s->request = &rq;
        s->first_at = 77;
        s->lba = 100;
        s->small = true;
        s->payload = w->disk;
        slot_free(w->e, s);
        cr_assert_null(s->request, "it is free: nobody's");
        while ((s = slot_take(w->e, SLOT_FLUSH, d))->idx != idx)
                slot_free(w->e, s); /* its turn comes when all others had theirs */
        cr_assert_eq(s->seq, 0x123, "the tag must not come back soon");
        cr_assert_eq(s->seq_ended, s->seq, "no transmission of this command has ended it");
        cr_assert_eq(s->attempts, 0);
        cr_assert(!slot_has_seq(s, s->seq));
        cr_assert_eq(s->again, AGAIN_NOT);
        cr_assert_eq(s->last.at, NSEC_NEVER);
        cr_assert_eq(s->before.at, NSEC_NEVER);
        cr_assert_eq(s->last.overtaken_at, NSEC_NEVER);
        cr_assert_null(s->last.path);
        cr_assert_null(s->request);
        cr_assert_null(s->path);
        cr_assert_null(s->payload);
        cr_assert_eq(s->device, d);
        cr_assert_eq(s->first_at, NSEC_NEVER);
        cr_assert_eq(s->lba, 0);
        cr_assert(!s->small);
        cr_assert_eq(s->sectors, 0);
        cr_assert_eq(s->sectors_sent, 0);
        slot_free(w->e, s);
        world_end(w);
}

Test(window, a_device_that_waits_for_a_slot_is_called_when_one_is_freed)
{
        struct world *w = world_new();
        struct request rq, other;
        struct device *d;

        w->options.slots = 16;
        w->ports[0].buffers = 64;
        world_port(w, 1, 2, aoe_addr_make(7, 2));
        world_start(w, 1500);
        world_warm_up(w, 10, 65536);
        d = device_find(w->e, aoe_addr_make(7, 2));
        world_submit(w, &rq, REQUEST_READ, 0, 16 * 1024);
        other = (struct request){
                .op = REQUEST_READ, .addr = d->addr, .offset = 0, .bytes = 4 * 1024};
        cr_assert_eq(world_turn(w), 16 - SLOTS_PINNED_MIN, "as many as there are slots");
        cr_assert_eq(world_device_at(w)->line, &w->e->line_slots);
        cr_assert(engine_submit(w->e, &other, w->now));
        cr_assert_eq(world_turn(w), 0);
        cr_assert_eq(d->line, &w->e->line_slots);
        world_answer(w, 0); /* its device goes first */
        cr_assert_eq(world_turn(w), 1);
        world_end(w);
}

Test(window, a_device_that_waits_for_room_on_its_link_is_called_when_an_answer_came)
{
        struct world *w = world_new();
        struct device *d;

        world_port(w, 0, 2, aoe_addr_make(7, 2));
        world_start(w, 1500);
        d = device_find(w->e, aoe_addr_make(7, 2));
        line_join(&w->e->links[0].line, d);
        path_ask(w->e, world_path_at(w, 0), w->now);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(d->line, &w->e->links[0].line);
        world_answer(w, 0);
        cr_assert_null(d->line);
        cr_assert(list_is_linked(&d->run));
        world_end(w);
}

/* ---- what a transmission costs ---- */

/* Sends s on the first path, as engine_emit does. */
static struct tx bench_send(struct world *w, struct slot *s)
{
        struct tx tx;

        slot_send(w->e, s, world_path_at(w, 0), &tx, w->now);
        return tx;
}

static uint32_t bench_cost(struct world *w, enum slot_kind kind, uint32_t sectors)
{
        uint32_t before = w->e->links[0].in_flight_bytes, cost;
        struct slot *s = bench_take(w, kind, sectors);

        world_path_at(w, 0)->payload.sectors = 17; /* a command is not cut */
        bench_send(w, s);
        cost = w->e->links[0].in_flight_bytes - before;
        slot_free(w->e, s);
        world_path_at(w, 0)->payload.sectors = 2;
        cr_assert_eq(w->e->links[0].in_flight_bytes, before, "all is given back");
        return cost;
}

Test(window, an_answer_costs_what_the_kernel_charges_for_its_buffer)
{
        struct world *w = bench_new();

        cr_assert_eq(bench_cost(w, SLOT_READ, 1), 1024 + 768);
        cr_assert_eq(bench_cost(w, SLOT_READ, 2), 2048 + 768);
        cr_assert_eq(bench_cost(w, SLOT_READ, 3), 2048 + 768, "1572 bytes");
        cr_assert_eq(bench_cost(w, SLOT_READ, 4), 4096 + 768, "2084 bytes");
        cr_assert_eq(bench_cost(w, SLOT_READ, 16), 16384 + 768, "8228 bytes");
        cr_assert_eq(bench_cost(w, SLOT_EDGE, 1), 1024 + 768);
        cr_assert_eq(bench_cost(w, SLOT_PROBE_BACK, 17), 16384 + 768);
        cr_assert_eq(bench_cost(w, SLOT_PROBE_OUT, 1), 1024 + 768);
        cr_assert_eq(bench_cost(w, SLOT_IDENTIFY, 1), 1024 + 768);
        cr_assert_eq(bench_cost(w, SLOT_FLUSH, 1), 1024 + 768);
        world_end(w);
}

Test(window, each_frame_is_counted_by_path_device_station_link_and_engine)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 4 * 1024);
        cr_assert_eq(world_turn(w), 4);
        for (unsigned left = 4; left > 0; left--) {
                cr_assert_eq(world_path(w, 0).in_flight, left);
                cr_assert_eq(p->device->in_flight, left);
                cr_assert_eq(p->station->in_flight, left);
                cr_assert_eq(p->station->busy, 1);
                cr_assert_eq(w->e->in_flight, left);
                cr_assert_eq(w->e->links[0].in_flight_bytes, left * (2048 + 768));
                world_answer(w, 4 - left);
        }
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        cr_assert_eq(p->device->in_flight, 0);
        cr_assert_eq(p->station->in_flight, 0);
        cr_assert_eq(p->station->busy, 0);
        cr_assert_eq(w->e->in_flight, 0);
        cr_assert_eq(w->e->links[0].in_flight_bytes, 0);
        world_end(w);
}

Test(window, a_flush_has_a_place_in_the_window_but_in_no_other_count)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct request rq;

        world_submit(w, &rq, REQUEST_FLUSH, 0, 0);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(world_path(w, 0).in_flight, 1);
        cr_assert_eq(p->device->in_flight, 0, "its silence is no sign");
        cr_assert_eq(p->station->in_flight, 0);
        cr_assert_eq(w->e->in_flight, 0);
        world_answer(w, 0);
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        world_expect(w, &rq, REQUEST_OK);
        world_end(w);
}

Test(window, identify_and_probes_are_outside_of_every_window)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);

        path_ask(w->e, p, w->now);
        cr_assert_eq(world_turn(w), 1);
        cr_assert_eq(w->sent[0].data[27], ATA_IDENTIFY);
        cr_assert_eq(world_path(w, 0).in_flight, 0);
        cr_assert_eq(p->device->in_flight, 0);
        cr_assert_eq(p->station->in_flight, 0);
        cr_assert_gt(w->e->links[0].in_flight_bytes, 0, "but its answer needs room");
        world_answer(w, 0);
        cr_assert_eq(w->e->links[0].in_flight_bytes, 0);
        world_end(w);
}

/* ---- what is sent ---- */

Test(window, a_command_carries_what_the_payload_allows)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct slot *s = bench_take(w, SLOT_READ, 5);
        static const struct {
                enum slot_kind kind;
                uint32_t sectors, sent;
        } cases[] = {{SLOT_READ, 5, 4},
                     {SLOT_READ, 4, 4},
                     {SLOT_READ, 3, 3},
                     {SLOT_EDGE, 1, 1},
                     {SLOT_PROBE_BACK, 17, 17}};

        slot_free(w->e, s);
        p->payload.sectors = 4;
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                s = bench_take(w, cases[i].kind, cases[i].sectors);
                cr_assert_eq(bench_send(w, s).header[26], cases[i].sent);
                cr_assert_eq(s->sectors_sent, cases[i].sent);
                cr_assert_eq(s->sectors, cases[i].sectors, "the rest is still to be done");
                slot_free(w->e, s);
        }
        s = bench_take(w, SLOT_READ, 5);
        s->small = true;
        cr_assert_eq(bench_send(w, s).header[26], PAYLOAD_SECTORS_SAFE);
        slot_free(w->e, s);
        p->payload.sectors = 2;
        world_end(w);
}

Test(window, another_size_is_another_piece_and_no_resend)
{
        struct world *w = bench_new();
        struct path *p = world_path_at(w, 0);
        struct slot *s = bench_take(w, SLOT_READ, 2);
        uint64_t resent = p->resent;
        uint16_t first;

        bench_send(w, s);
        first = s->seq;
        slot_detach(w->e, s, w->now);
        bench_send(w, s);
        cr_assert_eq(s->attempts, 2);
        cr_assert_eq(p->resent, resent + 1);
        cr_assert(slot_has_seq(s, first), "the same piece: the first answer will do");
        cr_assert_eq(s->before.serial + 1, s->last.serial);
        slot_detach(w->e, s, w->now);
        p->payload.sectors = 1;
        bench_send(w, s);
        cr_assert_eq(s->attempts, 1);
        cr_assert_eq(p->resent, resent + 1);
        cr_assert(!slot_has_seq(s, first), "an answer to it is of another length");
        cr_assert_eq(s->before.at, NSEC_NEVER);
        slot_free(w->e, s);
        p->payload.sectors = 2;
        world_end(w);
}

Test(window, an_advanced_slot_goes_on_where_its_piece_ended)
{
        struct world *w = bench_new();
        struct slot *s = bench_take(w, SLOT_WRITE, 8);

        s->lba = 10;
        s->sectors_sent = 3;
        s->payload = w->disk;
        s->attempts = 2;
        s->again = AGAIN_EXPIRED;
        s->first_at = 5;
        s->small = true;
        s->last.at = s->before.at = 5;
        slot_advance(s);
        cr_assert_eq(s->lba, 13);
        cr_assert_eq(s->sectors, 5);
        cr_assert_eq(s->payload, w->disk + 3 * AOE_SECTOR_BYTES);
        cr_assert_eq(s->attempts, 0);
        cr_assert_eq(s->again, AGAIN_NOT);
        cr_assert_eq(s->first_at, NSEC_NEVER);
        cr_assert_eq(s->last.at, NSEC_NEVER);
        cr_assert_eq(s->before.at, NSEC_NEVER);
        cr_assert(!s->small);
        s->payload = NULL;
        slot_advance(s);
        cr_assert_null(s->payload, "a read has none");
        slot_free(w->e, s);
        world_end(w);
}

Test(window, a_seq_names_a_transmission_of_the_present_piece_across_its_wrap)
{
        struct slot s = {.seq = 1, .attempts = 3};

        cr_assert(slot_has_seq(&s, 1));
        cr_assert(slot_has_seq(&s, 0));
        cr_assert(slot_has_seq(&s, 0xfff));
        cr_assert(!slot_has_seq(&s, 0xffe));
        cr_assert(!slot_has_seq(&s, 2), "it was not sent yet");
        s.attempts = 0;
        cr_assert(!slot_has_seq(&s, 1));
}

Test(window, each_transmission_has_the_next_seq_and_a_tag_of_it)
{
        struct world *w = bench_new();
        struct slot *s = bench_take(w, SLOT_READ, 2);
        struct tx tx;

        s->seq = 0xffe;
        for (unsigned seq = 0xfff; seq <= 0x1001; seq++) {
                tx = bench_send(w, s);
                cr_assert_eq(be32_load(tx.header + 20),
                             ENGINE_TAG_COOKIE(5) | (seq & 0xfff) << 12 | s->idx);
                cr_assert_eq(tx.cause, s->idx);
                slot_detach(w->e, s, w->now);
        }
        slot_free(w->e, s);
        world_end(w);
}

Test(window, no_more_than_half_of_all_seqs_belong_to_one_piece)
{
        struct world *w = bench_new();
        struct slot *s = bench_take(w, SLOT_READ, 2);

        s->attempts = 2046;
        for (unsigned i = 0; i < 3; i++) {
                bench_send(w, s);
                slot_detach(w->e, s, w->now);
                cr_assert_eq(s->attempts, i == 0 ? 2047 : 2048);
        }
        cr_assert(slot_has_seq(s, (s->seq - 2047) & SLOT_SEQ_MASK));
        cr_assert(!slot_has_seq(s, (s->seq - 2048) & SLOT_SEQ_MASK));
        slot_free(w->e, s);
        world_end(w);
}

Test(window, the_first_transmission_of_a_command_is_remembered)
{
        struct world *w = bench_new();
        struct slot *s = bench_take(w, SLOT_READ, 2);
        nsec first = w->now;

        bench_send(w, s);
        slot_detach(w->e, s, w->now);
        w->now += 5;
        bench_send(w, s);
        cr_assert_eq(s->first_at, first);
        cr_assert_eq(s->last.at, first + 5);
        cr_assert_eq(s->before.at, first);
        slot_free(w->e, s);
        world_end(w);
}

Test(window, each_form_of_flush_is_sent_as_targets_know_it)
{
        static const struct {
                enum flush_form form;
                uint8_t command, count, aflags;
        } cases[] = {
                {FLUSH_FORM_EXT, ATA_FLUSH_EXT, 0, AOE_ATA_EXTENDED},
                {FLUSH_FORM_EXT_ONE, ATA_FLUSH_EXT, 1, AOE_ATA_EXTENDED},
                {FLUSH_FORM_SHORT, ATA_FLUSH, 0, 0},
                {FLUSH_FORM_SHORT_ONE, ATA_FLUSH, 1, 0},
        };
        struct world *w = bench_new();

        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct slot *s = bench_take(w, SLOT_FLUSH, 0);
                struct tx tx;

                world_device_at(w)->flush_form = cases[i].form;
                tx = bench_send(w, s);
                cr_assert_eq(tx.header[24], cases[i].aflags);
                cr_assert_eq(tx.header[26], cases[i].count);
                cr_assert_eq(tx.header[27], cases[i].command);
                cr_assert_eq(tx.header_bytes, AOE_FRAME_BYTES_MIN);
                cr_assert_eq(s->flush_form, cases[i].form);
                slot_free(w->e, s);
        }
        world_end(w);
}

Test(window, a_write_follows_its_36_bytes_and_all_else_is_padded_to_60)
{
        struct world *w = bench_new();
        struct request rq;
        struct tx tx;

        world_submit(w, &rq, REQUEST_WRITE, 4096, 1024);
        cr_assert_eq(engine_emit(w->e, &tx, 1, w->now), 1);
        cr_assert_eq(tx.link, 0);
        cr_assert_eq(tx.header_bytes, AOE_ATA_BYTES);
        cr_assert_eq(tx.payload, w->disk + 4096, "borrowed, not copied");
        cr_assert_eq(tx.payload_bytes, 1024);
        cr_assert_arr_eq(tx.header, w->ports[0].mac, 6);
        cr_assert_eq(tx.header[19], AOE_COMMAND_ATA);
        cr_assert_eq(tx.header[27], ATA_WRITE_EXT);
        engine_unsent(w->e, &tx, 1, w->now);
        world_run(w);
        world_expect(w, &rq, REQUEST_OK);
        world_submit(w, &rq, REQUEST_READ, 4096, 1024);
        cr_assert_eq(engine_emit(w->e, &tx, 1, w->now), 1);
        cr_assert_eq(tx.header_bytes, AOE_FRAME_BYTES_MIN);
        cr_assert_eq(tx.payload_bytes, 0);
        engine_unsent(w->e, &tx, 1, w->now);
        world_end(w);
}

/* ---- the window ---- */

Test(window, it_grows_only_when_it_was_what_held_more_back)
{
        struct world *w = bench_new();

        cr_assert_eq(world_path(w, 0).window, 8);
        world_warm_up(w, 5, 7 * 1024);
        cr_assert_eq(world_path(w, 0).window, 8, "seven of eight: it was never full");
        world_warm_up(w, 1, 8 * 1024);
        cr_assert_eq(world_path(w, 0).window, 16, "one for each answer, up to the buffers");
        world_end(w);
}

Test(window, a_path_has_no_more_in_flight_than_its_window)
{
        struct world *w = bench_new();
        struct request rq;

        world_submit(w, &rq, REQUEST_READ, 0, 20 * 1024);
        cr_assert_eq(world_turn(w), 8);
        world_answer(w, 0);
        cr_assert_eq(world_turn(w), 2, "one that was answered, one that it grew by");
        world_end(w);
}
