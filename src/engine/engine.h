/* SPDX-License-Identifier: MIT */
/*
 * The engine: AoE without I/O. Bytes, requests and the time go in; frames, finished requests,
 * events and one next deadline come out. It has no clock, no allocation after engine_init(), no
 * system call, no log and no callback; one thread owns it. This is the only header of engine/ for
 * the layers above (beside request.h, which it includes).
 *
 * One turn of the owner: engine_input() for each frame, engine_tick(), engine_submit() for each
 * new request, engine_emit() until it returns 0, engine_pop_done(), engine_pop_event(), then sleep
 * until engine_deadline().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/frame.h"
#include "base/nsec.h"
#include "engine/request.h"
#include "wire/aoe.h"
#include "wire/ata.h"

#define ENGINE_LINKS_MAX   16
#define ENGINE_SLOTS_MAX   4095 /* slot 4095 of a tag is discovery's */
#define ENGINE_COOKIE_MIN  1
#define ENGINE_COOKIE_MAX  127
#define ENGINE_DEVICES_MAX 4096
#define ENGINE_PATHS_MAX   16384
#define ENGINE_WINDOW_MAX  256
#define ENGINE_STATION_MAX 4096
#define ENGINE_WANTS_MAX   64 /* lookups of unknown names at once */

/* tag = 1 | cookie:7 | seq:12 | slot:12; the socket's filter compares the top byte. */
#define ENGINE_TAG_COOKIE(cookie) ((uint32_t)(0x80 | (cookie)) << 24)
#define ENGINE_TAG_COOKIE_MASK    ((uint32_t)0xff << 24)

struct engine; /* opaque */

struct engine_options {
        unsigned devices_max; /* 1..ENGINE_DEVICES_MAX */
        unsigned paths_max;   /* 1..ENGINE_PATHS_MAX */
        unsigned slots;       /* commands in flight at once, 16..ENGINE_SLOTS_MAX */
        unsigned copies_max;  /* unanswered copies of writes, >= 2 * slots */
        unsigned window_max;  /* frames a path, 1..ENGINE_WINDOW_MAX; the target's buffer count
                                 is the other limit */
        unsigned station_max; /* frames to one MAC, 1..ENGINE_STATION_MAX */
        unsigned payload_max; /* bytes of data a frame, multiple of 512; 0: as the path allows */
        uint8_t cookie;       /* ENGINE_COOKIE_MIN..MAX, constant for the sockets' life */
        bool loss_waits;      /* on_loss=wait: a request never times out */
        nsec timeout;         /* on_loss=fail: how long a request may stay unanswered */
        nsec linger_max;      /* how long a copy of ours may live on the wire */
        uint64_t seed;        /* of jitter and of the tree's dice */
        struct arena *arena;  /* borrowed: buffers of reads that are gathered by copy */
        struct frame_pool *frames; /* borrowed: where input frames come from and go back to */
        unsigned frames_for_reads; /* how many of them reads may hold at once */
        bool (*is_allowed)(void *, aoe_addr); /* only=, deny=; pure, NULL: all */
        void *allowed_arg;                    /* borrowed, handed to is_allowed */
};

/* Bytes of one block for the engine's whole life; the block is aligned to 64. */
size_t engine_size(const struct engine_options *o);
/* Lays the engine out in block. CHECKs its options: the caller has validated the user's. */
struct engine *engine_init(void *block, const struct engine_options *o, nsec now);
/* Gives nothing back to the system (it took nothing); CHECKs that all its pools are full when no
 * request is open. */
void engine_fini(struct engine *e);

/* ---- links ---- */

struct link_info {
        uint8_t mac[6];
        bool running;           /* up and with a carrier */
        uint32_t mtu;           /* bytes after the Ethernet header */
        uint32_t receive_bytes; /* real size of the socket's buffer; 0: unknown, no limit */
};

/* A link came, changed (up, down, MTU, MAC) or went (running false). link < ENGINE_LINKS_MAX is the
 * caller's number for it. A link that comes up is asked for devices at once. */
