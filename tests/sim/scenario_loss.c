/* SPDX-License-Identifier: MIT */
/* Stories of loss detection: what is found out without waiting for the RTO, and what is unlearnt
 * when it was wrong. The RTO of these worlds is its floor of 5 ms. */
#include "scenario.h"

#include "wire/ata.h"

#define LOSS_RTO (5 * NSEC_MS)

static struct path_info loss_path(struct world *w)
{
        struct path_info p = {0};

        CHECK(engine_path_info(w->host.engine, w->plan.devices[0].addr, 0, &p));
        return p;
}

/* Requests one after the other, so that the path knows its RTT well. */
static void loss_warm_up(struct world *w, const struct plan *p, const char *name, bool is_loud)
{
        struct story_answer a;

        scenario_begin(w, p, name, is_loud);
        for (unsigned i = 0; i < 20; i++) {
                story_submit(w, &a, REQUEST_READ, 0, 16384);
                story_expect(w, &a, REQUEST_OK, 100 * NSEC_MS);
        }
        story_expect_true(w, loss_path(w).lost == 0, "nothing was lost so far");
}

/* Answers number `seen` to `most`, counted from now on, are lost. */
static enum wire_verdict loss_drop_answers(struct world *w, enum wire_lane lane, struct packet *p)
{
        (void)w;
        if (lane != WIRE_IN || p->bytes < AOE_ATA_BYTES)
                return WIRE_PASS;
        if (scenario_script.most == 0)
                return WIRE_PASS;
        if (scenario_script.seen > 0 && --scenario_script.seen > 0)
                return WIRE_PASS;
        scenario_script.most--;
        return WIRE_DROP;
}

/* The last frame of a request: no later one can show the gap. */
void scenario_tail_lost(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;
        struct path_info before, after;

        loss_warm_up(w, &p, name, is_loud);
        before = loss_path(w);
        scenario_script.seen = 8; /* 8 KiB are 8 frames */
        scenario_script.most = 1;
        w->wire.script = loss_drop_answers;
        story_submit(w, &a, REQUEST_READ, 0, 8192);
        story_expect(w, &a, REQUEST_OK, LOSS_RTO);
        after = loss_path(w);
        story_expect_true(w, after.probed == before.probed + 1, "one frame was sent to probe");
        story_expect_true(w, after.lost == before.lost + 1, "the probe's answer showed a loss");
        story_end(w);
}

/* The last four: the answer to the probe turns the others into gaps at once. */
void scenario_long_tail_lost(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;

        loss_warm_up(w, &p, name, is_loud);
        scenario_script.seen = 5;
        scenario_script.most = 4;
        w->wire.script = loss_drop_answers;
        story_submit(w, &a, REQUEST_READ, 0, 8192);
        story_expect(w, &a, REQUEST_OK, LOSS_RTO);
        story_expect_true(w, loss_path(w).lost == 4, "four frames were lost");
        story_end(w);
}

/* A frame and both probes of it: they must not fill the window of one frame for ever. */
void scenario_probes_lost(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;

        p.devices[0].buffers = 1;
        loss_warm_up(w, &p, name, is_loud);
        scenario_script.most = 3;
        w->wire.script = loss_drop_answers;
        story_submit(w, &a, REQUEST_READ, 0, 1024);
        story_expect(w, &a, REQUEST_OK, 2 * LOSS_RTO);
        story_expect_true(w, scenario_script.most == 0, "three answers were lost");
        story_end(w);
}

/* A gap with fewer later answers than count for sure, and nothing more to send. */
void scenario_gap_by_time(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;

        loss_warm_up(w, &p, name, is_loud);
        scenario_script.seen = 7; /* the last but one */
        scenario_script.most = 1;
        w->wire.script = loss_drop_answers;
        story_submit(w, &a, REQUEST_READ, 0, 8192);
        story_expect(w, &a, REQUEST_OK, LOSS_RTO);
        story_expect_true(w, loss_path(w).probed == 0, "no probe was needed");
        story_expect_true(w, loss_path(w).lost == 1, "one frame was lost");
        story_end(w);
}

/* Every answer is held back by `delay`: the target was busy for a while. */
static enum wire_verdict loss_hold_answers(struct world *w, enum wire_lane lane, struct packet *p)
{
        if (lane != WIRE_IN || !scenario_script.most)
                return WIRE_PASS;
        wire_sim_deliver(w, WIRE_IN, p, w->now + scenario_script.delay);
        return WIRE_TAKEN;
}

