/* SPDX-License-Identifier: MIT */
/*
 * Named stories, each about one thing that goes wrong in an otherwise quiet world. A story that
 * fails ends its process, so each runs in a child of its own. Found bugs end here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "story.h"
#include "wire/ata.h"

typedef void scenario_run(struct world *w, const char *name, bool is_loud);

/* What the scripts of the wire work with; each story sets what it needs. */
static struct {
        unsigned seen;       /* frames that the script was made for */
        unsigned most;       /* ... and how many of them it deals with */
        struct packet *held; /* owned */
        nsec delay;
} scenario_script;

static bool scenario_is_command(const struct packet *p, uint8_t command)
{
        return p->data[19] == AOE_COMMAND_ATA && p->data[27] == command;
}

/* A quiet world of one device at this MTU. */
static struct plan scenario_plan(uint32_t mtu)
{
        struct plan p;

        plan_make_quiet(&p);
        p.link_mtu[0] = mtu;
        p.targets[0].ports[0].mtu = mtu;
        memset(&scenario_script, 0, sizeof scenario_script);
        return p;
}

static void scenario_begin(struct world *w, const struct plan *p, const char *name, bool is_loud)
{
        story_begin(w, p, name, is_loud);
        world_run_for(w, 50 * NSEC_MS); /* payload is verified, timers have seen a few answers */
}

/* ---- loss ---- */

static enum wire_verdict scenario_drop_first(struct world *w, enum wire_lane lane, struct packet *p)
{
        (void)w;
        (void)p;
        return lane == WIRE_OUT && scenario_script.seen++ < scenario_script.most ? WIRE_DROP
                                                                                 : WIRE_PASS;
}

static void scenario_first_frame_lost(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;
        nsec start;

        world_init(w, &p, is_loud);
        w->story = name;
        scenario_script.most = 1;
        w->wire.script = scenario_drop_first;
        start = w->now;
        story_wait_state(w, DEVICE_UP, 250 * NSEC_MS);
        story_expect_true(w, scenario_script.seen > 1 && w->now > start, "a frame was lost");
        scenario_script.seen = 0; /* the first frame of user data, too */
        story_submit(w, &a, REQUEST_READ, 0, 4096);
        story_expect(w, &a, REQUEST_OK, 250 * NSEC_MS);
        story_end(w);
}

static enum wire_verdict scenario_drop_answers(struct world *w, enum wire_lane lane,
                                               struct packet *p)
{
        (void)w;
        if (lane == WIRE_IN && scenario_is_command(p, ATA_STATUS_DRDY) && p->bytes < 1024 &&
            scenario_script.seen++ < scenario_script.most)
                return WIRE_DROP;
        return WIRE_PASS;
}

/* The write has happened, only nobody says so: it happens again, and that is no harm. */
static void scenario_answer_lost(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;

        scenario_begin(w, &p, name, is_loud);
        scenario_script.most = 1;
        w->wire.script = scenario_drop_answers;
        story_submit(w, &a, REQUEST_WRITE, 4096, 1024);
        story_expect(w, &a, REQUEST_OK, 250 * NSEC_MS);
        story_expect_true(w, scenario_script.seen >= 2, "the write was answered twice");
        story_end(w);
}

/* ---- late copies ---- */

/* The first WRITE waits; it goes on its way `delay` after the next one passed. */
static enum wire_verdict scenario_hold_write(struct world *w, enum wire_lane lane, struct packet *p)
{
        if (lane != WIRE_OUT || !scenario_is_command(p, ATA_WRITE_EXT))
                return WIRE_PASS;
        if (scenario_script.seen++ == 0) {
                scenario_script.held = p;
                return WIRE_TAKEN;
        }
        if (scenario_script.held)
                wire_sim_deliver(w, WIRE_OUT, scenario_script.held,
                                 w->now + scenario_script.delay);
        scenario_script.held = NULL;
        return WIRE_PASS;
}

