/* SPDX-License-Identifier: MIT */
/*
 * The session: reads /dev/fuse into request memory, deals with each message, answers what the
 * engine has finished. Data goes past libfuse, which has all the rest.
 *
 *   read -> parsed -> data of a device: room for it? -> fuse_data
 *             |                            | no: parked, nothing more is read (front.paused), until
 *             |                            |     something completes; refused when only silence is
 *             |                            |     ahead
 *             +-----> an interrupt: fuse_io
 *             +-----> anything else: fuse_session_process_buf (fuse_ops, fuse_file)
 *
 * Invariants: there is always a block to read into, so /dev/fuse is never left alone for want of
 * memory; a parked message is the only reason not to read; while one is parked, a request is inside
 * the engine whose end will let it go on.
 */
#include "front/front_fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "front/fuse_data.h"
#include "front/fuse_file.h"
#include "front/fuse_ops.h"

#include <linux/fuse.h>

#define FRONT_FUSE_DEVICES_SPARE 4096 /* table entries beside those of known devices */
#define FRONT_FUSE_SHED_LOG_SPAN (60 * NSEC_SEC)

struct front_fuse {
        struct front front;           /* first */
        struct fuse_session *session; /* owned, with the descriptor */
        aoe_addr parked_addr;         /* whose data the parked message is about */
        bool parked;                  /* state.parsed waits for a request or memory */
        bool stopped;
        bool ended;
        bool bad_logged;
        bool offers_dirops; /* while INIT is answered: the kernel knows FUSE_PARALLEL_DIROPS */
        nsec shed_logged;   /* when we last said that requests are given up; 0: never */
        struct fuse_state state;
};

static struct front_fuse *front_fuse_of(struct front *front)
{
        return (struct front_fuse *)(void *)front;
}

static void front_fuse_end(struct front_fuse *f)
{
        if (f->ended)
                return;
        f->ended = true;
        fuse_session_exit(f->session); /* libfuse stops complaining of answers that nobody wants */
        f->state.host.ended(f->state.host.arg, &f->front);
}

/* ---- what libfuse does with the descriptor ---- */

/* libfuse 3.14 forgets this flag in its answer. Without it the kernel holds a folder's lock over a
 * lookup, and a name that nobody answers to would hide the others for as long as we ask the wire.
 */
static void front_fuse_amend_init(const struct iovec *iov, int count)
{
        struct fuse_init_out *out = count == 2 ? iov[1].iov_base : NULL;

        if (out && iov[1].iov_len >= offsetof(struct fuse_init_out, max_background))
                out->flags |= FUSE_PARALLEL_DIROPS;
}

static ssize_t front_fuse_writev(int fd, struct iovec *iov, int count, void *userdata)
{
        struct fuse_state *s = userdata;
        struct front_fuse *f = front_fuse_of(s->io.front);
        struct fuse_out_header h;

        (void)fd;
        memcpy(&h, iov[0].iov_base, sizeof(h));
        if (h.unique != 0 && f->offers_dirops && h.error == 0)
                front_fuse_amend_init(iov, count);
        return fuse_channel_writev(&s->channel, iov, count);
}

static ssize_t front_fuse_read(int fd, void *buf, size_t bytes, void *userdata)
{
        (void)userdata;
        return read(fd, buf, bytes);
}

/* ---- messages in ---- */

static void front_fuse_log_shed(struct front_fuse *f, aoe_addr addr)
{
        nsec now = f->state.now;

        if (f->shed_logged != 0 && nsec_since(now, f->shed_logged) < FRONT_FUSE_SHED_LOG_SPAN)
                return;
        f->shed_logged = now > 0 ? now : 1;
        fuse_state_log(&f->state, 0, addr,
                       "request memory is full of requests for devices that are not up: failing "
                       "the newest ones with EIO; see .aoefs, raise memory= or forget them");
}

enum front_fuse_admission {
        FRONT_FUSE_ADMITTED,
        FRONT_FUSE_NOT_NOW,
        FRONT_FUSE_REFUSED,
};

/* Is there a request and memory for the parked message, or can there be? */
static enum front_fuse_admission front_fuse_admit(struct front_fuse *f)
{
        struct fuse_state *s = &f->state;

