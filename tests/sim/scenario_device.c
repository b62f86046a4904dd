/* SPDX-License-Identifier: MIT */
/* Stories of targets and of what runs out: discovery, return, sizes, flush, memory. */
#include "scenario.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/ata.h"

/* ---- discovery and return ---- */

static enum wire_verdict scenario_drop_queries(struct world *w, enum wire_lane lane,
                                               struct packet *p)
{
        (void)w;
        return lane == WIRE_OUT && p->data[19] == AOE_COMMAND_CONFIG ? WIRE_DROP : WIRE_PASS;
}

/* No question reaches the target: its beacon, with vblade's version 0, is all there is. */
void scenario_beacon(struct world *w, const char *name, bool is_loud)
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

void scenario_death(struct world *w, const char *name, bool is_loud)
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

void scenario_timeout(struct world *w, const char *name, bool is_loud)
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

void scenario_swap(struct world *w, const char *name, bool is_loud)
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

/* The first beacon on the second link is lost. */
static enum wire_verdict scenario_drop_beacon(struct world *w, enum wire_lane lane,
                                              struct packet *p)
{
        (void)w;
        return lane == WIRE_IN && p->link == 1 && be32_load(p->data + 20) == 0 ? WIRE_DROP
                                                                               : WIRE_PASS;
}

/* One path shows the other disk; the other path must not be trusted until it was asked, too. */
void scenario_swap_two_paths(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer read, write;

        p.link_count = 2;
        p.targets[0].port_count = 2;
        scenario_begin(w, &p, name, is_loud);
        world_run_for(w, 2 * NSEC_SEC); /* the broadcasts of the beginning are over */
        w->wire.script = scenario_drop_beacon;
        chaos_swap(w, 0, 5 * NSEC_SEC); /* the device is idle: nobody notices */
        world_run_for(w, 5 * NSEC_SEC + 50 * NSEC_MS);
        story_submit(w, &write, REQUEST_WRITE, 0, 8192);
        story_submit(w, &read, REQUEST_READ, 8192, 8192);
        story_expect(w, &write, REQUEST_SWAPPED, 5 * NSEC_SEC);
        story_expect(w, &read, REQUEST_SWAPPED, 5 * NSEC_SEC);
        story_end(w);
}

/* ---- another size ---- */

/* Nobody says a word, nothing is restarted: it is noticed when the disk is next compared. */
void scenario_grows(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct target_device *d;
        struct story_answer read;
        nsec end;

        scenario_begin(w, &p, name, is_loud);
        d = target_device_at(w, 0);
        w->host.events_seen[0] = 0;
        target_resize(w, d, d->disks[0].sectors + 2048);
        for (end = w->now + 12 * NSEC_SEC; w->now < end && !(w->host.events_seen[0] & EVENT_SIZE);)
                world_run_for(w, 10 * NSEC_MS);
        story_expect_true(w, w->host.events_seen[0] & EVENT_SIZE, "the new size was told");
        story_expect_true(w, story_device(w).bytes == d->disks[0].sectors * DISK_SECTOR,
                          "the new size is known");
        story_submit(w, &read, REQUEST_READ, (d->disks[0].sectors - 8) * DISK_SECTOR, 4096);
        story_expect(w, &read, REQUEST_OK, 100 * NSEC_MS);
        story_end(w);
}

/* What lies beyond fails, and from the second time on without a question. */
void scenario_shrinks(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct target_device *d;
        struct story_answer beyond, again, within;
        uint64_t end_bytes;

        p.devices[0].sectors += 2048;
        scenario_begin(w, &p, name, is_loud);
        d = target_device_at(w, 0);
        end_bytes = d->disks[0].sectors * DISK_SECTOR;
        target_resize(w, d, d->disks[0].sectors - 1024);
        story_submit(w, &beyond, REQUEST_READ, end_bytes - 4096, 4096);
        story_expect(w, &beyond, REQUEST_ERROR, 100 * NSEC_MS);
        world_run_for(w, 20 * NSEC_MS);
        story_expect_true(w, story_device(w).bytes == end_bytes - 1024 * DISK_SECTOR,
                          "the new size is known");
        story_submit(w, &again, REQUEST_READ, end_bytes - 4096, 4096);
        story_submit(w, &within, REQUEST_READ, 0, 4096);
        story_expect(w, &again, REQUEST_RANGE, NSEC_MS);
        story_expect(w, &within, REQUEST_OK, 100 * NSEC_MS);
        story_end(w);
}

/* After silence a smaller disk is another one; when it has its size again, it is the old one. */
void scenario_shrinks_in_silence(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct target_device *d;
        struct story_answer write, read;

        p.devices[0].sectors += 2048;
        scenario_begin(w, &p, name, is_loud);
        d = target_device_at(w, 0);
        chaos_restart(w, 0, 100 * NSEC_MS);
        target_resize(w, d, d->disks[0].sectors - 1024);
        story_submit(w, &write, REQUEST_WRITE, 0, 4096);
        story_expect(w, &write, REQUEST_SWAPPED, 2 * NSEC_SEC);
        target_resize(w, d, d->sectors_most);
        story_wait_state(w, DEVICE_UP, 3 * NSEC_SEC);
        story_submit(w, &read, REQUEST_READ, 0, 4096);
        story_expect(w, &read, REQUEST_OK, 100 * NSEC_MS);
        story_end(w);
}

/* ---- zeroes and TRIM ---- */

static enum wire_verdict scenario_count_trims(struct world *w, enum wire_lane lane,
                                              struct packet *p)
{
        (void)w;
        scenario_script.seen += lane == WIRE_OUT && scenario_is_command(p, ATA_DSM);
        return WIRE_PASS;
}

