/* SPDX-License-Identifier: MIT */
#include "front/nbd_io.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "front/nbd_piece.h"

#define NBD_FRAMES_SHARE 4 /* slow clients keep a quarter of all frames at most */

/* The only place that knows this table. */
static enum nbd_error nbd_io_error(const struct request *rq)
{
        switch (rq->status) {
        case REQUEST_OK: return NBD_OK;
        case REQUEST_RANGE:
                return rq->op == REQUEST_READ || rq->op == REQUEST_TRIM ? NBD_EINVAL : NBD_ENOSPC;
        case REQUEST_NO_MEMORY: return NBD_ENOMEM;
        case REQUEST_RESERVED: return NBD_EPERM;
        case REQUEST_UNSUPPORTED: /* TRIM is advice, nothing else is */
                return rq->op == REQUEST_TRIM ? NBD_OK : NBD_EIO;
        case REQUEST_ERROR:
        case REQUEST_TIMEOUT:
        case REQUEST_NO_DEVICE:
        case REQUEST_SWAPPED:
        case REQUEST_CANCELLED: return NBD_EIO;
        case REQUEST_PENDING: break;
        }
        CHECK(!"a finished request");
        return NBD_EIO;
}

/* ---- what may be asked ---- */

static uint16_t nbd_io_flags(uint16_t type)
{
        switch (type) {
        case NBD_CMD_READ: return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_DF;
        case NBD_CMD_WRITE_ZEROES:
                return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FAST_ZERO;
        case NBD_CMD_BLOCK_STATUS: return NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_REQ_ONE;
        default: return NBD_CMD_FLAG_FUA; /* it may stand anywhere, and means nothing there */
        }
}

static enum nbd_error nbd_io_check_range(const struct nbd_conn *c, const struct nbd_request *r)
{
        uint64_t end;

        if (r->bytes == 0)
                return NBD_EINVAL;
        if (!add_checked(r->offset, r->bytes, &end) || end > c->export.bytes)
                return nbd_request_changes(r) && r->type != NBD_CMD_TRIM ? NBD_ENOSPC : NBD_EINVAL;
        if (r->type == NBD_CMD_READ || r->type == NBD_CMD_WRITE)
                return r->bytes > NBD_PAYLOAD_MAX ? NBD_EINVAL : NBD_OK;
        return NBD_OK;
}

/* Fast means: by one TRIM after which the disk promises zeroes, and it may leave a hole. */
static bool nbd_io_is_fast_zero(const struct nbd_conn *c, const struct nbd_request *r)
{
        struct device_info d;

        return engine_device_info(c->nbd->host.engine, c->export.addr, &d) && d.trim_zeroes &&
               !(r->flags & NBD_CMD_FLAG_NO_HOLE) && r->offset % AOE_SECTOR_BYTES == 0 &&
               r->bytes % AOE_SECTOR_BYTES == 0;
}

static enum nbd_error nbd_io_check(const struct nbd_conn *c, const struct nbd_request *r)
{
        if (r->type > NBD_CMD_BLOCK_STATUS || (r->flags & ~nbd_io_flags(r->type)))
                return NBD_EINVAL;
        if (nbd_request_changes(r) && (c->export.flags & NBD_FLAG_READ_ONLY))
                return NBD_EPERM;
        if (r->type == NBD_CMD_FLUSH)
                return r->offset == 0 && r->bytes == 0 ? NBD_OK : NBD_EINVAL;
        if (r->type == NBD_CMD_BLOCK_STATUS && !c->allocation)
                return NBD_EINVAL;
        if ((r->flags & NBD_CMD_FLAG_DF) && (!c->structured || r->bytes > REQUEST_BYTES_MAX))
                return c->structured ? NBD_EOVERFLOW : NBD_EINVAL;
        if ((r->flags & NBD_CMD_FLAG_FAST_ZERO) && !nbd_io_is_fast_zero(c, r))
                return NBD_ENOTSUP;
        return nbd_io_check_range(c, r);
}

/* The host-wide lock against another daemon's writes, taken with the first write. */
static enum nbd_error nbd_io_take_writer(struct nbd_conn *c)
{
        const struct front_host *host = &c->nbd->host;
        char holder[128] = "", text[256];

        if (c->writes)
                return NBD_OK;
        if (host->writer_take(host->arg, c->export.addr, holder, sizeof(holder)) == 0) {
                c->writes = true;
                return NBD_OK;
        }
        if (!c->refused) {
                snprintf(text, sizeof(text),
                         "an NBD client may not write: %s does: give --shared if both know of each "
                         "other",
                         holder);
                nbd_log(c->nbd, 1, c->export.addr, text);
        }
        c->refused = true;
        return NBD_EPERM;
}

/* ---- replies ---- */

static void nbd_io_reply(struct nbd_conn *c, struct nbd_reply *r)
{
        CHECK(r->header_bytes <= sizeof(r->header));
        list_add_tail(&c->replies, &r->node);
        if (!list_is_linked(&c->dirty))
                list_add_tail(&c->nbd->dirty, &c->dirty);
}

