/* SPDX-License-Identifier: MIT */
/*
 * What a connection and its requests are. front_nbd.c owns all of it.
 *
 *   op      what a client asks, up to 4 GiB of it
 *   piece   a part of an op that the engine gets: 1 MiB of data at most
 *   reply   bytes for the client: a header, and the data of a piece when it was a READ
 *
 * Memory: the data of a piece count against its connection and against the front until they are
 * written to the disk or taken by the client. A client that holds nothing may always have one small
 * piece, so that those that take nothing cannot shut out the others.
 */
#pragma once

#include <sys/uio.h>

#include "base/pool.h"
#include "front/front_nbd.h"
#include "front/nbd_export.h"
#include "front/nbd_proto.h"

#define NBD_OPS_MAX           256                   /* of a connection, */
#define NBD_PIECES_MAX        64                    /* and inside the engine, */
#define NBD_OP_PIECES_MAX     16                    /* and of one op */
#define NBD_HOLD_BYTES_MAX    ((uint32_t)4 << 20)   /* data of a connection */
#define NBD_CHUNK_DATA_MAX    ((uint32_t)256 << 10) /* of a READ: sent as it comes in */
#define NBD_SMALL_BYTES       ((uint32_t)64 << 10)
#define NBD_IN_BYTES          (NBD_OPTION_BYTES + NBD_OPTION_DATA_MAX)
#define NBD_CONTROL_BYTES     4096 /* option replies that wait to be sent */
#define NBD_CONTROL_REPLY_MAX 512  /* room that one reply may need */
#define NBD_IOV_MAX           512
#define NBD_READS_MAX         8 /* of a connection, a turn */

enum nbd_phase {
        NBD_PHASE_FREE,
        NBD_PHASE_FLAGS, /* greeted; the client's flags are next */
        NBD_PHASE_OPTIONS,
        NBD_PHASE_SERVING,
        NBD_PHASE_CLOSING, /* the socket is gone; what is in the engine comes back */
};

struct nbd_conn;
struct nbd_piece;

struct nbd_reply {
        struct list node; /* conn.replies */
        uint8_t header[NBD_CHUNK_HEADER_MAX];
        uint32_t header_bytes;
        struct nbd_piece *piece; /* owned: a READ's, with its data; NULL: the op's last words */
};

struct nbd_op {
        struct nbd_conn *conn; /* borrowed */
        struct list node;      /* conn.ops: not all pieces were made; else none */
        struct list all;       /* conn.open */
        struct nbd_request asked;
        uint64_t next;  /* bytes that pieces were made for */
        unsigned out;   /* pieces that are not at their end */
        uint32_t error; /* enum nbd_error: the first */
        bool flushing;  /* FUA: the data are written, the flush is out */
        bool headed;    /* simple READ: the header was given away */
        struct nbd_reply reply;
};

struct nbd_piece {
        struct front_request base; /* first: request.user points here */
        struct request rq;
        struct nbd_conn *conn; /* borrowed */
        struct nbd_op *op;     /* borrowed; NULL: a lookup */
        struct list node;      /* conn.waiting: the engine had no room; else none */
        struct list out;       /* conn.out: inside the engine */
        uint8_t *block;        /* owned: data of a WRITE */
        uint32_t held;         /* bytes that it counts for */
        struct nbd_reply reply;
};

struct nbd_conn {
        struct front_nbd *nbd; /* borrowed */
        enum nbd_phase phase;
        int fd;          /* owned; -1 */
        uint32_t events; /* that the front waits for */
        bool read_only;
        bool no_zeroes, structured, allocation; /* negotiated */
        struct nbd_export export;
        bool attached; /* came without a handshake */
        bool held;     /* the engine was told that the device is in use */
        bool writes;   /* has the writer's lock */
        bool refused;  /* ... was refused it, and said so */

        uint8_t in[NBD_IN_BYTES];
        size_t in_at, in_bytes; /* what was read and not looked at yet: in[in_at, in_bytes) */
        uint64_t skip;          /* of the stream, to be dropped */
        struct nbd_op *writing; /* WRITE whose data are coming in, or are skipped */
        struct nbd_piece *filling;
        uint32_t filled;

        uint8_t control[NBD_CONTROL_BYTES];
        size_t control_at, control_bytes;
        bool listing; /* LIST goes on behind list_prev */
        aoe_addr list_prev;
        bool looked_up; /* the name of the option in front was asked for */
        bool stuck;     /* more bytes would not help */
        bool alone;     /* a simple reply of several pieces is under way */
        bool ending;    /* close when all is sent */
        bool broken;    /* close now */

        struct list open;    /* struct nbd_op: all */
        struct list ops;     /* struct nbd_op: with pieces to be made */
        struct list waiting; /* struct nbd_piece */
        struct list out;     /* struct nbd_piece */
        struct list replies; /* struct nbd_reply */
        size_t sent;         /* bytes of the first reply */
        nsec blocked_at;     /* since when the client takes nothing; NSEC_NEVER */
        unsigned op_count;
        unsigned working; /* ops that are not answered yet */
        unsigned piece_count;
        uint32_t held_bytes;
        struct list dirty;   /* front_nbd.dirty: has replies to be sent */
        struct list hungry;  /* front_nbd.hungry: waits for memory or for room in the engine */
        struct list blocked; /* front_nbd.blocked: in order of blocked_at */
};

struct front_nbd {
        struct front front; /* first; its fd is an epoll */
        struct front_host host;
        struct front_nbd_options options;
        struct nbd_conn *conns; /* owned: NBD_CONNECTIONS_MAX, not touched before they are used */
        unsigned conn_count;
        struct pool ops, pieces;
        void *ops_block, *pieces_block; /* owned */
        uint64_t held_bytes, held_bytes_max;
        struct list dirty;
        struct list hungry;
        struct list blocked;
        unsigned open_count;  /* ops that are not answered yet */
        uint64_t frames_held; /* by replies */
        unsigned attached;    /* connections */
        bool ends_with_attached;
        bool stopped;
        bool moved; /* since it was cleared: a piece went to the engine, or gave back its memory */
        nsec listen_at;  /* the listener is not watched before; NSEC_NEVER: it is */
        nsec refused_at; /* when we last said that a client was refused; 0: never */
        struct iovec iov[NBD_IOV_MAX];
};

static inline bool nbd_request_changes(const struct nbd_request *r)
{
        return r->type == NBD_CMD_WRITE || r->type == NBD_CMD_TRIM ||
               r->type == NBD_CMD_WRITE_ZEROES;
}

static inline bool nbd_request_has_data(const struct nbd_request *r)
{
        return r->type == NBD_CMD_READ || r->type == NBD_CMD_WRITE || r->type == NBD_CMD_CACHE;
}

static inline void nbd_log(struct front_nbd *f, int level, aoe_addr addr, const char *text)
{
        f->host.log(f->host.arg, level, addr, text);
}
