/* SPDX-License-Identifier: MIT */
#include "front/nbd_piece.h"

#include "base/check.h"

/* ---- memory ---- */

void nbd_piece_put(struct nbd_piece *p)
{
        struct nbd_conn *c = p->conn;

        CHECK(!list_is_linked(&p->node) && !list_is_linked(&p->out));
        if (p->block)
                arena_put(c->nbd->host.arena, p->block);
        CHECK(c->held_bytes >= p->held && c->piece_count > 0);
        c->held_bytes -= p->held;
        c->nbd->held_bytes -= p->held;
        c->piece_count--;
        c->nbd->moved = true;
        pool_put(&c->nbd->pieces, p);
}

static void nbd_piece_starve(struct nbd_conn *c)
{
        if (!list_is_linked(&c->hungry))
                list_add_tail(&c->nbd->hungry, &c->hungry);
}

/* How many of that many bytes of data a piece may have now; 0: none. A client that holds nothing
 * may have `least` whatever the others hold. */
static uint32_t nbd_piece_grant(const struct nbd_conn *c, uint64_t wanted, uint32_t least)
{
        const struct front_nbd *f = c->nbd;
        uint32_t bytes = wanted < REQUEST_BYTES_MAX ? (uint32_t)wanted : REQUEST_BYTES_MAX;

        if (c->piece_count == NBD_PIECES_MAX)
                return 0;
        if (c->held_bytes + bytes <= NBD_HOLD_BYTES_MAX &&
            f->held_bytes + bytes <= f->held_bytes_max)
                return bytes;
        if (c->held_bytes > 0)
                return 0;
        return bytes < least ? bytes : least;
}

/* One that counts for so many bytes; CHECKs that there is one. */
static struct nbd_piece *nbd_piece_get(struct nbd_conn *c, struct nbd_op *op, enum request_op what,
                                       uint32_t held)
{
        struct nbd_piece *p = pool_get(&c->nbd->pieces);

        CHECK(p && c->piece_count < NBD_PIECES_MAX);
        *p = (struct nbd_piece){
                .base = {.front = &c->nbd->front},
                .rq = {.op = what, .addr = c->export.addr, .user = p},
                .conn = c,
                .op = op,
                .held = held,
        };
        list_init(&p->node);
        list_init(&p->out);
        list_init(&p->reply.node);
        p->reply.piece = p;
        c->piece_count++;
        c->held_bytes += held;
        c->nbd->held_bytes += held;
        if (op)
                op->out++;
        return p;
}

/* false: it waits for room in the engine. */
static bool nbd_piece_submit(struct nbd_piece *p, nsec now)
{
        struct nbd_conn *c = p->conn;

        if (!engine_submit(c->nbd->host.engine, &p->rq, now))
                return false;
        list_add_tail(&c->out, &p->out);
        c->nbd->moved = true;
        return true;
}

static void nbd_piece_go(struct nbd_piece *p, nsec now)
{
        struct nbd_conn *c = p->conn;

        if (list_is_empty(&c->waiting) && nbd_piece_submit(p, now))
                return;
        list_add_tail(&c->waiting, &p->node);
        nbd_piece_starve(c);
}

bool nbd_op_has_more(const struct nbd_op *op)
{
        return op->flushing ? op->next == 0 : op->next < op->asked.bytes;
}

/* The data of a READ must not be parted without structured replies, or when its client says so. */
static bool nbd_op_is_one_run(const struct nbd_op *op)
{
        return op->asked.type == NBD_CMD_READ &&
               (!op->conn->structured || (op->asked.flags & NBD_CMD_FLAG_DF));
}

static unsigned nbd_op_pieces_max(const struct nbd_op *op)
{
        return nbd_op_is_one_run(op) ? 1 : NBD_OP_PIECES_MAX;
}

static enum request_op nbd_op_what(const struct nbd_op *op)
{
        if (op->flushing)
                return REQUEST_FLUSH;
        switch (op->asked.type) {
        case NBD_CMD_READ:
        case NBD_CMD_CACHE: return REQUEST_READ;
        case NBD_CMD_TRIM: return REQUEST_TRIM;
        case NBD_CMD_WRITE_ZEROES: return REQUEST_ZERO;
        default: break;
        }
        CHECK(op->asked.type == NBD_CMD_WRITE);
        return REQUEST_WRITE;
}