/* The oracle looks at the disk when the late copy lands: it must not land on the newer write. */
static void scenario_late_duplicate(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer first, second, beside;

        scenario_begin(w, &p, name, is_loud);
        scenario_script.delay = 8 * NSEC_MS;
        w->wire.script = scenario_hold_write;
        story_submit(w, &first, REQUEST_WRITE, 0, 1024);
        story_expect(w, &first, REQUEST_OK, 100 * NSEC_MS);
        story_submit(w, &second, REQUEST_WRITE, 512, 1024);
        story_submit(w, &beside, REQUEST_WRITE, 8192, 1024);
        story_expect(w, &beside, REQUEST_OK, 5 * NSEC_MS); /* elsewhere nothing waits */
        story_expect_open(w, &second);
        story_expect(w, &second, REQUEST_OK, 1500 * NSEC_MS);
        story_expect_true(w, scenario_script.seen >= 4, "there was a copy");
        story_end(w);
}

/* A flush waits for the copy, so that another host can write when it is over. */
static void scenario_flush_waits(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer write, flush;

        scenario_begin(w, &p, name, is_loud);
        scenario_script.delay = 8 * NSEC_MS;
        w->wire.script = scenario_hold_write;
        story_submit(w, &write, REQUEST_WRITE, 0, 1024);
        story_expect(w, &write, REQUEST_OK, 100 * NSEC_MS);
        story_submit(w, &flush, REQUEST_FLUSH, 0, 0);
        story_expect(w, &flush, REQUEST_OK, 1500 * NSEC_MS);
        oracle_alien_write(&w->oracle, 0, 0, 2);
        world_run_for(w, 100 * NSEC_MS);
        story_end(w);
}

/* A cancelled write has a copy out: it must not come after what is written later. */
static void scenario_cancelled_write(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer first, second;
        struct workload_item *i;

        scenario_begin(w, &p, name, is_loud);
        w->wire.script = scenario_hold_write;
        i = workload_make(w, 0, REQUEST_WRITE, 0, 512);
        i->ret_status = &first.status;
        first.status = REQUEST_PENDING;
        target_of_device(w, 0)->is_dead = true;
        story_wait_state(w, DEVICE_STALE, 2 * NSEC_SEC);
        engine_cancel(w->host.engine, &i->rq, w->now);
        host_wake(w);
        story_expect(w, &first, REQUEST_CANCELLED, NSEC_MS);
        if (scenario_script.held)
                packet_put(&w->packets, scenario_script.held);
        target_return(w, target_of_device(w, 0));
        story_submit(w, &second, REQUEST_WRITE, 0, 512);
        story_expect(w, &second, REQUEST_OK, 2500 * NSEC_MS);
        story_end(w);
}

/* ---- frames that must not count ---- */

/* In front of the true answer to a READ comes one with garbage and a wrong byte at `seen`. */
static enum wire_verdict scenario_forge(struct world *w, enum wire_lane lane, struct packet *p)
{
        struct packet *forged;

        if (lane != WIRE_IN || p->bytes < AOE_ATA_BYTES + DISK_SECTOR || !scenario_script.most)
                return WIRE_PASS;
        forged = packet_copy(&w->packets, p);
        forged->is_ours = false;
        forged->data[scenario_script.seen] ^= 1;
        memset(forged->data + AOE_ATA_BYTES, 0x77, forged->bytes - AOE_ATA_BYTES);
        host_enqueue(w, forged);
        return WIRE_PASS;
}

static void scenario_forged(struct world *w, const char *name, bool is_loud, unsigned byte,
                            enum drop reason)
{
        struct plan p = scenario_plan(1500);
        struct story_answer a;

        scenario_begin(w, &p, name, is_loud);
        scenario_script.seen = byte;
        scenario_script.most = 1;
        w->wire.script = scenario_forge;
        story_submit(w, &a, REQUEST_READ, 1000, 8000);
        story_expect(w, &a, REQUEST_OK, 100 * NSEC_MS);
        story_expect_true(w, story_dropped(w, reason) > 0, "the forged answer was dropped for that");
        story_end(w);
}

static void scenario_other_slot(struct world *w, const char *name, bool is_loud)
{
        scenario_forged(w, name, is_loud, 18, DROP_ADDRESS);
}

static void scenario_other_mac(struct world *w, const char *name, bool is_loud)
{
        scenario_forged(w, name, is_loud, 11, DROP_MAC);
}

static void scenario_other_tag(struct world *w, const char *name, bool is_loud)
{
        scenario_forged(w, name, is_loud, 20, DROP_TAG); /* another cookie */
}