        while (!fuse_data_prepare(s)) {
                enum fuse_io_shed shed;

                if (s->io.open_count == 0 || !fuse_io_is_up(&s->io, f->parked_addr)) {
                        front_fuse_log_shed(f, f->parked_addr);
                        return FRONT_FUSE_REFUSED;
                }
                shed = fuse_io_shed(&s->io, s->ready != NULL, s->now);
                if (shed != FUSE_IO_SHED_NONE)
                        front_fuse_log_shed(f, AOE_ADDR_ALL);
                if (shed != FUSE_IO_SHED_NOW)
                        return FRONT_FUSE_NOT_NOW;
        }
        return FRONT_FUSE_ADMITTED;
}

/* Goes on with the parked message, if there is one. */
static void front_fuse_resume(struct front_fuse *f)
{
        struct fuse_state *s = &f->state;

        if (!f->parked)
                return;
        switch (front_fuse_admit(f)) {
        case FRONT_FUSE_ADMITTED: fuse_data_handle(s, f->parked_addr); break;
        case FRONT_FUSE_NOT_NOW: f->front.paused = true; return;
        case FRONT_FUSE_REFUSED: fuse_channel_error(&s->channel, s->parsed.unique, EIO); break;
        }
        fuse_data_unprepare(s);
        f->parked = false;
        f->front.paused = false;
}

static void front_fuse_hand_over(struct front_fuse *f, size_t bytes)
{
        struct fuse_state *s = &f->state;
        struct fuse_buf buf = {.mem = s->message, .size = bytes};

        f->offers_dirops = s->parsed.init_flags & FUSE_PARALLEL_DIROPS;
        fuse_session_process_buf(f->session, &buf);
        f->offers_dirops = false;
        if (fuse_session_exited(f->session) && !f->ended) {
                fuse_state_log(s, 0, AOE_ADDR_ALL,
                               "the kernel's FUSE and libfuse do not agree: giving the mount up");
                front_fuse_end(f);
        }
}

/* As libfuse does with -d, for what it does not see. */
static void front_fuse_print(const struct fuse_message *msg)
{
        fprintf(stderr,
                "unique: %llu, opcode: %u, nodeid: %llu, offset: %llu, bytes: %u, interrupted: "
                "%llu\n",
                (unsigned long long)msg->unique, msg->opcode, (unsigned long long)msg->nodeid,
                (unsigned long long)msg->offset, msg->bytes, (unsigned long long)msg->interrupted);
}

static void front_fuse_dispatch(struct front_fuse *f, size_t bytes)
{
        const struct fuse_message *msg = &f->state.parsed;
        bool is_data = fuse_data_is(msg, &f->parked_addr);

        if (!is_data && msg->opcode != FUSE_INTERRUPT) {
                front_fuse_hand_over(f, bytes);
                return;
        }
        if (f->state.options.debug)
                front_fuse_print(msg);
        f->parked = is_data;
        if (is_data)
                front_fuse_resume(f);
        else
                fuse_io_interrupt(&f->state.io, msg->interrupted, f->state.now);
}

static void front_fuse_take_message(struct front_fuse *f, size_t bytes)
{
        struct fuse_state *s = &f->state;
        enum fuse_message_verdict verdict = fuse_message_parse(s->message, bytes, &s->parsed);

        if (verdict == FUSE_MESSAGE_GOOD) {
                front_fuse_dispatch(f, bytes);
                return;
        }
        if (verdict == FUSE_MESSAGE_BAD)
                fuse_channel_error(&s->channel, s->parsed.unique, EIO);
        if (!f->bad_logged)
                fuse_state_log(s, 1, AOE_ADDR_ALL,
                               "a message from /dev/fuse contradicts itself: refused");
        f->bad_logged = true;
}

/* false: nothing more to read. */
static bool front_fuse_receive(struct front_fuse *f)
{
        ssize_t n;

        do { /* ENOENT: the request was taken back while it was being read */
                n = read(f->front.fd, f->state.message, ARENA_BLOCK_BYTES);
        } while (n < 0 && (errno == EINTR || errno == ENOENT));
        if (n > 0) {
                front_fuse_take_message(f, (size_t)n);
                return true;
        }
        if (n < 0 && errno == EAGAIN)
                return false;
        if (n < 0 && errno != ENODEV && errno != ECONNABORTED)
                fuse_state_log(&f->state, 0, AOE_ADDR_ALL,
                               "reading /dev/fuse failed: giving the mount up");
        front_fuse_end(f); /* unmounted, or aborted by the administrator */
        return false;
}

