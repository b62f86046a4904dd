/* SPDX-License-Identifier: MIT */
/*
 * Named stories, each about one thing that goes wrong in an otherwise quiet world. A story that
 * fails ends its process, so each runs in a child of its own. Found bugs end here.
 */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct scenario_script scenario_script;

bool scenario_is_command(const struct packet *p, uint8_t command)
{
        return p->data[19] == AOE_COMMAND_ATA && p->data[27] == command;
}

struct plan scenario_plan(uint32_t mtu)
{
        struct plan p;

        plan_make_quiet(&p);
        p.link_mtu[0] = mtu;
        p.targets[0].ports[0].mtu = mtu;
        scenario_script = (struct scenario_script){0};
        return p;
}

void scenario_begin(struct world *w, const struct plan *p, const char *name, bool is_loud)
{
        story_begin(w, p, name, is_loud);
        world_run_for(w, 50 * NSEC_MS);
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
        {"last frame of a request lost", scenario_tail_lost},
        {"last four frames of a request lost", scenario_long_tail_lost},
        {"a frame and its tail probes lost, one buffer", scenario_probes_lost},
        {"gap with too few later answers", scenario_gap_by_time},
        {"probe of a target that was only busy", scenario_needless_probe},
        {"reordering wire is learnt", scenario_reordering_learnt},
        {"original answered after its resend", scenario_late_after_resend},
        {"flush that takes 700 ms", scenario_slow_flush},
        {"one of two paths dies and returns", scenario_path_dies},
        {"slow path beside a fast one", scenario_slow_path},
        {"small-MTU path beside a jumbo one", scenario_small_path},
        {"black hole while small frames pass", scenario_hole_among_small},
        {"four devices of one MAC on a narrow wire", scenario_one_station},
        {"beacon with version 0", scenario_beacon},
        {"target dies and returns without a word", scenario_death},
        {"target never returns", scenario_timeout},
        {"target restarts with another disk", scenario_swap},
        {"another disk behind two paths, a beacon lost", scenario_swap_two_paths},
        {"disk grows without a word", scenario_grows},
        {"disk shrinks under a read", scenario_shrinks},
        {"disk shrinks while it is silent", scenario_shrinks_in_silence},
        {"zeroes by writing them", scenario_zero_by_writes},
        {"zeroes by TRIM", scenario_zero_by_trim},
        {"zeroes after a TRIM that was promised", scenario_zero_after_abort},
        {"TRIM of whole sectors only", scenario_trim},
        {"target restarts while every slot is taken", scenario_no_slot},
        {"read of more frames than there are", scenario_no_frames},
        {"partial sectors hold what a read waits for", scenario_no_memory},
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
