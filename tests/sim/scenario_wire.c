/* SPDX-License-Identifier: MIT */
/* Stories of the wire: each loses, delays or forges exactly what it names. */
#include "scenario.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/ata.h"

/* ---- loss ---- */

static enum wire_verdict scenario_drop_first(struct world *w, enum wire_lane lane, struct packet *p)
{
        (void)w;
        (void)p;
        return lane == WIRE_OUT && scenario_script.seen++ < scenario_script.most ? WIRE_DROP
                                                                                 : WIRE_PASS;
}

void scenario_first_frame_lost(struct world *w, const char *name, bool is_loud)
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
void scenario_answer_lost(struct world *w, const char *name, bool is_loud)
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
                wire_sim_deliver(w, WIRE_OUT, scenario_script.held, w->now + scenario_script.delay);
        scenario_script.held = NULL;
        return WIRE_PASS;
}

/* The oracle looks at the disk when the late copy lands: it must not land on the newer write. */
void scenario_late_duplicate(struct world *w, const char *name, bool is_loud)
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
void scenario_flush_waits(struct world *w, const char *name, bool is_loud)
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
void scenario_cancelled_write(struct world *w, const char *name, bool is_loud)
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
        story_expect_true(w, story_dropped(w, reason) > 0,
                          "the forged answer was dropped for that");
        story_end(w);
}

void scenario_other_slot(struct world *w, const char *name, bool is_loud)
{
        scenario_forged(w, name, is_loud, 18, DROP_ADDRESS);
}

void scenario_other_mac(struct world *w, const char *name, bool is_loud)
{
        scenario_forged(w, name, is_loud, 11, DROP_MAC);
}

void scenario_other_tag(struct world *w, const char *name, bool is_loud)
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

void scenario_reflected(struct world *w, const char *name, bool is_loud)
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

void scenario_short_and_long(struct world *w, const char *name, bool is_loud)
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