static unsigned front_fuse_turn(struct front *front, unsigned budget, nsec now)
{
        struct front_fuse *f = front_fuse_of(front);
        unsigned taken = 0;

        f->state.now = now;
        fuse_devices_tell(&f->state.devices, &f->state.host);
        fuse_io_retry(&f->state.io, now);
        front_fuse_resume(f);
        while (taken < budget && !f->stopped && !f->ended && !front->paused) {
                if (!front_fuse_receive(f))
                        break;
                taken++;
        }
        return taken;
}

/* ---- answers out ---- */

static void front_fuse_reply_good(struct front_fuse *f, struct fuse_io_request *r)
{
        const struct fuse_node n = {.kind = FUSE_NODE_DEVICE, .addr = r->rq.addr};
        struct fuse_channel *c = &f->state.channel;

        switch (r->rq.op) {
        case REQUEST_READ:
                if (r->rq.buffer)
                        fuse_channel_data(c, r->unique, r->rq.buffer, r->rq.bytes);
                else
                        fuse_channel_frames(c, r->unique, &r->rq);
                break;
        case REQUEST_WRITE:
        case REQUEST_ZERO:
        case REQUEST_TRIM:
                fuse_devices_stamp(&r->device->written);
                fuse_channel_wrote(c, r->unique, r->rq.bytes);
                break;
        case REQUEST_FLUSH:
                if (r->ctl_bytes > 0)
                        fuse_reply_write(r->req, r->ctl_bytes);
                else
                        fuse_io_reply_error(&f->state.io, r, 0);
                break;
        case REQUEST_LOOKUP: fuse_ops_reply_entry(&f->state, r->req, &n); break;
        }
}

static void front_fuse_complete(struct front *front, struct request *rq, nsec now)
{
        struct fuse_io_request *r = LIST_ENTRY(rq, struct fuse_io_request, rq);
        struct front_fuse *f = front_fuse_of(front);
        int error;

        CHECK(r->base.front == front);
        f->state.now = now;
        error = fuse_io_errno(r);
        if (error)
                fuse_io_reply_error(&f->state.io, r, error);
        else
                front_fuse_reply_good(f, r);
        fuse_io_finish(&f->state.io, r, now);
        front_fuse_resume(f);
}

/* ---- what else happens ---- */

static void front_fuse_note(struct front_fuse *f, aoe_addr addr, enum front_notice_kind kind)
{
        struct fuse_device *d = fuse_devices_get(&f->state.devices, addr);

        if (d)
                fuse_devices_note(&f->state.devices, d, kind);
        else
                fuse_state_log(&f->state, 1, addr,
                               "the kernel may show what is gone for up to an hour: the table of "
                               "devices is full");
}

static void front_fuse_on_event(struct front *front, const struct event *ev, nsec now)
{
        struct front_fuse *f = front_fuse_of(front);

        f->state.now = now;
        if (ev->changes & EVENT_GONE)
                front_fuse_note(f, ev->addr, FRONT_NOTICE_GONE);
        if (ev->changes & EVENT_SIZE)
                front_fuse_note(f, ev->addr, FRONT_NOTICE_SIZE);
        if (ev->changes & (EVENT_STATE | EVENT_GONE))
                fuse_io_on_state(&f->state.io, ev->addr, now);
        fuse_devices_tell(&f->state.devices, &f->state.host);
        front_fuse_resume(f);
}

/* Another thread calls it: the session's descriptor and its protocol version are all it touches. */
int front_fuse_notify(struct front *front, const struct front_notice *n)
{
        const struct fuse_node device = {.kind = FUSE_NODE_DEVICE, .addr = n->addr};
        const struct fuse_node control = {.kind = FUSE_NODE_CONTROL};
        struct fuse_session *session = front_fuse_of(front)->session;
        char name[AOE_NAME_BYTES];
        int r, r_control;

        aoe_addr_format(n->addr, name);
        switch (n->kind) {
        case FRONT_NOTICE_APPEARED: return 0;
        case FRONT_NOTICE_SIZE: /* from -1: the attributes; another size there drops the pages */
                return fuse_lowlevel_notify_inval_inode(session, fuse_node_id(&device), -1, 0);
        case FRONT_NOTICE_GONE:
                r = fuse_lowlevel_notify_inval_entry(session, FUSE_ROOT_ID, name, strlen(name));
                r_control = fuse_lowlevel_notify_inval_entry(session, fuse_node_id(&control), name,
                                                             strlen(name));
                return r < 0 && r != -ENOENT ? r : r_control;
        }
        __builtin_unreachable();
}