/* A target that is slow for once is probed; that is no loss, and costs no window. */
void scenario_needless_probe(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;
        struct path_info before, after;

        loss_warm_up(w, &p, name, is_loud);
        before = loss_path(w);
        scenario_script.delay = 3 * NSEC_MS;
        scenario_script.most = 1;
        w->wire.script = loss_hold_answers;
        story_submit(w, &a, REQUEST_READ, 0, 8192);
        story_expect(w, &a, REQUEST_OK, LOSS_RTO);
        scenario_script.most = 0;
        world_run_for(w, 20 * NSEC_MS);
        after = loss_path(w);
        story_expect_true(w, after.probed > before.probed, "it was probed");
        story_expect_true(w, after.lost == before.lost && after.late == before.late,
                          "nothing was called lost");
        story_expect_true(w, after.window >= before.window, "the window was not cut");
        story_end(w);
}

/* Every eighth answer comes 400 us late, behind a dozen of its successors. */
static enum wire_verdict loss_reorder_answers(struct world *w, enum wire_lane lane,
                                              struct packet *p)
{
        if (lane != WIRE_IN || p->bytes < AOE_ATA_BYTES || scenario_script.seen++ % 8 != 0)
                return WIRE_PASS;
        wire_sim_deliver(w, WIRE_IN, p, w->now + 1500 * NSEC_US);
        return WIRE_TAKEN;
}

/* A wire that reorders always is learnt: at first frames are called lost, later no more. */
void scenario_reordering_learnt(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct path_info first, middle, last;
        struct story_answer a;

        p.devices[0].buffers = 32;
        loss_warm_up(w, &p, name, is_loud);
        w->wire.script = loss_reorder_answers;
        for (unsigned i = 0; i < 120; i++) {
                story_submit(w, &a, REQUEST_READ, 0, 65536);
                story_expect(w, &a, REQUEST_OK, 100 * NSEC_MS);
                if (i == 0)
                        first = loss_path(w);
                if (i == 80)
                        middle = loss_path(w);
        }
        last = loss_path(w);
        story_expect_true(w, first.lost > 0, "at first late answers are called lost");
        story_expect_true(w, last.lost == middle.lost, "but no more when it knows the wire");
        story_expect_true(w, last.window >= 16, "what the false losses cost was given back");
        story_end(w);
}

/* Every answer to a FLUSH comes 700 ms late. */
static enum wire_verdict loss_hold_flush(struct world *w, enum wire_lane lane, struct packet *p)
{
        if (lane != WIRE_IN || p->bytes > AOE_FRAME_BYTES_MIN || p->data[26] != 0 ||
            scenario_script.seen == 0)
                return WIRE_PASS;
        wire_sim_deliver(w, WIRE_IN, p, w->now + 700 * NSEC_MS);
        return WIRE_TAKEN;
}

/* A disk that takes 700 ms to empty its cache: the wire is not slower for that. */
void scenario_slow_flush(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer flush;

        loss_warm_up(w, &p, name, is_loud);
        scenario_script.seen = 1;
        w->wire.script = loss_hold_flush;
        story_submit(w, &flush, REQUEST_FLUSH, 0, 0);
        story_expect(w, &flush, REQUEST_OK, 3 * NSEC_SEC);
        story_expect_true(w, loss_path(w).rto == LOSS_RTO, "the time-out is what it was");
        w->wire.script = NULL;
        story_end(w);
}

/* The resend is answered first, the original later: that, too, shows that it was not lost. */
void scenario_late_after_resend(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct path_info before, after;
        struct story_answer a;
        bool is_first = true;

        loss_warm_up(w, &p, name, is_loud);
        before = loss_path(w);
        scenario_script.seen = 0;
        w->wire.script = loss_reorder_answers;
        story_submit(w, &a, REQUEST_READ, 0, 8192);
        while (is_first) { /* one answer is on its detour: the others go straight */
                world_run_for(w, 50 * NSEC_US);
                is_first = scenario_script.seen == 0;
        }
        w->wire.script = NULL;
        story_expect(w, &a, REQUEST_OK, LOSS_RTO);
        world_run_for(w, 5 * NSEC_MS);
        after = loss_path(w);
        story_expect_true(w, after.lost == before.lost + 1, "one frame was called lost");
        story_expect_true(w, after.late == before.late + 1, "its answer came after all");
        story_expect_true(w, after.window >= before.window, "the cut was undone");
        story_end(w);
}
