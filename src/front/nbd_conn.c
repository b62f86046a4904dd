/* SPDX-License-Identifier: MIT */
#include "front/nbd_conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "front/nbd_handshake.h"
#include "front/nbd_io.h"
#include "front/nbd_piece.h"

#define NBD_SEND_BUFFER_BYTES (1 << 20) /* asked for; the system gives what it allows */

void nbd_conn_touch(struct nbd_conn *c)
{
        if (!list_is_linked(&c->dirty))
                list_add_tail(&c->nbd->dirty, &c->dirty);
}

/* ---- life ---- */

static void nbd_conn_init(struct nbd_conn *c, int fd, bool read_only)
{
        const int bytes = NBD_SEND_BUFFER_BYTES;
        struct front_nbd *f = c->nbd;

        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)); /* a smaller one will do */
        *c = (struct nbd_conn){
                .nbd = f,
                .fd = fd,
                .read_only = read_only || f->options.read_only,
                .events = EPOLLIN,
                .blocked_at = NSEC_NEVER,
        };
        list_init(&c->open);
        list_init(&c->ops);
        list_init(&c->waiting);
        list_init(&c->out);
        list_init(&c->replies);
        list_init(&c->dirty);
        list_init(&c->hungry);
        list_init(&c->blocked);
        nbd_conn_touch(c);
}

void nbd_conn_open(struct nbd_conn *c, int fd, bool read_only)
{
        nbd_conn_init(c, fd, read_only);
        nbd_handshake_greet(c);
}

void nbd_conn_serve(struct nbd_conn *c, int fd, const struct nbd_export *x)
{
        nbd_conn_init(c, fd, false);
        c->attached = true;
        nbd_handshake_serve(c, x);
}

void nbd_conn_close(struct nbd_conn *c, nsec now)
{
        struct front_nbd *f = c->nbd;

        if (c->phase == NBD_PHASE_CLOSING)
                return;
        c->phase = NBD_PHASE_CLOSING;
        epoll_ctl(f->front.fd, EPOLL_CTL_DEL, c->fd, NULL); /* a fork may have it open, too */
        close(c->fd);
        c->fd = -1;
        nbd_io_drop(c, now);
        if (c->writes)
                f->host.writer_drop(f->host.arg, c->export.addr);
        if (c->held)
                engine_hold(f->host.engine, c->export.addr, -1);
        list_del(&c->hungry);
        list_del(&c->blocked);
        nbd_conn_touch(c); /* to be collected */
}

bool nbd_conn_is_done(const struct nbd_conn *c)
{
        return c->phase == NBD_PHASE_CLOSING && c->op_count == 0 && c->piece_count == 0;
}

uint32_t nbd_conn_wants(const struct nbd_conn *c)
{
        uint32_t events = 0;

        if (!c->stuck && !c->ending && !c->nbd->stopped)
                events |= EPOLLIN;
        if (c->blocked_at != NSEC_NEVER)
                events |= EPOLLOUT;
        return events;
}

/* ---- bytes in ---- */

static enum nbd_step nbd_conn_skip(struct nbd_conn *c)
{
        size_t left = c->in_bytes - c->in_at;
        size_t bytes = c->skip < left ? (size_t)c->skip : left;

        c->in_at += bytes;
        c->skip -= bytes;
        if (c->skip > 0)
                return NBD_STEP_MORE;
        if (c->writing)
                nbd_io_skipped(c);
        return NBD_STEP_DONE;
}

/* What was read together with the request goes to the rest of the WRITE's data. */
static enum nbd_step nbd_conn_fill(struct nbd_conn *c, nsec now)
{
        size_t left = c->in_bytes - c->in_at, room;
        uint8_t *to = nbd_piece_room(c, &room);

        if (!to)
                return NBD_STEP_WAIT;
        if (left == 0)
                return NBD_STEP_MORE;
        if (left > room)
                left = room;
        memcpy(to, c->in + c->in_at, left);
        c->in_at += left;
        nbd_io_filled(c, left, now);
        return NBD_STEP_DONE;
}