static enum wire_verdict scenario_reflect(struct world *w, enum wire_lane lane, struct packet *p)
{
        if (lane == WIRE_OUT) {
                struct packet *twin = packet_copy(&w->packets, p);

                twin->is_ours = false;
                wire_sim_deliver(w, WIRE_IN, twin, w->now + NSEC_US);
        }
        return WIRE_PASS;
}

static void scenario_reflected(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer read, write;

        scenario_begin(w, &p, name, is_loud);
        w->wire.script = scenario_reflect;
        story_submit(w, &write, REQUEST_WRITE, 100, 5000);
        story_submit(w, &read, REQUEST_READ, 8192, 5000);
        story_expect(w, &write, REQUEST_OK, 100 * NSEC_MS);
        story_expect(w, &read, REQUEST_OK, 100 * NSEC_MS);
        story_expect_true(w, story_dropped(w, DROP_REQUEST) >= 10, "own frames were dropped");
        story_end(w);
}

/* Every answer is too short once, and too long when it comes again. */
static enum wire_verdict scenario_resize_answer(struct world *w, enum wire_lane lane,
                                                struct packet *p)
{
        (void)w;
        if (lane != WIRE_IN)
                return WIRE_PASS;
        if (scenario_script.seen++ % 2 == 0 && p->bytes > AOE_FRAME_BYTES_MIN) {
                p->bytes -= 1;
        } else {
                memset(p->data + p->bytes, 0xff, 300);
                p->bytes += 300;
        }
        return WIRE_PASS;
}

static void scenario_short_and_long(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer read, write;

        scenario_begin(w, &p, name, is_loud);
        w->wire.script = scenario_resize_answer;
        story_submit(w, &write, REQUEST_WRITE, 3, 3000);
        story_submit(w, &read, REQUEST_READ, 5000, 5000);
        story_expect(w, &write, REQUEST_OK, NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, NSEC_SEC);
        story_expect_true(w, story_dropped(w, DROP_LENGTH) > 0, "short answers were dropped");
        story_end(w);
}

/* ---- discovery and return ---- */

static enum wire_verdict scenario_drop_queries(struct world *w, enum wire_lane lane,
                                               struct packet *p)
{
        (void)w;
        return lane == WIRE_OUT && p->data[19] == AOE_COMMAND_CONFIG ? WIRE_DROP : WIRE_PASS;
}

/* No question reaches the target: its beacon, with vblade's version 0, is all there is. */
static void scenario_beacon(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);

        world_init(w, &p, is_loud);
        w->story = name;
        w->wire.script = scenario_drop_queries;
        world_run_for(w, NSEC_SEC);
        story_expect_true(w, story_device(w).addr == 0, "the device is not known yet");
        target_beacon(w, target_of_device(w, 0), target_device_at(w, 0), 0);
        story_wait_state(w, DEVICE_UP, 10 * NSEC_MS);
        story_end(w);
}

static void scenario_death(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer write, read;

        scenario_begin(w, &p, name, is_loud);
        target_die(w, target_of_device(w, 0));
        story_submit(w, &write, REQUEST_WRITE, 700, 3000);
        story_submit(w, &read, REQUEST_READ, 700, 3000);
        world_run_for(w, 20 * NSEC_SEC);
        story_expect_open(w, &write);
        story_expect_open(w, &read);
        target_of_device(w, 0)->is_dead = false; /* without a beacon: it must be asked for */
        story_expect(w, &write, REQUEST_OK, NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, NSEC_SEC);
        story_end(w);
}

static void scenario_timeout(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer write, read;
        nsec took;

        p.timeout = 5 * NSEC_SEC;
        scenario_begin(w, &p, name, is_loud);
        target_die(w, target_of_device(w, 0));
        story_submit(w, &write, REQUEST_WRITE, 700, 3000);
        took = story_expect(w, &write, REQUEST_TIMEOUT, 6 * NSEC_SEC);
        story_expect_true(w, took > 4 * NSEC_SEC, "it was waited for");
        story_wait_state(w, DEVICE_DOWN, NSEC_SEC);
        story_submit(w, &read, REQUEST_READ, 0, 512);
        story_expect(w, &read, REQUEST_TIMEOUT, NSEC_MS); /* at once: it is known to be down */
        target_return(w, target_of_device(w, 0));
        story_wait_state(w, DEVICE_UP, NSEC_SEC);
        story_end(w);
}

