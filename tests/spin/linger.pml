/* SPDX-License-Identifier: MIT */
/*
 * A model of the rules of engine/order.h, linger.h and window.h: why no late copy of an old write
 * can undo a newer one. W1 and W2 write the same sector, W1 first; R reads it after W2 has
 * succeeded; F is a flush behind both writes. Writes are sent up to twice, R and F once, under one
 * of two slots.
 *
 *   a frame (at):  UNSENT -> WIRE -> QUEUED -> ANSWER -> GONE
 *                             |        |         |
 *                             +--lost--+--lost---+-----> GONE   (QUEUED: by the restart)
 *   what the engine knows of a copy of a write (copy):
 *                  NONE -> OUT -> LINGER -> DEAD, or answered: at once DEAD
 *
 * Any frame that is on its way may move at any time, so the wire delays and reorders at will; a
 * write may be sent again, a request be given up after its last sending, and W1 be cancelled, at
 * any time. What cannot matter any more is set to 0, so that fewer states differ.
 * Time itself is left out: "linger_max has passed" is "the copy can no longer land", which is what
 * the wire promises. The shorter proof by a later answer on the path is the same step, earlier.
 *
 * Each rule stands between #ifndef NO_RULE and #endif: tests/spin/run leaves out one at a time and
 * demands that a claim breaks. ONLY=CLAIM_X checks that claim alone.
 */
#define W1   0
#define W2   1
#define R    2
#define F    3
#define NONE 4

#define REQUESTS 4
#define FRAMES   6 /* two of each write: copies; then those of R and F */
#define COPIES   4
#define SLOTS    2

#define IS_WRITE(request)    (request <= W2)
#define SENDINGS(request)    (IS_WRITE(request) -> 2 : 1)
#define FIRST_FRAME(request) (IS_WRITE(request) -> (request) * 2 : (request) + 2)
#define REQUEST_OF(frame)    ((frame) < COPIES -> (frame) / 2 : (frame) - 2)

/* How a request ends. */
#define ANSWERED  1
#define CANCELLED 2
#define GIVEN_UP  3

#define WIRE   1 /* at[] begins with 0: never sent */
#define QUEUED 2 /* the target has it, and has not done it yet */
#define ANSWER 3 /* done; the answer is on the wire */
#define GONE   4

#define OUT    1 /* copy[] begins with 0: none */
#define LINGER 2
#define DEAD   3

#define CLAIM_SECTOR 1 /* what W1 wrote never comes back over W2 */
#define CLAIM_READ   2 /* a read after W2's success sees W2 */
#define CLAIM_ONCE   3 /* a request completes once */
#define CLAIM_FLUSH  4 /* after the flush no copy of an earlier write can land */
#define CLAIM_ENDS   5 /* all requests end: no assert, but spin's check of the end states */
#ifndef ONLY
#define ONLY 0
#endif
#define CLAIM(name, condition) assert((ONLY != 0 && ONLY != name) || (condition))

#define CAN_LAND(frame)  (at[frame] == WIRE || at[frame] == QUEUED)
#define LEFT(frame)      (copy[frame] == OUT -> LINGER : copy[frame])
#define LINGERS(write)   (copy[(write) * 2] == LINGER || copy[(write) * 2 + 1] == LINGER)
#define HAS_SLOT         (slot_request[0] == NONE || slot_request[1] == NONE)
#define SLOT_OF(request) (slot_request[0] == request -> 0 : 1)

/* The world. */
byte at[FRAMES];
byte disk = NONE; /* whose data the sector holds */
bool restarted;
byte seen; /* what the answer of R carries */
byte slot[FRAMES], seq[FRAMES]; /* the tag of a frame on its way */

/* The engine. */
bool ended[REQUESTS];
bool succeeded; /* W2 was answered */
byte copy[FRAMES]; /* of writes; frames of R and F never linger */
byte sent[REQUESTS];
byte slot_request[SLOTS] = NONE; /* NONE: the slot is free */
byte slot_seq[SLOTS];   /* of its last transmission */
byte slot_first[SLOTS]; /* of the first transmission of its present command */

inline copies_linger(write)
{
        copy[(write) * 2] = LEFT((write) * 2);
        copy[(write) * 2 + 1] = LEFT((write) * 2 + 1)
}

inline finish(request, how)
{
        CLAIM(CLAIM_ONCE, !ended[request]);
        CLAIM(CLAIM_FLUSH, request != F ||
              !(CAN_LAND(0) || CAN_LAND(1) || CAN_LAND(2) || CAN_LAND(3)));
        ended[request] = true;
        succeeded = succeeded || (request == W2 && how == ANSWERED);
        if
#ifndef NO_R2 /* A finished write leaves its unanswered copies behind as lingering. */
        :: IS_WRITE(request) && how != CANCELLED -> copies_linger(request)
#endif
#ifndef NO_R6 /* So does a cancelled one: that nobody waits for it does not take it off the wire. */
        :: IS_WRITE(request) && how == CANCELLED -> copies_linger(request)
#endif
        :: else
        fi;
#ifndef NO_R7 /* Who ends a request takes its slot away: whatever comes later finds nobody there. */
        if /* No index that this changes itself: the verifier could not take the step back. */
        :: slot_request[0] == request -> slot_request[0] = NONE
        :: else -> slot_request[1] = NONE
        fi
#endif
}