static void front_fuse_stop(struct front *front)
{
        front_fuse_of(front)->stopped = true;
}

static unsigned front_fuse_open_count(const struct front *front)
{
        const struct front_fuse *f = (const struct front_fuse *)(const void *)front;

        return f->state.io.open_count + f->parked;
}

/* ---- life ---- */

static void front_fuse_free(struct front *front)
{
        struct front_fuse *f = front_fuse_of(front);
        struct fuse_state *s;

        if (!f)
                return;
        s = &f->state;
        if (f->parked)
                fuse_channel_error(&s->channel, s->parsed.unique, EIO);
        fuse_data_unprepare(s);
        fuse_io_fini(&s->io);
        if (f->session) { /* else nobody could open anything */
                fuse_file_close_all(s);
                fuse_texts_fini(&s->texts);
                fuse_session_destroy(f->session); /* the keeper owns the mount: no unmount */
        }
        if (s->message)
                arena_put(s->host.arena, s->message);
        fuse_devices_fini(&s->devices);
        free(f);
}

static const struct front_ops front_fuse_front_ops = {
        .turn = front_fuse_turn,
        .complete = front_fuse_complete,
        .on_event = front_fuse_on_event,
        .stop = front_fuse_stop,
        .open_count = front_fuse_open_count,
        .free = front_fuse_free,
};

static int front_fuse_new_session(struct front_fuse *f)
{
        static const struct fuse_custom_io io = {
                .writev = front_fuse_writev,
                .read = front_fuse_read,
        };
        const struct front_fuse_options *o = &f->state.options;
        char max_read[32];
        char *argv[] = {"aoefs", max_read, "-d"};
        struct fuse_args args = FUSE_ARGS_INIT(o->debug ? 3 : 2, argv);
        int r;

        /* libfuse compares it with what our INIT answers, the mount with what the kernel knows. */
        snprintf(max_read, sizeof(max_read), "-omax_read=%u", o->max_read);
        f->session = fuse_session_new(&args, &fuse_ops, sizeof(fuse_ops), &f->state);
        fuse_opt_free_args(&args);
        if (!f->session)
                return -ENOMEM;
        r = fuse_session_custom_io(f->session, &io, o->fuse_fd); /* takes the descriptor */
        if (r == 0)
                return 0;
        fuse_session_destroy(f->session);
        f->session = NULL;
        return r < 0 ? r : -EINVAL;
}

static int front_fuse_fill(struct front_fuse *f)
{
        struct fuse_state *s = &f->state;
        const struct front_fuse_options *o = &s->options;
        int flags = fcntl(o->fuse_fd, F_GETFL);
        int r;

        if (flags < 0 || fcntl(o->fuse_fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        r = fuse_devices_init(&s->devices,
                              ENGINE_DEVICES_MAX + o->requests_max + FRONT_FUSE_DEVICES_SPARE);
        if (r < 0)
                return r;
        s->tree = (struct fuse_tree){
                .engine = s->host.engine,
                .devices = &s->devices,
                .uid = o->uid,
                .gid = o->gid,
                .mode = o->mode & (o->read_only ? 0555 : 0777),
        };
        fuse_devices_stamp(&s->tree.start);
        fuse_texts_init(&s->texts, &s->host, &s->tree);
        s->channel.host = &s->host;
        s->channel.fd = o->fuse_fd;
        s->channel.debug = o->debug;
        r = fuse_io_init(&s->io, &f->front, &s->channel, &s->devices, o->requests_max,
                         o->requests_device_max);
        if (r < 0)
                return r;
        s->message = arena_get(s->host.arena, ARENA_BLOCK_BYTES);
        if (!s->message)
                return -ENOMEM;
        return front_fuse_new_session(f);
}

int front_fuse_new(const struct front_fuse_options *o, const struct front_host *host,
                   struct front **ret)
{
        struct front_fuse *f = calloc(1, sizeof(*f));
        int r;

        CHECK(o->requests_max > 0);
        CHECK(o->requests_device_max > 0);
        if (!f)
                return -ENOMEM;
        f->front = (struct front){
                .ops = &front_fuse_front_ops, .fd = o->fuse_fd, .is_begun_by_peer = true};
        f->state.options = *o;
        f->state.host = *host;
        r = front_fuse_fill(f);
        if (r < 0) {
                front_fuse_free(&f->front);
                return r;
        }
        *ret = &f->front;
        return 0;
}