static void scenario_swap(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer waiting, refused, good;

        p.loss_waits = true;
        scenario_begin(w, &p, name, is_loud);
        chaos_swap(w, 0, 12 * NSEC_SEC);
        story_submit(w, &waiting, REQUEST_WRITE, 0, 8192);
        story_expect(w, &waiting, REQUEST_SWAPPED, 14 * NSEC_SEC); /* and nothing was written */
        story_submit(w, &refused, REQUEST_READ, 0, 512);
        story_expect(w, &refused, REQUEST_SWAPPED, NSEC_MS);
        chaos_revalidate(w, 0);
        story_wait_state(w, DEVICE_UP, NSEC_SEC);
        story_submit(w, &good, REQUEST_WRITE, 512, 8192);
        story_expect(w, &good, REQUEST_OK, NSEC_SEC);
        story_end(w);
}

/* ---- sizes ---- */

static void scenario_mtu_shrinks(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(9000);
        struct story_answer write, read;

        scenario_begin(w, &p, name, is_loud);
        story_expect_true(w, story_device(w).payload_bytes > 8192, "jumbo frames are in use");
        story_submit(w, &write, REQUEST_WRITE, 4096, 262144);
        story_submit(w, &read, REQUEST_READ, 300000, 262144);
        world_run_for(w, 900 * NSEC_US);
        story_expect_open(w, &write);
        w->wire.links[0].mtu = 1500;
        host_set_link(w, 0, true, 1500);
        story_expect(w, &write, REQUEST_OK, 2 * NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, 2 * NSEC_SEC);
        w->plan.link_mtu[0] = 1500;
        story_end(w);
}

/* Both ends say 9000, the switch between them passes 1500. */
static void scenario_black_hole(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(9000);
        struct story_answer write, read;

        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &write, REQUEST_WRITE, 4096, 131072);
        story_submit(w, &read, REQUEST_READ, 300000, 131072);
        world_run_for(w, 500 * NSEC_US);
        w->wire.links[0].mtu = 1500;
        story_expect(w, &write, REQUEST_OK, 3 * NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, 3 * NSEC_SEC);
        story_end(w);
}

static void scenario_lying(struct world *w, const char *name, bool is_loud, bool is_silent)
{
        struct plan p = scenario_plan(1500);
        struct story_answer write, read;

        p.link_mtu[0] = 9000; /* our side would take what is offered */
        p.targets[0].lies = true;
        p.targets[0].lies_silently = is_silent;
        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &write, REQUEST_WRITE, 1234, 20000);
        story_submit(w, &read, REQUEST_READ, 50000, 20000);
        story_expect(w, &write, REQUEST_OK, 2 * NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, 2 * NSEC_SEC);
        story_end(w);
}

static void scenario_lying_aloud(struct world *w, const char *name, bool is_loud)
{
        scenario_lying(w, name, is_loud, false);
}

static void scenario_lying_silently(struct world *w, const char *name, bool is_loud)
{
        scenario_lying(w, name, is_loud, true);
}

static void scenario_no_buffers(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer write, read;

        p.devices[0].buffers = 0; /* means one */
        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &write, REQUEST_WRITE, 1234, 20000);
        story_submit(w, &read, REQUEST_READ, 50000, 20000);
        story_expect(w, &write, REQUEST_OK, NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, NSEC_SEC);
        story_expect_true(w, target_device_at(w, 0)->overruns == 0, "no frame was too many");
        story_end(w);
}

/* ---- flush ---- */

static void scenario_flush_aborted(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer many[4];

        p.devices[0].flush = PLAN_FLUSH_ABORT;
        scenario_begin(w, &p, name, is_loud);
        for (unsigned i = 0; i < 4; i++)
                story_submit(w, &many[i], REQUEST_FLUSH, 0, 0);
        for (unsigned i = 0; i < 4; i++)
                story_expect(w, &many[i], REQUEST_OK, NSEC_SEC);
        story_expect_true(w, story_device(w).flush_class == FLUSH_NONE, "the class is none");
        story_expect_true(w, w->host.events_seen[0] & EVENT_FLUSH_NONE, "somebody was told");
        story_end(w);
}