static enum nbd_step nbd_conn_request(struct nbd_conn *c, nsec now)
{
        struct bytes in = {.at = c->in + c->in_at, .left = c->in_bytes - c->in_at};
        struct nbd_request r;

        if (in.left < NBD_REQUEST_BYTES)
                return NBD_STEP_MORE;
        if (!nbd_parse_request(in, &r))
                return NBD_STEP_CLOSE;
        if (r.type == NBD_CMD_DISC) {
                c->ending = true;
                return NBD_STEP_DONE;
        }
        if (!nbd_io_start(c, &r, now))
                return NBD_STEP_WAIT;
        c->in_at += NBD_REQUEST_BYTES;
        return NBD_STEP_DONE;
}

static enum nbd_step nbd_conn_step(struct nbd_conn *c, nsec now)
{
        if (c->skip > 0)
                return nbd_conn_skip(c);
        if (c->phase != NBD_PHASE_SERVING)
                return nbd_handshake_step(c, now);
        return c->writing ? nbd_conn_fill(c, now) : nbd_conn_request(c, now);
}

/* Looks at what was read, as far as it goes. */
static void nbd_conn_look(struct nbd_conn *c, nsec now)
{
        enum nbd_step step = NBD_STEP_DONE;
        size_t in_at = c->in_at, control_bytes = c->control_bytes;
        bool was_stuck = c->stuck;

        while (step == NBD_STEP_DONE && !c->ending && !c->nbd->stopped)
                step = nbd_conn_step(c, now);
        c->stuck = step == NBD_STEP_WAIT;
        if (step == NBD_STEP_CLOSE)
                c->broken = true;
        if (c->broken || c->ending || c->stuck != was_stuck || c->in_at != in_at ||
            c->control_bytes != control_bytes)
                nbd_conn_touch(c); /* there is something to be sent, or else to be waited for */
}

/* Reads once, data of a WRITE to where they are to be. true: there may be more. */
static bool nbd_conn_receive(struct nbd_conn *c, nsec now)
{
        struct iovec iov[2];
        size_t room = 0, most;
        ssize_t n;
        int count = 0;

        memmove(c->in, c->in + c->in_at, c->in_bytes - c->in_at);
        c->in_bytes -= c->in_at;
        c->in_at = 0;
        if (c->writing && c->skip == 0) { /* nbd_conn_look() has found memory for it */
                iov[count].iov_base = nbd_piece_room(c, &room);
                iov[count++].iov_len = room;
                CHECK(iov[0].iov_base && c->in_bytes == 0);
        }
        iov[count].iov_base = c->in + c->in_bytes;
        iov[count++].iov_len = sizeof(c->in) - c->in_bytes;
        most = room + sizeof(c->in) - c->in_bytes;
        do
                n = readv(c->fd, iov, count);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return false;
        if (n <= 0) {
                c->broken = true;
                return false;
        }
        if (room > (size_t)n)
                room = (size_t)n;
        c->in_bytes += (size_t)n - room;
        if (room > 0)
                nbd_io_filled(c, room, now);
        return (size_t)n == most;
}

void nbd_conn_read(struct nbd_conn *c, nsec now)
{
        for (unsigned i = 0; i < NBD_READS_MAX; i++) {
                bool more;

                if (c->stuck || c->ending || c->broken)
                        break;
                more = nbd_conn_receive(c, now);
                nbd_conn_look(c, now);
                if (!more)
                        break; /* or a call would only say that there is nothing */
        }
        nbd_conn_touch(c);
}

void nbd_conn_resume(struct nbd_conn *c, nsec now)
{
        if (c->phase == NBD_PHASE_CLOSING)
                return;
        nbd_piece_feed(c, now);
        if (c->stuck)
                nbd_conn_look(c, now);
}