static void nbd_op_put(struct nbd_op *op)
{
        CHECK(op->out == 0 && !list_is_linked(&op->node));
        list_del(&op->all);
        op->conn->op_count--;
        pool_put(&op->conn->nbd->ops, op);
}

/* Its data are the engine's no more. */
static void nbd_piece_release(struct nbd_piece *p)
{
        struct front_nbd *f = p->conn->nbd;

        f->frames_held -= p->rq.frame_count;
        engine_release(f->host.engine, &p->rq);
}

void nbd_io_reply_put(struct nbd_reply *r)
{
        list_del(&r->node);
        if (!r->piece) {
                nbd_op_put(LIST_ENTRY(r, struct nbd_op, reply));
                return;
        }
        if (!r->piece->block)
                nbd_piece_release(r->piece);
        nbd_piece_put(r->piece);
}

/* Copies what came in frames. false: no memory. */
static bool nbd_piece_gather(struct nbd_piece *p)
{
        size_t at = 0;

        p->block = arena_get(p->conn->nbd->host.arena, p->rq.bytes);
        if (!p->block)
                return false;
        LIST_FOREACH (node, &p->rq.frames) {
                const struct frame *frame = LIST_ENTRY(node, struct frame, node);

                memcpy(p->block + at, frame->part, frame->part_bytes);
                at += frame->part_bytes;
        }
        CHECK(at == p->rq.bytes);
        return true;
}

void nbd_io_keep_replies(struct nbd_conn *c, bool all)
{
        const struct front_nbd *f = c->nbd;

        LIST_FOREACH (node, &c->replies) {
                struct nbd_piece *p = LIST_ENTRY(node, struct nbd_reply, node)->piece;

                if (!all && f->frames_held <= f->host.frames->pool.count / NBD_FRAMES_SHARE)
                        return;
                if (!p || p->block)
                        continue;
                if (p->rq.buffer) {
                        p->block = p->rq.buffer;
                        p->rq.buffer = NULL;
                } else if (!nbd_piece_gather(p)) {
                        return;
                }
                nbd_piece_release(p);
        }
}

/* ---- the end of an op ---- */

static bool nbd_op_is_open(const struct nbd_op *op)
{
        return op->out > 0 || op == op->conn->writing || (!op->error && nbd_op_has_more(op));
}

static void nbd_op_answer(struct nbd_op *op)
{
        const struct nbd_request *r = &op->asked;
        bool in_chunks = op->conn->structured &&
                         (r->type == NBD_CMD_BLOCK_STATUS || r->type == NBD_CMD_READ);
        uint8_t *header = op->reply.header;
        size_t bytes;

        if (!in_chunks)
                bytes = nbd_build_simple(header, r->cookie, op->error);
        else if (op->error)
                bytes = nbd_build_chunk_error(header, r->cookie, op->error);
        else
                bytes = nbd_build_chunk_status(header, r->cookie, r->bytes);
        op->reply.header_bytes = (uint32_t)bytes;
        nbd_io_reply(op->conn, &op->reply);
}

/* With FUA, what was written is flushed first. true: that is to be done. */
static bool nbd_op_flushes(struct nbd_op *op)
{
        if (op->flushing || op->error || !(op->asked.flags & NBD_CMD_FLAG_FUA) ||
            !nbd_request_changes(&op->asked) || op->conn->phase != NBD_PHASE_SERVING)
                return false;
        if (op->conn->nbd->stopped) {
                op->error = NBD_ESHUTDOWN;
                return false;
        }
        op->flushing = true;
        op->next = 0;
        list_add_tail(&op->conn->ops, &op->node);
        return true;
}

/* Something of it has come to its end: what is next? */
static void nbd_op_advance(struct nbd_op *op)
{
        struct nbd_conn *c = op->conn;
        bool is_said = op->asked.type == NBD_CMD_READ && !op->error; /* by the last of its data */
        bool too_late = op->headed && op->error;

        if (op->error)
                list_del(&op->node);
        if (nbd_op_is_open(op)) {
                if (!op->error && op != c->writing && nbd_op_has_more(op) &&
                    !list_is_linked(&op->node))
                        list_add_tail(&c->ops, &op->node);
                return;
        }
        if (nbd_op_flushes(op))
                return;
        CHECK(c->working > 0 && c->nbd->open_count > 0);
        c->working--;
        c->nbd->open_count--;
        c->broken |= too_late; /* its simple reply had begun as a good one */
        if (c->phase != NBD_PHASE_SERVING || is_said || too_late)
                nbd_op_put(op);
        else
                nbd_op_answer(op);
}

/* ---- from the client ---- */

/* One run of bytes that no chunk may part. */
static bool nbd_io_is_alone(const struct nbd_conn *c, const struct nbd_request *r)
{
        return r->type == NBD_CMD_READ && !c->structured && r->bytes > REQUEST_BYTES_MAX;
}

static struct nbd_op *nbd_op_get(struct nbd_conn *c, const struct nbd_request *r)
{
        struct nbd_op *op = pool_get(&c->nbd->ops);

