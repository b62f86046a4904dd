/* SPDX-License-Identifier: MIT */
/* The stories, and what their scripts share. */
#pragma once

#include "story.h"

/* What the script of the wire works with; each story sets what it needs. */
struct scenario_script {
        unsigned seen;       /* frames that the script was made for */
        unsigned most;       /* ... and how many of them it deals with */
        struct packet *held; /* owned */
        nsec delay;
};

extern struct scenario_script scenario_script;

typedef void scenario_run(struct world *w, const char *name, bool is_loud);

bool scenario_is_command(const struct packet *p, uint8_t command);
/* A quiet world of one device at this MTU, and an empty script. */
struct plan scenario_plan(uint32_t mtu);
/* Until the device is up, its payload verified and its round-trip time known. */
void scenario_begin(struct world *w, const struct plan *p, const char *name, bool is_loud);

/* scenario_wire.c: frames that are lost, late or forged */
scenario_run scenario_first_frame_lost;
scenario_run scenario_answer_lost;
scenario_run scenario_late_duplicate;
scenario_run scenario_flush_waits;
scenario_run scenario_cancelled_write;
scenario_run scenario_other_slot;
scenario_run scenario_other_mac;
scenario_run scenario_other_tag;
scenario_run scenario_reflected;
scenario_run scenario_short_and_long;

/* scenario_loss.c: what counts as lost, and when */
scenario_run scenario_tail_lost;
scenario_run scenario_long_tail_lost;
scenario_run scenario_probes_lost;
scenario_run scenario_gap_by_time;
scenario_run scenario_needless_probe;
scenario_run scenario_reordering_learnt;
scenario_run scenario_late_after_resend;
scenario_run scenario_slow_flush;

/* scenario_path.c: several paths, and several devices behind one MAC */
scenario_run scenario_path_dies;
scenario_run scenario_slow_path;
scenario_run scenario_small_path;
scenario_run scenario_hole_among_small;
scenario_run scenario_one_station;

/* scenario_device.c: what targets do, and what runs out */
scenario_run scenario_beacon;
scenario_run scenario_death;
scenario_run scenario_timeout;
scenario_run scenario_swap;
scenario_run scenario_swap_two_paths;
scenario_run scenario_zero_by_writes;
scenario_run scenario_zero_by_trim;
scenario_run scenario_zero_after_abort;
scenario_run scenario_trim;
scenario_run scenario_grows;
scenario_run scenario_shrinks;
scenario_run scenario_shrinks_in_silence;
scenario_run scenario_no_slot;
scenario_run scenario_no_frames;
scenario_run scenario_no_memory;
scenario_run scenario_mtu_shrinks;
scenario_run scenario_black_hole;
scenario_run scenario_lying_aloud;
scenario_run scenario_lying_silently;
scenario_run scenario_no_buffers;
scenario_run scenario_flush_aborted;
scenario_run scenario_flush_short_only;
scenario_run scenario_flush_silent;