void engine_link(struct engine *e, unsigned link, const struct link_info *i, nsec now);

/* ---- frames in ---- */

/* A frame received on link. true: the engine keeps f (it comes back in a request's frames); false:
 * f is the caller's again. Anything that is not ours is dropped and counted. */
bool engine_input(struct engine *e, unsigned link, struct frame *f, nsec now);

/* ---- requests ---- */

/* false: no room ("not now"), nothing was changed. A request that cannot be served is accepted
 * and comes out of engine_pop_done() with its status. */
bool engine_submit(struct engine *e, struct request *rq, nsec now);
/* A FUSE interrupt: on a device that is up it is noted and the request completes as usual; on
 * any other it ends with REQUEST_CANCELLED. rq must be submitted and not yet popped. */
void engine_cancel(struct engine *e, struct request *rq, nsec now);
/* Next finished request, NULL when there is none. */
struct request *engine_pop_done(struct engine *e);
/* Gives the data of a popped request back to its pools. Call it once per popped request. */
void engine_release(struct engine *e, struct request *rq);

/* ---- time ---- */

/* Handles what is due at now; afterwards engine_deadline() > now. */
void engine_tick(struct engine *e, nsec now);
/* When engine_tick() must be called at the latest; NSEC_NEVER: not by the clock. */
nsec engine_deadline(const struct engine *e);

/* ---- frames out ---- */

#define ENGINE_HEADER_ROOM 64

struct tx {
        unsigned link;
        const uint8_t *header;  /* borrowed from the engine until the next call of engine_x() other
                                   than engine_emit and engine_unsent */
        uint32_t header_bytes;  /* at least 60 when there is no payload */
        const uint8_t *payload; /* borrowed from the request's data, or from a page of zeroes */
        uint32_t payload_bytes;
        uint32_t cause; /* the engine's own, for engine_unsent */
};

/* Fills up to tx_max frames to be sent in order; 0: nothing to send now. */
size_t engine_emit(struct engine *e, struct tx *tx, size_t tx_max, nsec now);
/* n frames of what the last engine_emit() returned, in its order, did not leave (ENOBUFS, a full
 * queue): they go back to the head of their queues without being counted as sent or lost. They may
 * be picked out of the batch, so that one full link does not hold up the others. */
void engine_unsent(struct engine *e, const struct tx *tx, size_t n, nsec now);

/* ---- devices ---- */

enum device_state {
        DEVICE_NEW, /* heard of, not identified yet: not shown */
        DEVICE_UP,
        DEVICE_STALE,   /* no answer for a while; asked again and again */
        DEVICE_DOWN,    /* no answer within the timeout */
        DEVICE_SWAPPED, /* another disk answers at this address */
};

enum flush_class {
        FLUSH_UNKNOWN,  /* none sent yet */
        FLUSH_DURABLE,  /* FLUSH CACHE ends with a good status */
        FLUSH_ACCEPTED, /* answered, but in a way that says that nothing was done */
        FLUSH_NONE,     /* the disk aborts or ignores both forms */
};

struct device_info {
        aoe_addr addr;
        enum device_state state;
        const char *reason; /* why it is not up, in words; borrowed, static. "" when up */
        struct ata_identity identity;
        uint64_t bytes;         /* size */
        uint32_t payload_bytes; /* largest of its paths */
        uint16_t buffers;
        uint16_t firmware;   /* of Query Config */
        uint8_t sectors_max; /* as offered */
        enum flush_class flush_class;
        const uint8_t *config; /* borrowed: the config string, until the next engine_input */
        uint32_t config_bytes;
        nsec state_since;
        unsigned holders; /* engine_hold */
        unsigned path_count;
        bool duplicate; /* a MAC that is another disk claims the same address */
        uint8_t duplicate_mac[6];
        bool trims;       /* TRIM is offered and was not refused so far */
        bool trim_zeroes; /* ... and what was trimmed reads as zeroes */
        uint64_t requests_read, requests_write, requests_flush, requests_trim;
        uint64_t bytes_read, bytes_written;
        uint64_t errors; /* requests that ended with anything but OK */
        uint32_t requests_open;
        uint32_t copies; /* unanswered copies of writes */
};

