/* SPDX-License-Identifier: MIT */
/*
 * The listener and its connections. All descriptors are in one epoll, which is the front's own
 * descriptor, so that the shard watches one thing whatever the number of clients.
 *
 * A turn reads; whatever a connection has to say or to be watched for is done at the turn's end,
 * once for all that happened to it: answers of one turn leave in one call.
 */
#include "front/front_nbd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "front/nbd_conn.h"
#include "front/nbd_io.h"
#include "front/nbd_peer.h"

#define NBD_EVENTS_MAX    32
#define NBD_ACCEPTS_MAX   8 /* a turn */
#define NBD_ARENA_SHARE   4 /* data of all connections: a quarter of the request memory at most */
#define NBD_PATIENCE      (20 * NSEC_MS) /* with a client that takes nothing, until it is copied */
#define NBD_REFUSAL_EVERY (60 * NSEC_SEC)
#define NBD_ACCEPT_AGAIN  NSEC_SEC
#define NBD_KEY_LISTENER  UINT32_MAX

static struct front_nbd *front_nbd_of(struct front *front)
{
        return (struct front_nbd *)(void *)front;
}

/* ---- connections ---- */

static struct nbd_conn *front_nbd_place(struct front_nbd *f)
{
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++)
                if (f->conns[i].phase == NBD_PHASE_FREE)
                        return &f->conns[i];
        return NULL;
}

static void front_nbd_say_refused(struct front_nbd *f, const char *why, nsec now)
{
        char text[128];

        if (f->refused_at != 0 && nsec_since(now, f->refused_at) < NBD_REFUSAL_EVERY)
                return;
        f->refused_at = now > 0 ? now : 1;
        snprintf(text, sizeof(text), "an NBD client was refused: %s", why);
        nbd_log(f, 1, AOE_ADDR_ALL, text);
}

/* A place for fd, which is watched from here on. NULL: there is none. */
static struct nbd_conn *front_nbd_add(struct front_nbd *f, int fd)
{
        struct nbd_conn *c = front_nbd_place(f);
        struct epoll_event ev = {.events = EPOLLIN};

        if (!c)
                return NULL;
        ev.data.u32 = (uint32_t)(c - f->conns);
        if (epoll_ctl(f->front.fd, EPOLL_CTL_ADD, fd, &ev) < 0)
                return NULL;
        c->nbd = f;
        f->conn_count++;
        return c;
}

int front_nbd_attach(struct front *front, int fd, bool read_only)
{
        struct nbd_conn *c = front_nbd_add(front_nbd_of(front), fd);

        if (!c)
                return -EBUSY;
        nbd_conn_open(c, fd, read_only);
        return 0;
}

/* fd is taken. */
static void front_nbd_admit(struct front_nbd *f, int fd, nsec now)
{
        enum nbd_peer peer = nbd_peer_of(fd, &f->options);

        if (peer == NBD_PEER_REFUSED)
                front_nbd_say_refused(f, "its user may not read the devices", now);
        else if (front_nbd_attach(&f->front, fd, peer == NBD_PEER_READS) == 0)
                return;
        else
                front_nbd_say_refused(f, "there are too many", now);
        close(fd);
}

static int front_nbd_serve(struct front *front, int fd, aoe_addr addr, bool last,
                           struct front_attached *ret)
{
        struct front_nbd *f = front_nbd_of(front);
        char name[AOE_NAME_BYTES];
        struct nbd_export x;
        struct nbd_conn *c;

        aoe_addr_format(addr, name);
        if (nbd_export_find(f->host.engine, name, strlen(name), f->options.read_only, &x) !=
            NBD_EXPORT_FOUND)
                return -ENODEV;
        c = front_nbd_add(f, fd);
        if (!c)
                return -EMFILE;
        nbd_conn_serve(c, fd, &x);
        f->attached++;
        f->ends_with_attached |= last;
        *ret = (struct front_attached){.bytes = x.bytes, .flags = x.flags};
        snprintf(ret->identifier, sizeof(ret->identifier), "%s:%s", x.name, x.serial);
        return 0;
}

static void front_nbd_watch_listener(struct front_nbd *f, bool is_watched)
{
        struct epoll_event ev = {
                .events = is_watched ? EPOLLIN : 0,
                .data.u32 = NBD_KEY_LISTENER,
        };

        CHECK(epoll_ctl(f->front.fd, EPOLL_CTL_MOD, f->options.listen_fd, &ev) == 0);
}

