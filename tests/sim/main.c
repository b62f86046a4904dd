/* SPDX-License-Identifier: MIT */
/*
 * The simulator: worlds from seeds, one after the other. Ends with exit status 1 at the first bad
 * event, or when a fault kind never struck in a long run.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

#define MAIN_SEEDS_FULL  500 /* from here on every fault must have struck */
#define MAIN_TWICE_EVERY 25  /* of the seeds, one is run twice and compared */

struct main_options {
        uint64_t from, count;
        uint64_t commit; /* what half of the seeds is derived from; 0: none */
        double minutes;  /* > 0: as many seeds as this takes */
        bool is_loud, is_wild;
};

struct main_sums {
        uint64_t passed;
        uint64_t faults[FAULT_COUNT];
        uint64_t statuses[REQUEST_NO_MEMORY + 1];
        uint64_t frames, turns, requests;
};

static uint64_t main_run(uint64_t seed, const struct main_options *o, bool is_loud,
                         struct main_sums *sums)
{
        static struct world w; /* large */
        struct plan plan;
        uint64_t hash;

        plan_make(&plan, seed);
        plan.is_wild = o->is_wild;
        world_init(&w, &plan, is_loud);
        workload_start(&w);
        chaos_start(&w);
        world_run(&w);
        hash = w.trace.hash;
        sums->frames += w.host.frames_sent;
        sums->turns += w.host.turn_count;
        sums->requests += w.work.made;
        for (unsigned i = 0; i < FAULT_COUNT; i++)
                sums->faults[i] += w.faults[i];
        for (unsigned i = 0; i <= REQUEST_NO_MEMORY; i++)
                sums->statuses[i] += w.work.counts[i];
        world_fini(&w);
        return hash;
}

/* The n-th seed of a run: even ones count up, odd ones come from the commit. */
static uint64_t main_seed(const struct main_options *o, uint64_t n)
{
        struct prng dice = {.state = o->commit + n};

        if (!o->commit || n % 2 == 0)
                return o->from + n;
        return prng_next(&dice) >> 16;
}

static double main_seconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* false: two runs of one seed differed. */
static bool main_run_twice(uint64_t seed, const struct main_options *o, uint64_t first)
{
        struct main_sums again = {0};
        uint64_t second = main_run(seed, o, false, &again);

        if (first == second)
                return true;
        fprintf(stderr, "FAILED seed %" PRIu64 ": trace hash %016" PRIx64 ", then %016" PRIx64 "\n",
                seed, first, second);
        return false;
}

static bool main_report(const struct main_sums *sums, bool is_wild)
{
        bool is_well = true;

        printf("%" PRIu64 " requests, %" PRIu64 " frames sent, %" PRIu64 " turns\n", sums->requests,
               sums->frames, sums->turns);
        for (unsigned i = REQUEST_OK; i <= REQUEST_NO_MEMORY; i++)
                printf("  status %-12s %12" PRIu64 "\n", request_status_name(i), sums->statuses[i]);
        for (unsigned i = 0; i < FAULT_COUNT; i++) {
                printf("  fault %-15s %10" PRIu64 "\n", fault_name(i), sums->faults[i]);
                if (!is_wild && sums->passed >= MAIN_SEEDS_FULL && sums->faults[i] == 0) {
                        fprintf(stderr, "FAILED: fault '%s' never struck\n", fault_name(i));
                        is_well = false;
                }
        }
        return is_well;
}

static int main_all(const struct main_options *o)
{
        struct main_sums sums = {0};
        double start = main_seconds(), told = start;
        bool is_well = true;

        for (uint64_t n = 0; is_well; n++) {
                uint64_t seed = main_seed(o, n), hash;
                double now = main_seconds();

                if (o->minutes > 0 ? now - start > 60 * o->minutes : n >= o->count)
                        break;
                if (now - told > 10) {
                        printf("%" PRIu64 " seeds, %.0f s\n", n, now - start);
                        fflush(stdout);
                        told = now;
                }
                hash = main_run(seed, o, o->is_loud, &sums);
                if (n % MAIN_TWICE_EVERY == 0 && !o->is_loud)
                        is_well = main_run_twice(seed, o, hash);
                sums.passed += is_well;
        }
        is_well = main_report(&sums, o->is_wild) && is_well;
        printf("%.1f s\nsim: %" PRIu64 " passed, %d failed\n", main_seconds() - start, sums.passed,
               !is_well);
        return is_well ? 0 : 1;
}

static int main_usage(void)
{
        fputs("sim [--seeds N] [--seed S] [--from S] [--minutes M] [--commit ID] [--wild] "
              "[--trace]\n"
              "  --seed S     this seed only; --trace prints what happens in it\n"
              "  --commit ID  every second seed is derived from these hexadecimal digits\n"
              "  --wild       copies may live as long as they like: only crashes count\n",
              stderr);
        return 2;
}

/* false: not a number of that base. */
static bool main_number(const char *text, int base, uint64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, base);
        return !errno && end != text && *end == '\0' && *text != '-';
}

static bool main_option(struct main_options *o, int option)
{
        char digits[16] = "";
        char *end;

        switch (option) {
        case 'n': return main_number(optarg, 10, &o->count);
        case 's': o->count = 1; return main_number(optarg, 10, &o->from);
        case 'f': return main_number(optarg, 10, &o->from);
        case 'm': o->minutes = strtod(optarg, &end); return o->minutes > 0 && *end == '\0';
        case 'c':
                snprintf(digits, sizeof digits, "%.15s", optarg);
                return main_number(digits, 16, &o->commit);
        case 'w': o->is_wild = true; return true;
        case 't': o->is_loud = true; return true;
        default: return false;
        }
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"seeds", required_argument, NULL, 'n'},  {"seed", required_argument, NULL, 's'},
                {"from", required_argument, NULL, 'f'},   {"minutes", required_argument, NULL, 'm'},
                {"commit", required_argument, NULL, 'c'}, {"wild", no_argument, NULL, 'w'},
                {"trace", no_argument, NULL, 't'},        {0},
        };
        struct main_options o = {.from = 1, .count = MAIN_SEEDS_FULL};
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (!main_option(&o, option))
                        return main_usage();
        }
        if (optind != argc)
                return main_usage();
        world_catch_crashes();
        return main_all(&o);
}