enum path_state {
        PATH_NEW, /* asked for its identity */
        PATH_UP,
        PATH_DEAD,      /* no answer; probed in the background */
        PATH_DUPLICATE, /* another disk: gets no I/O */
};

struct path_info {
        unsigned link;
        uint8_t mac[6];
        enum path_state state;
        uint32_t payload_bytes;
        nsec rtt; /* smoothed; 0: not measured */
        nsec rto;
        unsigned window; /* frames */
        unsigned in_flight;
        uint64_t sent, resent, received;
        uint64_t late;   /* answers to what was called lost */
        uint64_t lost;   /* transmissions called lost */
        uint64_t probed; /* tail probes: resends without a loss */
        unsigned probes; /* ... since the last answer: they stand outside the window */
};

/* Devices in order of address, for listings: first call with prev AOE_ADDR_ALL. false: no more. */
bool engine_device_next(const struct engine *e, aoe_addr prev, struct device_info *ret);
bool engine_device_info(const struct engine *e, aoe_addr addr, struct device_info *ret);
/* The idx-th path of a device, 0.. */
bool engine_path_info(const struct engine *e, aoe_addr addr, unsigned idx, struct path_info *ret);
/* Somebody opened (+1) or closed (-1) the device: it is then not forgotten, and it is asked for
 * quickly when it is silent. */
void engine_hold(struct engine *e, aoe_addr addr, int change);
/* Ask all links for devices now. */
void engine_discover(struct engine *e, nsec now);
/* Is the first round over: every device heard of is identified, or had its chance? */
bool engine_is_settled(const struct engine *e, nsec now);
/* Take the disk that answers now for the right one (after REQUEST_SWAPPED). */
void engine_revalidate(struct engine *e, aoe_addr addr, nsec now);
/* End all requests of a device that is not up, and drop it when nobody holds it. */
void engine_forget(struct engine *e, aoe_addr addr, nsec now);
/* End all requests of all devices that are not up (umount --force). */
void engine_fail_silent(struct engine *e, nsec now);
/* Nothing is open and no copy of a write is without an answer: the last act before exit. */
bool engine_is_quiet(const struct engine *e);

/* ---- events: never lost, told once per device however often it changed ---- */

enum event_change {
        EVENT_APPEARED = 1, /* first identified: show it */
        EVENT_GONE = 2,     /* silent, not held, not open: no longer shown */
        EVENT_STATE = 4,
        EVENT_SIZE = 8,
        EVENT_PATHS = 16, /* a path came, died or came back */
        EVENT_DUPLICATE = 32,
        EVENT_CONFIG = 64,
        EVENT_FLUSH_NONE = 128, /* fsync will succeed without effect: say so once */
        EVENT_REFUSED = 256,    /* first write that the target aborted */
        EVENT_RESTARTED = 512,  /* a beacon: the target forgot its config, masks, reservations */
        EVENT_PAYLOAD = 1024,   /* a path's payload changed */
};

struct event {
        aoe_addr addr;
        unsigned changes; /* enum event_change bits */
};

bool engine_pop_event(struct engine *e, struct event *ret);

/* ---- counters ---- */

struct engine_counters {
        uint64_t frames_sent, frames_resent, frames_received;
        uint64_t frames_dropped[DROP_COUNT];
        uint64_t answers_late;
        uint64_t queries_sent;
        uint64_t copies_lingered; /* writes that ended with a copy out */
        uint64_t no_memory;       /* requests refused for want of memory */
};

void engine_counters(const struct engine *e, struct engine_counters *ret);

const char *device_state_name(enum device_state s);
const char *path_state_name(enum path_state s);
const char *flush_class_name(enum flush_class c);

/* Walks every structure and CHECKs every invariant; for tests, not for release turns. */
void engine_check(const struct engine *e);
