/* SPDX-License-Identifier: MIT */
#include "story.h"

#define STORY_STEP (50 * NSEC_US)

struct device_info story_device(struct world *w)
{
        struct device_info d = {.state = DEVICE_NEW};

        host_device_info(w, 0, &d);
        return d;
}

void story_wait_state(struct world *w, enum device_state state, nsec limit)
{
        nsec end = w->now + limit;

        while (story_device(w).state != state) {
                if (w->now >= end)
                        world_fail(w, "the device is '%s', not '%s', after %lu ms",
                                   device_state_name(story_device(w).state),
                                   device_state_name(state), limit / NSEC_MS);
                world_run_for(w, STORY_STEP);
        }
}

void story_begin(struct world *w, const struct plan *plan, const char *name, bool is_loud)
{
        world_init(w, plan, is_loud);
        w->story = name;
        story_wait_state(w, DEVICE_UP, NSEC_SEC);
}

void story_end(struct world *w)
{
        w->wire.script = NULL;
        world_run(w);
        world_fini(w);
}

void story_submit_to(struct world *w, struct story_answer *a, unsigned device, enum request_op op,
                     uint64_t offset, uint32_t bytes)
{
        struct workload_item *i = workload_make(w, device, op, offset, bytes);

        CHECK(i);
        *a = (struct story_answer){.status = REQUEST_PENDING, .submitted_at = w->now};
        i->ret_status = &a->status;
}

void story_submit(struct world *w, struct story_answer *a, enum request_op op, uint64_t offset,
                  uint32_t bytes)
{
        story_submit_to(w, a, 0, op, offset, bytes);
}

nsec story_expect(struct world *w, struct story_answer *a, enum request_status status, nsec limit)
{
        nsec end = w->now + limit;

        while (a->status == REQUEST_PENDING) {
                if (w->now >= end)
                        world_fail(w, "a request is still open after %lu us", limit / NSEC_US);
                world_run_for(w, STORY_STEP);
        }
        if (a->status != status)
                world_fail(w, "a request ended with '%s', not with '%s'",
                           request_status_name(a->status), request_status_name(status));
        return w->now - a->submitted_at;
}

void story_expect_open(struct world *w, const struct story_answer *a)
{
        if (a->status != REQUEST_PENDING)
                world_fail(w, "a request ended too early, with '%s'",
                           request_status_name(a->status));
}

void story_expect_true(struct world *w, bool is_true, const char *what)
{
        if (!is_true)
                world_fail(w, "it is not so that %s", what);
}

uint64_t story_dropped(struct world *w, enum drop reason)
{
        struct engine_counters c;

        engine_counters(w->host.engine, &c);
        return c.frames_dropped[reason];
}