        CHECK(op && c->op_count < NBD_OPS_MAX);
        *op = (struct nbd_op){.conn = c, .asked = *r, .flushing = r->type == NBD_CMD_FLUSH};
        list_init(&op->node);
        list_init(&op->all);
        list_init(&op->reply.node);
        list_add_tail(&c->open, &op->all);
        c->op_count++;
        c->working++;
        c->nbd->open_count++;
        return op;
}

bool nbd_io_start(struct nbd_conn *c, const struct nbd_request *r, nsec now)
{
        struct nbd_op *op;

        if (c->op_count == NBD_OPS_MAX || (c->working > 0 && (c->alone || nbd_io_is_alone(c, r))))
                return false;
        op = nbd_op_get(c, r);
        c->alone = nbd_io_is_alone(c, r);
        op->error = nbd_io_check(c, r);
        if (!op->error && nbd_request_changes(r))
                op->error = nbd_io_take_writer(c);
        if (op->error && r->type == NBD_CMD_WRITE && r->bytes > 0) {
                c->skip = r->bytes;
                c->writing = op;
        } else if (op->error || r->type == NBD_CMD_BLOCK_STATUS) {
                op->next = r->bytes;
                op->flushing = false;
                nbd_op_advance(op);
        } else if (r->type == NBD_CMD_WRITE) {
                c->writing = op;
        } else {
                list_add_tail(&c->ops, &op->node);
                nbd_piece_feed(c, now);
        }
        return true;
}

void nbd_io_filled(struct nbd_conn *c, size_t bytes, nsec now)
{
        struct nbd_op *op = c->writing;

        if (nbd_piece_filled(c, bytes, now))
                nbd_op_advance(op);
        nbd_piece_feed(c, now);
}

/* A client (libnbd) knows no answer to what it is still sending. */
void nbd_io_skipped(struct nbd_conn *c)
{
        struct nbd_op *op = c->writing;

        CHECK(op->error);
        c->writing = NULL;
        nbd_op_advance(op);
}

/* ---- from the engine ---- */

static void nbd_io_reply_data(struct nbd_piece *p)
{
        struct nbd_op *op = p->op;
        uint64_t cookie = op->asked.cookie;
        bool done = !op->error && op->out == 0 && !nbd_op_has_more(op);
        struct nbd_reply *r = &p->reply;

        if (op->conn->structured)
                r->header_bytes = (uint32_t)nbd_build_chunk_data(r->header, cookie, done,
                                                                 p->rq.offset, p->rq.bytes);
        else if (!op->headed)
                r->header_bytes = (uint32_t)nbd_build_simple(r->header, cookie, NBD_OK);
        op->headed = !op->conn->structured;
        p->op = NULL; /* it may end first */
        op->conn->nbd->frames_held += p->rq.frame_count;
        nbd_io_reply(op->conn, r);
}

void nbd_io_complete(struct nbd_piece *p, nsec now)
{
        enum nbd_error error = nbd_io_error(&p->rq);
        struct nbd_conn *c = p->conn;
        struct nbd_op *op = p->op;

        list_del(&p->out);
        if (op) {
                op->out--;
                if (!op->error)
                        op->error = error;
        }
        if (op && op->asked.type == NBD_CMD_READ && c->phase == NBD_PHASE_SERVING && !error &&
            !(op->headed && op->error)) {
                nbd_io_reply_data(p);
        } else {
                engine_release(c->nbd->host.engine, &p->rq);
                nbd_piece_put(p);
        }
        if (op)
                nbd_op_advance(op);
        else
                c->looked_up = true;
        if (c->phase != NBD_PHASE_CLOSING)
                nbd_piece_feed(c, now);
}

/* ---- the end ---- */

void nbd_io_stop(struct nbd_conn *c)
{
        const struct nbd_op *writing = c->writing;

        if (c->phase != NBD_PHASE_SERVING)
                return;
        nbd_piece_drop_filling(c);
        c->writing = NULL;
        LIST_FOREACH_SAFE (pos, &c->open) {
                struct nbd_op *op = LIST_ENTRY(pos, struct nbd_op, all);

                if (op != writing && (op->error || !nbd_op_has_more(op)))
                        continue;
                if (!op->error)
                        op->error = NBD_ESHUTDOWN;
                nbd_op_advance(op);
        }
}

void nbd_io_drop(struct nbd_conn *c, nsec now)
{
        struct list *node;

        CHECK(c->phase == NBD_PHASE_CLOSING);
        while ((node = list_first(&c->replies)))
                nbd_io_reply_put(LIST_ENTRY(node, struct nbd_reply, node));
        c->writing = NULL;
        nbd_piece_drop(c, now);
        while ((node = list_pop(&c->ops)))
                ;
        LIST_FOREACH_SAFE (pos, &c->open) {
                struct nbd_op *op = LIST_ENTRY(pos, struct nbd_op, all);

                op->error = NBD_ESHUTDOWN;
                if (op->out == 0)
                        nbd_op_advance(op);
        }
}
