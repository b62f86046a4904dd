/* SPDX-License-Identifier: MIT */
/* Stories of several paths, and of several devices behind one MAC. */
#include "scenario.h"

#define PATH_RTO (5 * NSEC_MS)

static struct path_info path_at(struct world *w, unsigned device, unsigned idx)
{
        struct path_info p = {0};

        CHECK(engine_path_info(w->host.engine, w->plan.devices[device].addr, idx, &p));
        return p;
}

/* The path of device 0 over this link. */
static struct path_info path_over(struct world *w, unsigned link)
{
        struct path_info p = path_at(w, 0, 0);

        return p.link == link ? p : path_at(w, 0, 1);
}

static struct plan path_plan_two(uint32_t mtu)
{
        struct plan p = scenario_plan(mtu);

        p.link_count = 2;
        p.link_mtu[1] = mtu;
        p.targets[0].port_count = 2;
        p.targets[0].ports[1].mtu = mtu;
        return p;
}

/* Reads one after the other; returns how long the slowest took. */
static nsec path_read(struct world *w, unsigned count, uint32_t bytes)
{
        struct story_answer a;
        nsec slowest = 0;

        for (unsigned i = 0; i < count; i++) {
                story_submit(w, &a, REQUEST_READ, 0, bytes);
                slowest = nsec_max(slowest, story_expect(w, &a, REQUEST_OK, NSEC_SEC));
        }
        return slowest;
}

static enum wire_verdict path_cut_link_1(struct world *w, enum wire_lane lane, struct packet *p)
{
        (void)w;
        (void)lane;
        return p->link == 1 ? WIRE_DROP : WIRE_PASS;
}

/* One of two paths dies without a word: it is left within three RTOs, and comes back by itself. */
void scenario_path_dies(struct world *w, const char *name, bool is_loud)
{
        struct plan p = path_plan_two(1500);
        nsec slowest, limit;

        scenario_begin(w, &p, name, is_loud);
        path_read(w, 20, 65536);
        story_expect_true(w, path_over(w, 0).sent > 300 && path_over(w, 1).sent > 300,
                          "both paths carry their share");
        limit = 3 * nsec_max(path_over(w, 1).rto, PATH_RTO);
        w->wire.script = path_cut_link_1;
        slowest = path_read(w, 50, 65536);
        story_expect_true(w, slowest < limit, "no read waited for more than three RTOs");
        world_run_for(w, 200 * NSEC_MS);
        story_expect_true(w, path_over(w, 1).state == PATH_DEAD, "the path is called dead");
        w->wire.script = NULL;
        world_run_for(w, 2 * NSEC_SEC);
        story_expect_true(w, path_over(w, 1).state == PATH_UP, "it is up again");
        path_read(w, 20, 65536);
        story_expect_true(w, path_over(w, 1).in_flight == 0, "and has carried its share");
        story_end(w);
}

/* One path takes 20 ms for what the other does in 200 us. */
void scenario_slow_path(struct world *w, const char *name, bool is_loud)
{
        struct plan p = path_plan_two(1500);
        uint64_t sent;
        nsec slowest;

        p.link_delay[1] = 10 * NSEC_MS;
        scenario_begin(w, &p, name, is_loud);
        path_read(w, 20, 65536);
        slowest = path_read(w, 50, 65536);
        story_expect_true(w, slowest < 20 * NSEC_MS, "no read waited for the slow path");
        w->plan.link_delay[1] = 50 * NSEC_US;
        for (unsigned i = 0; i < 100; i++) { /* while there is work it is asked how it is */
                path_read(w, 1, 65536);
                world_run_for(w, 100 * NSEC_MS);
        }
        sent = path_over(w, 1).sent;
        path_read(w, 20, 65536);
        story_expect_true(w, path_over(w, 1).sent > sent + 100, "faster now, it takes part");
        story_end(w);
}