static void front_nbd_accept(struct front_nbd *f, nsec now)
{
        for (unsigned i = 0; i < NBD_ACCEPTS_MAX; i++) {
                int fd = accept4(f->options.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        front_nbd_admit(f, fd, now);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        front_nbd_say_refused(f, strerrordesc_np(errno), now);
                        front_nbd_watch_listener(f, false); /* it stays readable */
                        f->listen_at = nsec_add(now, NBD_ACCEPT_AGAIN);
                }
                return; /* none waits, or one gave up */
        }
}

static void front_nbd_watch(struct front_nbd *f, struct nbd_conn *c)
{
        struct epoll_event ev = {
                .events = nbd_conn_wants(c),
                .data.u32 = (uint32_t)(c - f->conns),
        };

        if (ev.events == c->events)
                return;
        CHECK(epoll_ctl(f->front.fd, EPOLL_CTL_MOD, c->fd, &ev) == 0);
        c->events = ev.events;
}

/* ---- a turn ---- */

/* Each once: one that still finds no room comes again behind the others. */
static void front_nbd_feed(struct front_nbd *f, nsec now)
{
        struct list hungry, *node;

        list_init(&hungry);
        list_splice_tail(&hungry, &f->hungry);
        while ((node = list_pop(&hungry)))
                nbd_conn_resume(LIST_ENTRY(node, struct nbd_conn, hungry), now);
}

static void front_nbd_lose_patience(struct front_nbd *f, nsec now)
{
        struct list *node;

        while ((node = list_first(&f->blocked))) {
                struct nbd_conn *c = LIST_ENTRY(node, struct nbd_conn, blocked);

                if (nsec_since(now, c->blocked_at) < NBD_PATIENCE)
                        return;
                nbd_io_keep_replies(c, true);
                list_del(node);
        }
}

static void front_nbd_on_event(struct front_nbd *f, const struct epoll_event *ev, nsec now)
{
        struct nbd_conn *c;

        if (ev->data.u32 == NBD_KEY_LISTENER) {
                front_nbd_accept(f, now);
                return;
        }
        c = &f->conns[ev->data.u32];
        if (c->phase == NBD_PHASE_FREE || c->phase == NBD_PHASE_CLOSING)
                return;
        if (ev->events & EPOLLIN)
                nbd_conn_read(c, now);
        else if (ev->events & (EPOLLHUP | EPOLLERR))
                nbd_conn_close(c, now);
        else
                nbd_conn_touch(c); /* it takes something again */
}

static unsigned front_nbd_turn(struct front *front, unsigned budget, nsec now)
{
        struct front_nbd *f = front_nbd_of(front);
        struct epoll_event events[NBD_EVENTS_MAX];
        int n;

        front_nbd_feed(f, now);
        front_nbd_lose_patience(f, now);
        if (f->listen_at <= now) {
                front_nbd_watch_listener(f, true);
                f->listen_at = NSEC_NEVER;
        }
        if (budget == 0 || f->stopped)
                return 0;
        n = epoll_wait(front->fd, events, NBD_EVENTS_MAX, 0);
        for (int i = 0; i < n; i++)
                front_nbd_on_event(f, &events[i], now);
        return n > 0 ? (unsigned)n : 0;
}

static void front_nbd_forget(struct front_nbd *f, struct nbd_conn *c)
{
        c->phase = NBD_PHASE_FREE;
        f->conn_count--;
        if (c->attached && --f->attached == 0 && f->ends_with_attached && !f->stopped)
                f->host.ended(f->host.arg, &f->front);
}

static bool front_nbd_send(struct front *front, nsec now)
{
        struct front_nbd *f = front_nbd_of(front);
        struct list *node;

        f->moved = false;
        while ((node = list_pop(&f->dirty))) {
                struct nbd_conn *c = LIST_ENTRY(node, struct nbd_conn, dirty);

                nbd_conn_send(c, now);
                if (nbd_conn_is_done(c)) {
                        list_del(&c->dirty);
                        front_nbd_forget(f, c);
                } else if (c->phase != NBD_PHASE_CLOSING) {
                        front_nbd_watch(f, c);
                }
        }
        return f->moved;
}

static void front_nbd_complete(struct front *front, struct request *rq, nsec now)
{
        struct nbd_piece *p = LIST_ENTRY(rq, struct nbd_piece, rq);
        struct nbd_conn *c = p->conn;

        CHECK(p->base.front == front);
        nbd_io_complete(p, now);
        nbd_conn_resume(c, now);
        nbd_conn_touch(c);
}

