/* SPDX-License-Identifier: MIT */
/*
 * The simulated Ethernet: each link is a switch with a lane to the targets and a lane back. A lane
 * keeps order except for frames that it delays on purpose.
 *
 * The wire's contract (not in wild worlds): no copy of a frame lives longer than linger_max, from
 * when it was sent until it is executed; a copy that the wire makes is executed together with the
 * original; and a frame that was overtaken is executed within WIRE_SIM_OVERTAKEN_MAX after the
 * first answer to a later one left. What breaks the contract is lost instead (target.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "packet.h"
#include "plan.h"

#define WIRE_SIM_OVERTAKEN_MAX (9 * NSEC_MS) /* under the engine's LINGER_HOLD_MIN */

struct world;

enum wire_lane { WIRE_OUT, WIRE_IN }; /* towards the targets, towards the host */

struct wire_lane_state {
        nsec free_at;        /* of the transmitter */
        nsec last_at;        /* arrival of the last frame that kept its place */
        nsec held_until;     /* a spike: nothing arrives before */
        nsec ns_per_byte;    /* 0: as fast as one likes */
        uint32_t hole_bytes; /* larger frames vanish; 0: none */
        bool is_cut;         /* partition */
        bool is_bursting;
};

struct wire_link {
        struct wire_lane_state lanes[2];
        uint32_t mtu; /* what the switch passes, after the Ethernet header; 0: anything */
};

enum wire_verdict { WIRE_PASS, WIRE_DROP, WIRE_TAKEN };

/* A scenario's script sees every frame first. WIRE_TAKEN: the script owns p now. */
typedef enum wire_verdict wire_script(struct world *w, enum wire_lane lane, struct packet *p);

struct wire_sim {
        struct wire_link links[PLAN_LINKS_MAX];
        struct prng dice;
        wire_script *script; /* NULL: none */
};

void wire_sim_init(struct wire_sim *s, const struct plan *p);
/* p enters the lane of its link now; the wire owns it. */
void wire_sim_send(struct world *w, enum wire_lane lane, struct packet *p);
/* p arrives at `at`, whatever the lane thinks of it. */
void wire_sim_deliver(struct world *w, enum wire_lane lane, struct packet *p, nsec at);
/* No more episodes: all lanes as new. */
void wire_sim_heal(struct wire_sim *s);
