/* SPDX-License-Identifier: MIT */
/* fault: who is struck, by how much, and that a wrong header stays a wrong one. */
#include <criterion/criterion.h>
#include <string.h>

#include "fault.h"

#define FRAMES 20000

static struct faults faults;
static struct settings settings;
static struct frame frame, before;

static void begin(enum fault f, uint32_t level, uint32_t extra)
{
        faults_init(&faults, 1);
        settings.of[f] = (struct setting){level, extra};
        faults_set(&faults, &settings);
}

static void frame_fill(uint32_t bytes)
{
        frame.bytes = bytes;
        for (uint32_t i = 0; i < bytes; i++)
                frame.data[i] = (uint8_t)(i * 7);
        before = frame;
}

Test(badwire_fault, strikes_about_as_often_as_asked)
{
        unsigned lost = 0;

        begin(FAULT_LOSS, 50000, 0);
        frame_fill(60);
        for (int i = 0; i < FRAMES; i++)
                lost += faults_lose(&faults, &frame);
        cr_assert_eq(lost, faults.applied[FAULT_LOSS]);
        cr_assert(lost > FRAMES / 25 && lost < FRAMES / 16, "%u of %d", lost, FRAMES);
}

Test(badwire_fault, is_the_same_with_the_same_seed)
{
        struct faults other;

        begin(FAULT_LOSS, 500000, 0);
        faults_init(&other, 1);
        faults_set(&other, &settings);
        for (int i = 0; i < FRAMES; i++)
                cr_assert_eq(faults_lose(&faults, &frame), faults_lose(&other, &frame));
}

Test(badwire_fault, loses_bursts)
{
        unsigned run = 0, bursts = 0;

        begin(FAULT_BURST, 1000, 10);
        for (int i = 0; i < FRAMES; i++) {
                if (faults_lose(&faults, &frame)) {
                        run++;
                        continue;
                }
                cr_assert_eq(run % 10, 0, "%u in a row", run);
                bursts += run / 10;
                run = 0;
        }
        cr_assert_gt(bursts, 0);
        cr_assert_leq(bursts, faults.applied[FAULT_BURST]);
}

Test(badwire_fault, ends_a_burst_that_is_switched_off)
{
        begin(FAULT_BURST, CHANCE_CERTAIN, 10);
        cr_assert(faults_lose(&faults, &frame));
        settings.of[FAULT_BURST] = (struct setting){0};
        faults_set(&faults, &settings);
        cr_assert(!faults_lose(&faults, &frame));
        cr_assert(faults.asked[FAULT_BURST] && !faults.asked[FAULT_LOSS]);
}

Test(badwire_fault, has_a_hole_for_large_frames)
{
        begin(FAULT_HOLE, 5000, 0);
        frame_fill(5000);
        cr_assert(!faults_lose(&faults, &frame));
        frame_fill(5001);
        cr_assert(faults_lose(&faults, &frame));
        cr_assert_eq(faults.applied[FAULT_HOLE], 1);
}

/* How many bytes differ from before, all of them in the header. */
static unsigned changed(void)
{
        unsigned count = 0;

        cr_assert_eq(frame.bytes, before.bytes);
        for (uint32_t i = 0; i < frame.bytes; i++) {
                count += frame.data[i] != before.data[i];
                cr_assert(i < 24 || frame.data[i] == before.data[i], "byte %u", i);
        }
        return count;
}

Test(badwire_fault, corrupts_one_header_field)
{
        bool seen[24] = {false};
        unsigned fields = 0;

        begin(FAULT_CORRUPT, CHANCE_CERTAIN, 0);
        for (int i = 0; i < 1000; i++) {
                frame_fill(100);
                faults_alter(&faults, &frame);
                cr_assert_eq(changed(), 1);
                for (int at = 0; at < 24; at++)
                        seen[at] |= frame.data[at] != before.data[at];
        }
        for (int at = 0; at < 24; at++)
                fields += seen[at];
        cr_assert_eq(fields, 5, "%u of source, flags, shelf, command, tag", fields);
        cr_assert(seen[11] && seen[14] && seen[16] && seen[19] && seen[21]);
}

Test(badwire_fault, never_mends_a_wrong_command)
{
        begin(FAULT_CORRUPT, CHANCE_CERTAIN, 0);
        for (int i = 0; i < 1000; i++) {
                frame_fill(100);
                faults_alter(&faults, &frame);
                if (frame.data[19] == before.data[19])
                        continue;
                faults_alter(&faults, &frame); /* the target's answer, on its way back */
                cr_assert_neq(frame.data[19], before.data[19]);
        }
}

Test(badwire_fault, cuts_the_end_off)
{
        begin(FAULT_TRUNCATE, CHANCE_CERTAIN, 0);
        for (int i = 0; i < 1000; i++) {
                frame_fill(1060);
                faults_alter(&faults, &frame);
                cr_assert(frame.bytes >= 14 && frame.bytes < 1060, "%u bytes", frame.bytes);
                cr_assert_eq(memcmp(frame.data, before.data, frame.bytes), 0);
        }
}

Test(badwire_fault, doubles)
{
        begin(FAULT_DUPLICATE, CHANCE_CERTAIN, 0);
        frame_fill(60);
        faults_alter(&faults, &frame);
        cr_assert_eq(frame.times, 2);
        settings.of[FAULT_DUPLICATE] = (struct setting){0};
        faults_set(&faults, &settings);
        faults_alter(&faults, &frame);
        cr_assert_eq(frame.times, 1);
        cr_assert_eq(changed(), 0);
}