/* ---- bytes out ---- */

static void nbd_iov_add(struct iovec *iov, int *count, size_t *skip, const void *at, size_t bytes)
{
        if (*skip >= bytes) {
                *skip -= bytes;
                return;
        }
        iov[(*count)++] = (struct iovec){
                .iov_base = (uint8_t *)(uintptr_t)at + *skip,
                .iov_len = bytes - *skip,
        };
        *skip = 0;
}

static void nbd_iov_add_piece(struct iovec *iov, int *count, size_t *skip,
                              const struct nbd_piece *p)
{
        if (p->block) {
                nbd_iov_add(iov, count, skip, p->block, p->rq.bytes);
        } else if (p->rq.buffer) {
                nbd_iov_add(iov, count, skip, p->rq.buffer, p->rq.bytes);
        } else {
                LIST_FOREACH (node, &p->rq.frames) {
                        const struct frame *frame = LIST_ENTRY(node, struct frame, node);

                        if (*count == NBD_IOV_MAX)
                                return;
                        nbd_iov_add(iov, count, skip, frame->part, frame->part_bytes);
                }
        }
}

/* As much of what is to be sent as one call takes. */
static int nbd_conn_gather(struct nbd_conn *c, struct iovec *iov)
{
        size_t skip = c->control_at;
        int count = 0;

        nbd_iov_add(iov, &count, &skip, c->control, c->control_bytes);
        skip = c->sent;
        LIST_FOREACH (node, &c->replies) {
                const struct nbd_reply *r = LIST_ENTRY(node, struct nbd_reply, node);

                if (count + 2 > NBD_IOV_MAX)
                        break;
                nbd_iov_add(iov, &count, &skip, r->header, r->header_bytes);
                if (r->piece)
                        nbd_iov_add_piece(iov, &count, &skip, r->piece);
        }
        return count;
}

static void nbd_conn_advance(struct nbd_conn *c, size_t n)
{
        size_t control = c->control_bytes - c->control_at;
        struct list *node;

        if (control > n)
                control = n;
        c->control_at += control;
        if (c->control_at == c->control_bytes)
                c->control_at = c->control_bytes = 0;
        c->sent += n - control;
        while ((node = list_first(&c->replies))) {
                struct nbd_reply *r = LIST_ENTRY(node, struct nbd_reply, node);
                size_t bytes = r->header_bytes + (r->piece ? r->piece->rq.bytes : 0);

                if (c->sent < bytes)
                        return;
                c->sent -= bytes;
                nbd_io_reply_put(r);
        }
        CHECK(c->sent == 0);
}

static void nbd_conn_block(struct nbd_conn *c, nsec now)
{
        if (c->blocked_at == NSEC_NEVER) {
                c->blocked_at = now;
                list_add_tail(&c->nbd->blocked, &c->blocked);
        }
        nbd_io_keep_replies(c, false);
}

static void nbd_conn_flush(struct nbd_conn *c, nsec now)
{
        struct msghdr m = {.msg_iov = c->nbd->iov};
        ssize_t n;

        while ((m.msg_iovlen = (size_t)nbd_conn_gather(c, c->nbd->iov)) > 0) {
                n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        nbd_conn_block(c, now);
                        return;
                }
                if (n < 0) {
                        c->broken = true;
                        return;
                }
                nbd_conn_advance(c, (size_t)n);
        }
        c->blocked_at = NSEC_NEVER;
        list_del(&c->blocked);
}

void nbd_conn_send(struct nbd_conn *c, nsec now)
{
        bool is_said;

        if (c->phase == NBD_PHASE_CLOSING)
                return;
        nbd_conn_flush(c, now);
        is_said = c->control_bytes == 0 && list_is_empty(&c->replies);
        if (c->broken || (c->ending && c->working == 0 && is_said))
                nbd_conn_close(c, now);
        else
                nbd_conn_resume(c, now);
}