/* One path carries two sectors a frame, the other seventeen. */
void scenario_small_path(struct world *w, const char *name, bool is_loud)
{
        struct plan p = path_plan_two(9000);
        uint64_t sent;

        p.link_mtu[1] = 1500;
        p.targets[0].ports[1].mtu = 1500;
        scenario_begin(w, &p, name, is_loud);
        sent = path_over(w, 1).sent;
        path_read(w, 20, 262144);
        story_expect_true(w, path_over(w, 1).sent <= sent + 2, "the small one does not take part");
        w->wire.script = path_cut_link_1; /* of no matter */
        path_read(w, 1, 262144);
        w->wire.script = NULL;
        host_set_link(w, 0, false, 9000); /* now it is all there is */
        path_read(w, 5, 262144);
        story_expect_true(w, path_over(w, 1).sent > sent + 1000, "it does when it must");
        host_set_link(w, 0, true, 9000);
        story_end(w);
}

static enum wire_verdict path_swallow_large(struct world *w, enum wire_lane lane, struct packet *p)
{
        (void)w;
        return lane == WIRE_IN && p->bytes > 3000 ? WIRE_DROP : WIRE_PASS;
}

/* Large answers vanish while small ones pass: no RTO of the path ever backs off, and yet it is
 * found out. Requests of all sizes go on. */
void scenario_hole_among_small(struct world *w, const char *name, bool is_loud)
{
        struct plan p = scenario_plan(9000);
        struct story_answer large, small;
        nsec took;

        scenario_begin(w, &p, name, is_loud);
        path_read(w, 5, 65536);
        w->wire.script = path_swallow_large;
        story_submit(w, &large, REQUEST_READ, 0, 65536);
        while (large.status == REQUEST_PENDING) {
                story_submit(w, &small, REQUEST_READ, 200000, 512);
                story_expect(w, &small, REQUEST_OK, NSEC_SEC);
                story_expect_true(w, w->now - large.submitted_at < NSEC_SEC,
                                  "the large read ends within a second");
        }
        story_expect(w, &large, REQUEST_OK, NSEC_MS);
        world_run_for(w, NSEC_SEC); /* until the trials have found what does pass */
        took = path_read(w, 5, 65536);
        story_expect_true(w, took < 20 * NSEC_MS, "smaller frames are at full speed");
        story_expect_true(w, story_device(w).payload_bytes == 2048, "half and half again passes");
        story_end(w);
}

/* Four devices behind one MAC and a slow wire with a short queue: equal shares, and no flood. */
void scenario_one_station(struct world *w, const char *name, bool is_loud)
{
        struct story_answer answers[4];
        struct plan p = scenario_plan(1500);
        uint64_t done[4] = {0}, sent = 0, lost = 0, least, most;
        struct path_info path;

        p.device_count = 4;
        for (unsigned i = 1; i < 4; i++) {
                p.devices[i] = p.devices[0];
                p.devices[i].addr += i;
        }
        scenario_begin(w, &p, name, is_loud);
        w->plan.faults |= UINT64_C(1) << FAULT_RATE;
        w->wire.links[0].lanes[WIRE_IN].ns_per_byte = 80; /* 100 Mbit/s, 16 KB of queue */
        for (unsigned i = 0; i < 4; i++)
                answers[i].status = REQUEST_OK;
        for (nsec end = w->now + 2 * NSEC_SEC; w->now < end; world_run_for(w, 50 * NSEC_US)) {
                for (unsigned i = 0; i < 4; i++) {
                        if (answers[i].status == REQUEST_PENDING)
                                continue;
                        done[i]++;
                        story_submit_to(w, &answers[i], i, REQUEST_READ, 0, 16384);
                }
        }
        least = most = done[0];
        for (unsigned i = 0; i < 4; i++) {
                path = path_at(w, i, 0);
                sent += path.sent;
                lost += path.lost;
                least = done[i] < least ? done[i] : least;
                most = done[i] > most ? done[i] : most;
        }
        story_expect_true(w, least * 10 >= most * 8, "each has its share");
        story_expect_true(w, lost * 20 < sent, "less than one frame in twenty is lost");
        story_expect_true(w, sent > 20000, "the wire is busy");
        story_end(w);
}