static void scenario_zero(struct world *w, const char *name, bool is_loud, enum plan_trim trim,
                          unsigned trims)
{
        struct plan p = scenario_plan(1500);
        struct story_answer zero, odd;
        struct workload_item *i;

        p.devices[0].trim = trim;
        scenario_begin(w, &p, name, is_loud);
        w->wire.script = scenario_count_trims;
        i = workload_make(w, 0, REQUEST_ZERO, 8192, 262144);
        i->rq.may_trim = true;
        i->ret_status = &zero.status;
        zero.status = REQUEST_PENDING;
        zero.submitted_at = w->now;
        story_expect(w, &zero, REQUEST_OK, NSEC_SEC);
        story_submit(w, &odd, REQUEST_ZERO, 1000, 3000); /* partial sectors are merged */
        story_expect(w, &odd, REQUEST_OK, NSEC_SEC);
        story_expect_true(w, scenario_script.seen == trims, "TRIM was used as the disk allows");
        story_end(w); /* which looks at every byte */
}

void scenario_zero_by_writes(struct world *w, const char *name, bool is_loud)
{
        scenario_zero(w, name, is_loud, PLAN_TRIM_NONE, 0);
}

void scenario_zero_by_trim(struct world *w, const char *name, bool is_loud)
{
        scenario_zero(w, name, is_loud, PLAN_TRIM_ZEROES, 1);
}

/* torus promises TRIM and aborts it: the zeroes are written, and it is not tried again. */
void scenario_zero_after_abort(struct world *w, const char *name, bool is_loud)
{
        scenario_zero(w, name, is_loud, PLAN_TRIM_ABORT, 1);
}

void scenario_trim(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer trim, nothing;

        p.devices[0].trim = PLAN_TRIM_ZEROES;
        scenario_begin(w, &p, name, is_loud);
        w->wire.script = scenario_count_trims;
        story_submit(w, &nothing, REQUEST_TRIM, 100, 900); /* no whole sector is in it */
        story_expect(w, &nothing, REQUEST_OK, NSEC_MS);
        story_expect_true(w, scenario_script.seen == 0, "nothing was sent");
        story_submit(w, &trim, REQUEST_TRIM, 4000, 100000);
        story_expect(w, &trim, REQUEST_OK, 100 * NSEC_MS);
        story_expect_true(w, scenario_script.seen == 1, "one command did it");
        story_end(w);
}

/* ---- everything taken ---- */

/* All slots carry requests when the target restarts: IDENTIFY must find one all the same. */
void scenario_no_slot(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer read;

        p.slots = 16;
        p.devices[0].buffers = 64;
        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &read, REQUEST_READ, 0, 1 << 20);
        world_run_for(w, 30 * NSEC_MS); /* the window has grown to more than there are slots */
        story_expect_open(w, &read);
        w->wire.links[0].lanes[WIRE_IN].is_cut = true; /* no answer frees a slot */
        world_run_for(w, 3 * NSEC_MS);
        w->wire.links[0].lanes[WIRE_IN].is_cut = false;
        target_die(w, target_of_device(w, 0));
        target_return(w, target_of_device(w, 0));
        story_expect(w, &read, REQUEST_OK, 3 * NSEC_SEC);
        story_end(w);
}

/* More frames than reads may ever hold. */
void scenario_no_frames(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(9000);
        struct story_answer read;

        p.frame_count = 120;
        p.frames_for_reads = 20;
        scenario_begin(w, &p, name, is_loud);
        story_submit(w, &read, REQUEST_READ, 5, 1 << 20);
        story_expect(w, &read, REQUEST_OK, NSEC_SEC);
        story_end(w);
}

/* Writes of partial sectors hold a little memory each, a read between them wants all of it. */
void scenario_no_memory(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer writes[12], read;

        p.arena_blocks = 1;
        scenario_begin(w, &p, name, is_loud);
        for (unsigned i = 0; i < 12; i++)
                story_submit(w, &writes[i], REQUEST_WRITE, 5000 * i + 7, 100);
        story_submit(w, &read, REQUEST_READ, 0, 1 << 20);
        for (unsigned i = 0; i < 12; i++)
                story_expect(w, &writes[i], REQUEST_OK, NSEC_SEC);
        story_expect(w, &read, REQUEST_OK, NSEC_SEC);
        story_end(w);
}

/* ---- sizes ---- */

void scenario_mtu_shrinks(struct world *w, const char *name, bool is_loud)
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
void scenario_black_hole(struct world *w, const char *name, bool is_loud)
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

void scenario_lying_aloud(struct world *w, const char *name, bool is_loud)
{
        scenario_lying(w, name, is_loud, false);
}

void scenario_lying_silently(struct world *w, const char *name, bool is_loud)
{
        scenario_lying(w, name, is_loud, true);
}

void scenario_no_buffers(struct world *w, const char *name, bool is_loud)
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

void scenario_flush_aborted(struct world *w, const char *name, bool is_loud)
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
void scenario_flush_short_only(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(1500);
        struct story_answer many[4];

        p.devices[0].flush = PLAN_FLUSH_ZERO;
        scenario_begin(w, &p, name, is_loud);
        for (unsigned i = 0; i < 4; i++)
                story_submit(w, &many[i], REQUEST_FLUSH, 0, 0);
        for (unsigned i = 0; i < 4; i++)
                story_expect(w, &many[i], REQUEST_OK, NSEC_SEC);
        story_expect_true(w, story_device(w).flush_class == FLUSH_ACCEPTED,
                          "the class is accepted");
        story_end(w);
}

void scenario_flush_silent(struct world *w, const char *name, bool is_loud)
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
