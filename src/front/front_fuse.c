/* SPDX-License-Identifier: MIT */
/*
 * The session: reads /dev/fuse into request memory, hands each message to libfuse, answers what the
 * engine has finished.
 *
 *   message   read -> parsed -> room for it? -> fuse_session_process_buf (fuse_ops, fuse_file)
 *                                 | no: parked, nothing more is read (front.paused), until
 *                                 |     something completes; refused when only silence is ahead
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
#include "front/fuse_file.h"
#include "front/fuse_message.h"
#include "front/fuse_ops.h"

#include <linux/fuse.h>

#define FRONT_FUSE_IOV_MAX       1000 /* of one answer; the system's own limit is 1024 */
#define FRONT_FUSE_DEVICES_SPARE 4096 /* table entries beside those of known devices */
#define FRONT_FUSE_SHED_LOG_SPAN (60 * NSEC_SEC)

struct front_fuse {
        struct front front;           /* first */
        struct fuse_session *session; /* owned, with the descriptor */
        struct fuse_message parked;   /* valid while parked_bytes > 0 */
        size_t parked_bytes;          /* in state.message, not handed to libfuse yet */
        bool stopped;
        bool ended;
        bool bad_logged;
        bool offers_dirops; /* while INIT is answered: the kernel knows FUSE_PARALLEL_DIROPS */
        nsec shed_logged;   /* when we last said that requests are given up; 0: never */
        struct iovec iov[FRONT_FUSE_IOV_MAX];
        struct fuse_state state;
};

static struct front_fuse *front_fuse_of(struct front *front)
{
        return (struct front_fuse *)(void *)front;
}