/* vblade aborts the long form and takes the short one: two at once must not end at neither. */
static void scenario_flush_short_only(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer many[4];

        p.devices[0].flush = PLAN_FLUSH_ZERO;
        scenario_begin(w, &p, name, is_loud);
        for (unsigned i = 0; i < 4; i++)
                story_submit(w, &many[i], REQUEST_FLUSH, 0, 0);
        for (unsigned i = 0; i < 4; i++)
                story_expect(w, &many[i], REQUEST_OK, NSEC_SEC);
        story_expect_true(w, story_device(w).flush_class == FLUSH_ACCEPTED, "the class is accepted");
        story_end(w);
}

static void scenario_flush_silent(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer flush, read;

        p.devices[0].flush = PLAN_FLUSH_SILENT;
        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &flush, REQUEST_FLUSH, 0, 0);
        for (unsigned i = 0; i < 10; i++) {
                world_run_for(w, NSEC_SEC);
                story_submit(w, &read, REQUEST_READ, 512 * i, 512);
                story_expect(w, &read, REQUEST_OK, 100 * NSEC_MS); /* everything else goes on */
        }
        story_expect(w, &flush, REQUEST_OK, 45 * NSEC_SEC);
        story_expect_true(w, story_device(w).flush_class == FLUSH_NONE, "the class is none");
        story_end(w);
}

/* ---- the table ---- */

static const struct {
        const char *name;
        scenario_run *run;
} scenarios[] = {
        {"first frame of a session lost", scenario_first_frame_lost},
        {"answer to a write lost", scenario_answer_lost},
        {"late duplicate write", scenario_late_duplicate},
        {"flush waits for a late copy", scenario_flush_waits},
        {"cancelled write with a copy out", scenario_cancelled_write},
        {"reply from another shelf.slot with my tag", scenario_other_slot},
        {"reply from another MAC with my tag", scenario_other_mac},
        {"reply with another cookie", scenario_other_tag},
        {"reflected own frame", scenario_reflected},
        {"short and long answers", scenario_short_and_long},
        {"beacon with version 0", scenario_beacon},
        {"target dies and returns without a word", scenario_death},
        {"target never returns", scenario_timeout},
        {"target restarts with another disk", scenario_swap},
        {"MTU shrinks mid-request", scenario_mtu_shrinks},
        {"black hole for large frames", scenario_black_hole},
        {"lying sector count, bad argument", scenario_lying_aloud},
        {"lying sector count, silence", scenario_lying_silently},
        {"buffer count 0", scenario_no_buffers},
        {"flush aborted both ways", scenario_flush_aborted},
        {"flush aborted one way", scenario_flush_short_only},
        {"flush never answered", scenario_flush_silent},
};

#define SCENARIOS (sizeof scenarios / sizeof scenarios[0])

static void scenario_run_one(size_t idx, bool is_loud)
{
        static struct world w; /* large */

        world_catch_crashes();
        scenarios[idx].run(&w, scenarios[idx].name, is_loud);
}

/* In a child, for a story that fails never returns. */
static bool scenario_run_apart(size_t idx)
{
        pid_t pid;
        int status;

        fflush(stdout);
        pid = fork();
        if (pid < 0)
                return false;
        if (pid == 0) {
                scenario_run_one(idx, false);
                exit(0); /* not _exit: LeakSanitizer looks at exit */
        }
        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return false;
        }
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int scenario_trace(const char *name)
{
        for (size_t i = 0; i < SCENARIOS; i++) {
                if (strcmp(name, scenarios[i].name) == 0) {
                        scenario_run_one(i, true);
                        return 0;
                }
        }
        fprintf(stderr, "scenario: no story is called '%s'\n", name);
        return 2;
}

int main(int argc, char **argv)
{
        unsigned failed = 0;

        if (argc == 3 && strcmp(argv[1], "--trace") == 0)
                return scenario_trace(argv[2]);
        if (argc != 1) {
                fputs("scenario [--trace NAME]\n", stderr);
                return 2;
        }
        for (size_t i = 0; i < SCENARIOS; i++) {
                bool is_well = scenario_run_apart(i);

                failed += !is_well;
                printf("%s %s\n", is_well ? "ok    " : "FAILED", scenarios[i].name);
        }
        printf("scenario: %zu passed, %u failed\n", SCENARIOS - failed, failed);
        return failed > 0;
}