inline lose(frame)
{
        at[frame] = GONE;
        slot[frame] = 0;
        seq[frame] = 0
}

/* The target does what a frame says, for better or worse. */
inline land(frame)
{
        if
        :: REQUEST_OF(frame) == W1 ->
                CLAIM(CLAIM_SECTOR, !ended[W2] && disk != W2);
                disk = W1
        :: REQUEST_OF(frame) == W2 -> disk = W2
        :: REQUEST_OF(frame) == R -> seen = disk
        :: REQUEST_OF(frame) == F
        fi
}

/* An answer came in: all that the engine has to go by is the tag. */
inline receive(frame)
{
        copy[frame] = DEAD;
        owner = slot_request[slot[frame]];
        if
        :: owner != NONE &&
#ifndef NO_R4 /* An answer counts only for the command that was sent under its slot and seq. */
           seq[frame] >= slot_first[slot[frame]] &&
#endif
           true ->
                CLAIM(CLAIM_READ, owner != R || seen == W2);
                finish(owner, ANSWERED)
        :: else /* late: its command has ended, the slot is free or has another */
        fi
}

/* All that can happen to a frame once it is sent, and the end of its lingering. Each step here and
 * below goes forward and none comes back, so all ends where the verifier finds no dead end. */
active [FRAMES] proctype frame()
{
        byte f = _pid, owner;

end:    do
        :: atomic { at[f] == WIRE -> at[f] = QUEUED }
        :: atomic { at[f] == WIRE -> lose(f) }
        :: atomic { at[f] == QUEUED -> at[f] = ANSWER; land(f) }
        :: atomic { at[f] == ANSWER -> lose(f) }
        :: atomic { at[f] == ANSWER -> receive(f); lose(f); owner = 0 }
#ifndef NO_R3_END /* A lingering copy does not need an answer to be dead: there is a time-out... */
        :: atomic {
                copy[f] == LINGER &&
#ifndef NO_R3 /* ... which is as long as a copy can be on its way. */
                !CAN_LAND(f) &&
#endif
                true -> copy[f] = DEAD
           }
#endif
        od
}

/* The target restarts once: the disk stays, what it had not done yet is forgotten. */
active proctype restart()
{
        byte f;

end:    atomic {
                !restarted -> restarted = true;
                do
                :: f < FRAMES && at[f] == QUEUED -> lose(f)
                :: f < FRAMES && at[f] != QUEUED -> f++
                :: f == FRAMES -> break
                od;
                f = 0
        }
}

inline send(request)
{
        f = FIRST_FRAME(request) + sent[request];
        sent[request]++;
        slot[f] = SLOT_OF(request);
        slot_seq[slot[f]]++;
        seq[f] = slot_seq[slot[f]];
        at[f] = WIRE;
        copy[f] = OUT;
        f = 0
}

inline take_slot(request)
{
        if
        :: slot_request[0] == NONE -> f = 0
        :: slot_request[1] == NONE -> f = 1
        fi;
        slot_request[f] = request;
        slot_first[f] = slot_seq[f] + 1;
        f = 0
}

active [REQUESTS] proctype request()
{
        byte r = _pid - FRAMES - 1, f;

        if
        :: atomic { (r == W1 || (r == R && succeeded)) && HAS_SLOT -> take_slot(r) }
        :: atomic { r == R && ended[W2] && !succeeded -> goto done } /* it proves nothing */
        :: atomic {
                r == W2 &&
#ifndef NO_R1 /* A write waits for every earlier overlapping write that is not finished... */
                ended[W1] &&
#endif
#ifndef NO_R2_WAIT /* ... and for what finished ones left behind. */
                !LINGERS(W1) &&
#endif
                HAS_SLOT -> take_slot(r)
           }
        :: atomic {
                r == F &&
#ifndef NO_R5_OPEN /* A flush waits for earlier writes that are not finished. */
                ended[W1] && ended[W2] &&
#endif
#ifndef NO_R5 /* A flush waits for what they left behind. */
                !LINGERS(W1) && !LINGERS(W2) &&
#endif
                HAS_SLOT -> take_slot(r)
           }
        fi;
        do
        :: ended[r] -> break
        :: atomic { !ended[r] && sent[r] < SENDINGS(r) -> send(r) }
        :: atomic { !ended[r] && sent[r] == SENDINGS(r) -> finish(r, GIVEN_UP) }
        :: atomic { !ended[r] && r == W1 -> finish(r, CANCELLED) }
        od;
done:   skip
}