/* Those with a handshake learn of a new size when they connect again. */
static void front_nbd_on_change(struct front *front, const struct event *ev, nsec now)
{
        struct front_nbd *f = front_nbd_of(front);
        struct device_info d;
        bool any = false;

        (void)now;
        if (f->attached == 0 || !(ev->changes & EVENT_SIZE) ||
            !engine_device_info(f->host.engine, ev->addr, &d))
                return;
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++) {
                struct nbd_conn *c = &f->conns[i];

                if (c->phase != NBD_PHASE_SERVING || !c->attached || c->export.addr != ev->addr)
                        continue;
                c->export.bytes = d.bytes;
                any = true;
        }
        if (any)
                f->host.resized(f->host.arg, ev->addr, d.bytes);
}

/* Not before: who asks for the default export, or for a list, is told of what is known. */
static void front_nbd_on_settled(struct front *front)
{
        struct front_nbd *f = front_nbd_of(front);

        if (f->options.listen_fd >= 0)
                front_nbd_watch_listener(f, true);
}

static void front_nbd_stop(struct front *front)
{
        struct front_nbd *f = front_nbd_of(front);

        f->stopped = true;
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++) {
                if (f->conns[i].phase == NBD_PHASE_FREE)
                        continue;
                nbd_io_stop(&f->conns[i]);
                nbd_conn_touch(&f->conns[i]);
        }
}

static unsigned front_nbd_open_count(const struct front *front)
{
        return ((const struct front_nbd *)(const void *)front)->open_count;
}

/* ---- life ---- */

static void front_nbd_free(struct front *front)
{
        struct front_nbd *f = front_nbd_of(front);

        if (!f)
                return;
        for (unsigned i = 0; f->conns && i < NBD_CONNECTIONS_MAX; i++) {
                struct nbd_conn *c = &f->conns[i];

                if (c->phase == NBD_PHASE_FREE)
                        continue;
                nbd_conn_close(c, 0);
                CHECK(nbd_conn_is_done(c)); /* the engine has nothing of ours any more */
        }
        if (front->fd >= 0)
                close(front->fd);
        if (f->options.listen_fd >= 0)
                close(f->options.listen_fd);
        free(f->conns);
        free(f->ops_block);
        free(f->pieces_block);
        free(f);
}

static const struct front_ops front_nbd_ops = {
        .turn = front_nbd_turn,
        .complete = front_nbd_complete,
        .send = front_nbd_send,
        .attach = front_nbd_serve,
        .on_event = front_nbd_on_change,
        .on_settled = front_nbd_on_settled,
        .stop = front_nbd_stop,
        .open_count = front_nbd_open_count,
        .free = front_nbd_free,
};

/* Watched for nothing until all is settled. */
static int front_nbd_listen(struct front_nbd *f, int fd)
{
        struct epoll_event ev = {.data.u32 = NBD_KEY_LISTENER};

        f->front.fd = epoll_create1(EPOLL_CLOEXEC);
        if (f->front.fd < 0)
                return -errno;
        if (fd >= 0 && epoll_ctl(f->front.fd, EPOLL_CTL_ADD, fd, &ev) < 0)
                return -errno;
        f->options.listen_fd = fd;
        return 0;
}

int front_nbd_new(const struct front_nbd_options *o, const struct front_host *host,
                  struct front **ret)
{
        const size_t ops = (size_t)NBD_CONNECTIONS_MAX * NBD_OPS_MAX;
        const size_t pieces = (size_t)NBD_CONNECTIONS_MAX * NBD_PIECES_MAX;
        struct front_nbd *f = calloc(1, sizeof(*f));
        int r = -ENOMEM;

        if (!f)
                return r;
        f->front = (struct front){.ops = &front_nbd_ops, .fd = -1};
        f->host = *host;
        f->options = *o;
        f->options.listen_fd = -1;
        f->listen_at = NSEC_NEVER;
        f->held_bytes_max = (uint64_t)host->arena->blocks * ARENA_BLOCK_BYTES / NBD_ARENA_SHARE;
        list_init(&f->dirty);
        list_init(&f->hungry);
        list_init(&f->blocked);
        f->conns = calloc(NBD_CONNECTIONS_MAX, sizeof(*f->conns));
        f->ops_block = malloc(pool_bytes(sizeof(struct nbd_op), ops));
        f->pieces_block = malloc(pool_bytes(sizeof(struct nbd_piece), pieces));
        if (f->conns && f->ops_block && f->pieces_block) {
                pool_init(&f->ops, f->ops_block, sizeof(struct nbd_op), ops);
                pool_init(&f->pieces, f->pieces_block, sizeof(struct nbd_piece), pieces);
                r = front_nbd_listen(f, o->listen_fd);
        }
        if (r < 0) {
                front_nbd_free(&f->front);
                return r;
        }
        *ret = &f->front;
        return 0;
}