/* The next piece of an op that brings no data. false: not now. */
static bool nbd_op_make(struct nbd_op *op, nsec now)
{
        uint64_t rest = op->asked.bytes - op->next;
        bool has_data = !op->flushing && nbd_request_has_data(&op->asked);
        struct nbd_piece *p;
        uint32_t bytes;

        if (op->asked.type == NBD_CMD_READ && !nbd_op_is_one_run(op) && rest > NBD_CHUNK_DATA_MAX)
                rest = NBD_CHUNK_DATA_MAX;
        bytes = nbd_piece_grant(op->conn, has_data ? rest : 1,
                                nbd_op_is_one_run(op) ? REQUEST_BYTES_MAX : NBD_SMALL_BYTES);
        if (bytes == 0)
                return false;
        if (!has_data)
                bytes = rest < REQUEST_RANGE_BYTES_MAX ? (uint32_t)rest : REQUEST_RANGE_BYTES_MAX;
        p = nbd_piece_get(op->conn, op, nbd_op_what(op), has_data ? bytes : 0);
        if (op->flushing) {
                op->next = 1;
        } else {
                p->rq.offset = op->asked.offset + op->next;
                p->rq.bytes = bytes;
                p->rq.may_trim = !(op->asked.flags & NBD_CMD_FLAG_NO_HOLE);
                op->next += bytes;
        }
        nbd_piece_go(p, now);
        return true;
}

void nbd_piece_feed(struct nbd_conn *c, nsec now)
{
        struct list *node;

        while ((node = list_first(&c->waiting))) {
                list_del(node);
                if (nbd_piece_submit(LIST_ENTRY(node, struct nbd_piece, node), now))
                        continue;
                list_add_head(&c->waiting, node);
                nbd_piece_starve(c);
                return;
        }
        while ((node = list_first(&c->ops))) {
                struct nbd_op *op = LIST_ENTRY(node, struct nbd_op, node);

                if (!nbd_op_make(op, now)) {
                        nbd_piece_starve(c);
                        return;
                }
                /* One that has as many as it may comes back with the next that ends. */
                if (!nbd_op_has_more(op) || op->out == nbd_op_pieces_max(op))
                        list_del(&op->node);
        }
}

/* ---- data that come in ---- */

/* The next piece of the WRITE, with a block. false: not now. */
static bool nbd_piece_begin(struct nbd_conn *c)
{
        struct nbd_op *op = c->writing;
        uint32_t bytes = nbd_piece_grant(c, op->asked.bytes - op->next, NBD_SMALL_BYTES);
        uint8_t *block = bytes > 0 ? arena_get(c->nbd->host.arena, bytes) : NULL;

        if (!block) {
                nbd_piece_starve(c);
                return false;
        }
        c->filling = nbd_piece_get(c, op, REQUEST_WRITE, bytes);
        c->filling->block = block;
        c->filling->rq.data = block;
        c->filling->rq.offset = op->asked.offset + op->next;
        c->filling->rq.bytes = bytes;
        c->filled = 0;
        op->next += bytes;
        return true;
}

uint8_t *nbd_piece_room(struct nbd_conn *c, size_t *ret_bytes)
{
        CHECK(c->writing);
        if (!c->filling && !nbd_piece_begin(c))
                return NULL;
        *ret_bytes = c->filling->rq.bytes - c->filled;
        return c->filling->block + c->filled;
}

bool nbd_piece_filled(struct nbd_conn *c, size_t bytes, nsec now)
{
        struct nbd_piece *p = c->filling;
        struct nbd_op *op = c->writing;

        CHECK(p && bytes <= p->rq.bytes - c->filled);
        c->filled += (uint32_t)bytes;
        if (c->filled < p->rq.bytes)
                return false;
        c->filling = NULL;
        if (op->error) { /* of an earlier piece */
                op->out--;
                nbd_piece_put(p);
        } else {
                nbd_piece_go(p, now);
        }
        if (nbd_op_has_more(op))
                return false;
        c->writing = NULL;
        return true;
}

/* ---- others ---- */

bool nbd_piece_lookup(struct nbd_conn *c, aoe_addr addr, nsec now)
{
        struct nbd_piece *p;

        if (c->piece_count == NBD_PIECES_MAX)
                return false;
        p = nbd_piece_get(c, NULL, REQUEST_LOOKUP, 0);
        p->rq.addr = addr;
        nbd_piece_go(p, now);
        return true;
}

void nbd_piece_drop_filling(struct nbd_conn *c)
{
        if (!c->filling)
                return;
        c->filling->op->out--;
        nbd_piece_put(c->filling);
        c->filling = NULL;
}

void nbd_piece_drop(struct nbd_conn *c, nsec now)
{
        struct list *node;

        nbd_piece_drop_filling(c);
        while ((node = list_pop(&c->waiting))) {
                struct nbd_piece *p = LIST_ENTRY(node, struct nbd_piece, node);

                if (p->op)
                        p->op->out--;
                nbd_piece_put(p);
        }
        c->nbd->moved |= !list_is_empty(&c->out);
        LIST_FOREACH (pos, &c->out)
                engine_cancel(c->nbd->host.engine, &LIST_ENTRY(pos, struct nbd_piece, out)->rq,
                              now);
}