/* The wall clock stamps files; it is looked at once a turn. */
static void front_fuse_clock(struct front_fuse *f, nsec now)
{
        if (f->state.now == now && f->state.wall.tv_sec != 0)
                return;
        f->state.now = now;
        clock_gettime(CLOCK_REALTIME, &f->state.wall);
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

/* Answers in libfuse's place. */
static void front_fuse_refuse(struct front_fuse *f, uint64_t unique, int error)
{
        struct fuse_out_header h = {.len = sizeof(h), .error = -error, .unique = unique};

        /* ENOENT: the kernel does not wait for it any more; ENODEV: unmounted. */
        if (write(f->front.fd, &h, sizeof(h)) < 0 && errno != ENOENT && errno != ENODEV)
                fuse_state_log(&f->state, 0, AOE_ADDR_ALL,
                               "an answer did not reach the kernel: its caller may hang until "
                               "umount --force");
}

/* libfuse 3.14 forgets this flag in its answer. Without it the kernel holds a folder's lock over a
 * lookup, and a name that nobody answers to would hide the others for as long as we ask the wire.
 */
static void front_fuse_amend_init(const struct iovec *iov, int count)
{
        struct fuse_init_out *out = count == 2 ? iov[1].iov_base : NULL;

        if (out && iov[1].iov_len >= offsetof(struct fuse_init_out, max_background))
                out->flags |= FUSE_PARALLEL_DIROPS;
}

/* Notices come through here too, from another thread: their unique is 0. An answer that does not
 * reach the kernel is made good by an error, or the process that waits for it never wakes up. */
static ssize_t front_fuse_writev(int fd, struct iovec *iov, int count, void *userdata)
{
        struct fuse_state *s = userdata;
        struct front_fuse *f = front_fuse_of(s->io.front);
        struct fuse_out_header h;
        ssize_t n;
        int error;

        memcpy(&h, iov[0].iov_base, sizeof(h));
        if (h.unique != 0 && f->offers_dirops && h.error == 0)
                front_fuse_amend_init(iov, count);
        n = writev(fd, iov, count);
        if (n >= 0 || h.unique == 0 || errno == ENOENT || errno == ENODEV)
                return n;
        error = errno;
        front_fuse_refuse(f, h.unique, EIO);
        errno = error;
        return n;
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
        const struct fuse_message *msg = &f->parked;
        struct fuse_state *s = &f->state;
        struct fuse_node n;

        if (msg->opcode != FUSE_READ && msg->opcode != FUSE_WRITE && msg->opcode != FUSE_FSYNC)
                return FRONT_FUSE_ADMITTED;
        if (!fuse_node_parse(msg->nodeid, &n) || n.kind != FUSE_NODE_DEVICE)
                return FRONT_FUSE_ADMITTED;
        while (!fuse_file_prepare(s, msg->write_bytes)) {
                enum fuse_io_shed shed;

                if (s->io.open_count == 0 || !fuse_io_is_up(&s->io, n.addr)) {
                        front_fuse_log_shed(f, n.addr);
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

static void front_fuse_handle(struct front_fuse *f)
{
        struct fuse_state *s = &f->state;
        struct fuse_buf buf = {.mem = s->message, .size = f->parked_bytes};

        f->parked_bytes = 0;
        f->offers_dirops = f->parked.init_flags & FUSE_PARALLEL_DIROPS;
        fuse_session_process_buf(f->session, &buf);
        f->offers_dirops = false;
        fuse_io_interrupt(&s->io, s->now);
        if (fuse_session_exited(f->session) && !f->ended) {
                fuse_state_log(s, 0, AOE_ADDR_ALL,
                               "the kernel's FUSE and libfuse do not agree: giving the mount up");
                front_fuse_end(f);
        }
}

/* Goes on with the parked message, if there is one. */
static void front_fuse_resume(struct front_fuse *f)
{
        if (f->parked_bytes == 0)
                return;
        switch (front_fuse_admit(f)) {
        case FRONT_FUSE_ADMITTED: front_fuse_handle(f); break;
        case FRONT_FUSE_NOT_NOW: f->front.paused = true; return;
        case FRONT_FUSE_REFUSED:
                f->parked_bytes = 0;
                front_fuse_refuse(f, f->parked.unique, EIO);
                break;
        }
        fuse_file_unprepare(&f->state);
        f->front.paused = false;
}

static void front_fuse_take_message(struct front_fuse *f, size_t bytes)
{
        enum fuse_message_verdict verdict = fuse_message_parse(f->state.message, bytes, &f->parked);

        if (verdict == FUSE_MESSAGE_GOOD) {
                f->parked_bytes = bytes;
                front_fuse_resume(f);
                return;
        }
        if (verdict == FUSE_MESSAGE_BAD)
                front_fuse_refuse(f, f->parked.unique, EIO);
        if (!f->bad_logged)
                fuse_state_log(&f->state, 1, AOE_ADDR_ALL,
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

        front_fuse_clock(f, now);
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

/* The frames as they came from the wire: no copy in user space. */
static void front_fuse_reply_frames(struct front_fuse *f, struct fuse_io_request *r)
{
        uint64_t bytes = 0;
        int count = 0;

        CHECK(r->rq.frame_count < FRONT_FUSE_IOV_MAX);
        LIST_FOREACH (pos, &r->rq.frames) {
                const struct frame *frame = LIST_ENTRY(pos, struct frame, node);

                CHECK(count < FRONT_FUSE_IOV_MAX);
                f->iov[count++] = (struct iovec){
                        .iov_base = (void *)(uintptr_t)frame->part,
                        .iov_len = frame->part_bytes,
                };
                bytes += frame->part_bytes;
        }
        CHECK(bytes == r->rq.bytes);
        fuse_reply_iov(r->req, f->iov, count);
}

static void front_fuse_reply_good(struct front_fuse *f, struct fuse_io_request *r)
{
        const struct fuse_node n = {.kind = FUSE_NODE_DEVICE, .addr = r->rq.addr};

        switch (r->rq.op) {
        case REQUEST_READ:
                if (r->rq.buffer)
                        fuse_reply_buf(r->req, (const char *)r->rq.buffer, r->rq.bytes);
                else
                        front_fuse_reply_frames(f, r);
                break;
        case REQUEST_WRITE:
        case REQUEST_ZERO:
        case REQUEST_TRIM:
                r->device->written = f->state.wall;
                fuse_reply_write(r->req, r->rq.bytes);
                break;
        case REQUEST_FLUSH:
                if (r->ctl_bytes > 0)
                        fuse_reply_write(r->req, r->ctl_bytes);
                else
                        fuse_reply_err(r->req, 0);
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
        front_fuse_clock(f, now);
        error = fuse_io_errno(r);
        if (error)
                fuse_reply_err(r->req, error);
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

        front_fuse_clock(f, now);
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
        case FRONT_NOTICE_SIZE: /* from -1: the attributes only, nothing is cached */
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

        return f->state.io.open_count + (f->parked_bytes > 0);
}

/* ---- life ---- */

static void front_fuse_free(struct front *front)
{
        struct front_fuse *f = front_fuse_of(front);
        struct fuse_state *s;

        if (!f)
                return;
        s = &f->state;
        if (f->parked_bytes > 0)
                front_fuse_refuse(f, f->parked.unique, EIO);
        fuse_file_unprepare(s);
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
        clock_gettime(CLOCK_REALTIME, &s->tree.start);
        fuse_texts_init(&s->texts, &s->host, &s->tree);
        r = fuse_io_init(&s->io, &s->host, &f->front, &s->devices, o->requests_max,
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
