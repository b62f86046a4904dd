/* SPDX-License-Identifier: MIT */
/*
 * A device is open for the engine (engine_hold) as long as anybody has it open here, and this
 * daemon is its writer on this host from the first opening for writing to the last one's end. No
 * byte of a device is kept here: what was written is on its way, what is read comes from the wire.
 */
#include "front/fuse_file.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "front/fuse_ctl.h"

/* ---- opening ---- */

static bool fuse_file_is_writer(int flags)
{
        return (flags & O_ACCMODE) != O_RDONLY;
}

static int fuse_file_take_writer(struct fuse_state *s, aoe_addr addr)
{
        char holder[160] = "", text[256];
        int r = s->host.writer_take(s->host.arg, addr, holder, sizeof(holder));

        if (r == -EBUSY) {
                snprintf(text, sizeof(text),
                         "opening for writing refused: %s writes to it; unmount there, or mount "
                         "with --shared",
                         holder);
                fuse_state_log(s, 1, addr, text);
        }
        return r;
}

/* 0 or -errno. */
static int fuse_file_open_device(struct fuse_state *s, aoe_addr addr, int flags)
{
        bool writer = fuse_file_is_writer(flags);
        struct device_info info;
        struct fuse_device *d;
        int r;

        if (writer && s->options.read_only)
                return -EROFS;
        if (!fuse_tree_device(&s->tree, addr, &info))
                return -ENXIO;
        d = fuse_devices_get(&s->devices, addr);
        if (!d)
                return -ENFILE;
        if (writer && d->writers == 0) {
                r = fuse_file_take_writer(s, addr);
                if (r < 0)
                        return r;
        }
        d->opens++;
        if (writer)
                d->writers++;
        engine_hold(s->host.engine, addr, 1);
        return 0;
}

/* An opening that this worker has not seen (its predecessor did) is nothing to close. */
static void fuse_file_close_device(struct fuse_state *s, aoe_addr addr, int flags)
{
        struct fuse_device *d = fuse_devices_find(&s->devices, addr);

        if (!d || d->opens == 0)
                return;
        d->opens--;
        engine_hold(s->host.engine, addr, -1);
        if (d->writers == 0 || (!fuse_file_is_writer(flags) && d->writers <= d->opens))
                return;
        d->writers--; /* with flags that do not fit, too: never more writers than openings */
        if (d->writers == 0)
                s->host.writer_drop(s->host.arg, addr);
}

void fuse_file_close_all(struct fuse_state *s)
{
        LIST_FOREACH (pos, &s->devices.recent) {
                struct fuse_device *d = LIST_ENTRY(pos, struct fuse_device, recent);

                while (d->opens > 0)
                        fuse_file_close_device(s, d->addr, d->writers > 0 ? O_RDWR : O_RDONLY);
        }
}

static void fuse_file_close(struct fuse_state *s, const struct fuse_node *n, uint64_t fh, int flags)
{
        if (n->kind == FUSE_NODE_DEVICE)
                fuse_file_close_device(s, n->addr, flags);
        else if (fuse_node_is_text(n))
                fuse_texts_close(&s->texts, fuse_node_id(n), fh);
}

/* libfuse 3.14 has no word for FOPEN_PARALLEL_DIRECT_WRITES: the answer is made by hand. */
static int fuse_file_reply_open(fuse_req_t req, uint64_t fh)
{
        struct fuse_open_out out = {
                .fh = fh,
                .open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES,
        };
        struct iovec iov = {.iov_base = &out, .iov_len = sizeof(out)};

        return fuse_reply_iov(req, &iov, 1);
}

void fuse_file_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        uint64_t fh = nodeid;
        struct fuse_node n;
        int r;

        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (n.kind == FUSE_NODE_DEVICE)
                r = fuse_file_open_device(s, n.addr, fi->flags);
        else if (fuse_node_is_folder(&n))
                r = -EISDIR;
        else if (n.kind == FUSE_NODE_CTL)
                r = (fi->flags & O_ACCMODE) == O_WRONLY ? 0 : -EACCES;
        else if (fuse_file_is_writer(fi->flags))
                r = -EACCES;
        else
                r = fuse_texts_open(&s->texts, &n, s->now, &fh);
        if (r < 0) {
                fuse_reply_err(req, -r);
                return;
        }
        if (fuse_file_reply_open(req, fh) < 0) /* nobody has it open: no RELEASE will come */
                fuse_file_close(s, &n, fh, fi->flags);
}

void fuse_file_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_node n;

        if (!fuse_state_node(req, nodeid, &n))
                return;
        fuse_file_close(s, &n, fi->fh, fi->flags);
        fuse_reply_err(req, 0);
}

/* ---- data ---- */

static void fuse_file_read_text(struct fuse_state *s, fuse_req_t req, const struct fuse_node *n,
                                uint64_t fh, size_t bytes, uint64_t offset)
{
        const struct fuse_text *text = fuse_texts_find(&s->texts, fuse_node_id(n), fh);

        if (!text) {
                fuse_reply_err(req, ESTALE);
                return;
        }
        if (offset > text->bytes)
                offset = text->bytes;
        if (bytes > text->bytes - offset)
                bytes = text->bytes - offset;
        fuse_reply_buf(req, text->data + offset, bytes);
}

struct fuse_io_request *fuse_file_take_ready(struct fuse_state *s, fuse_req_t req,
                                             enum request_op op)
{
        struct fuse_io_request *r = s->ready;

        CHECK(r);
        s->ready = NULL;
        r->rq.op = op;
        r->req = req;
        return r;
}

/* Bytes from offset to the device's end, at most `bytes` and what one request carries. */
static uint32_t fuse_file_fit(const struct device_info *info, uint64_t offset, size_t bytes)
{
        uint64_t left = offset < info->bytes ? info->bytes - offset : 0;

        if (bytes > left)
                bytes = left;
        return bytes < REQUEST_BYTES_MAX ? (uint32_t)bytes : REQUEST_BYTES_MAX;
}

void fuse_file_read(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset,
                    struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_io_request *r;
        struct device_info info;
        struct fuse_node n;
        uint32_t fit;

        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (fuse_node_is_text(&n)) {
                fuse_file_read_text(s, req, &n, fi->fh, bytes, (uint64_t)offset);
                return;
        }
        if (n.kind != FUSE_NODE_DEVICE || !fuse_tree_device(&s->tree, n.addr, &info)) {
                fuse_reply_err(req, n.kind == FUSE_NODE_DEVICE ? ENXIO
                                    : n.kind == FUSE_NODE_CTL  ? EBADF
                                                               : EISDIR);
                return;
        }
        fit = fuse_file_fit(&info, (uint64_t)offset, bytes);
        if (fit == 0) {
                fuse_reply_buf(req, NULL, 0);
                return;
        }
        r = fuse_file_take_ready(s, req, REQUEST_READ);
        r->rq.offset = (uint64_t)offset;
        r->rq.bytes = fit;
        fuse_io_start(&s->io, r, n.addr, s->now);
}

/* data lies in s->message. A large write keeps that block and gives the fresh one for the next
 * message; a small one would hold a megabyte for its few bytes, and is copied. */
static const uint8_t *fuse_file_keep(struct fuse_state *s, struct fuse_io_request *r,
                                     const char *data, uint32_t bytes)
{
        uint8_t *fresh = s->ready_block;

        CHECK(fresh);
        s->ready_block = NULL;
        r->block = fresh;
        if (arena_block_bytes(s->host.arena, fresh) == ARENA_BLOCK_BYTES) {
                r->block = s->message;
                s->message = fresh;
                return (const uint8_t *)data;
        }
        memcpy(fresh, data, bytes);
        return fresh;
}

void fuse_file_write(fuse_req_t req, fuse_ino_t nodeid, const char *data, size_t bytes,
                     off_t offset, struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_io_request *r;
        struct device_info info;
        struct fuse_node n;
        uint32_t fit;

        (void)fi;
        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (n.kind == FUSE_NODE_CTL) {
                fuse_ctl_write(req, data, bytes);
                return;
        }
        if (n.kind != FUSE_NODE_DEVICE || s->options.read_only) {
                fuse_reply_err(req, n.kind == FUSE_NODE_DEVICE ? EROFS : EBADF);
                return;
        }
        if (!fuse_tree_device(&s->tree, n.addr, &info)) {
                fuse_reply_err(req, ENXIO);
                return;
        }
        fit = fuse_file_fit(&info, (uint64_t)offset, bytes);
        if (fit == 0) { /* nothing to write is no error, nowhere to write it is */
                if (bytes > 0)
                        fuse_reply_err(req, ENOSPC);
                else
                        fuse_reply_write(req, 0);
                return;
        }
        r = fuse_file_take_ready(s, req, REQUEST_WRITE);
        r->rq.offset = (uint64_t)offset;
        r->rq.bytes = fit;
        r->rq.data = fuse_file_keep(s, r, data, fit);
        fuse_io_start(&s->io, r, n.addr, s->now);
}

/* close(2): nothing is buffered here, and it must not wait for a device that is not up. */
void fuse_file_flush(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        (void)nodeid, (void)fi;
        fuse_reply_err(req, 0);
}

void fuse_file_fsync(fuse_req_t req, fuse_ino_t nodeid, int datasync, struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_node n;

        (void)datasync, (void)fi;
        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (n.kind != FUSE_NODE_DEVICE)
                fuse_reply_err(req, 0);
        else
                fuse_io_start(&s->io, fuse_file_take_ready(s, req, REQUEST_FLUSH), n.addr, s->now);
}

void fuse_file_fsyncdir(fuse_req_t req, fuse_ino_t nodeid, int datasync, struct fuse_file_info *fi)
{
        (void)nodeid, (void)datasync, (void)fi;
        fuse_reply_err(req, 0);
}

void fuse_file_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t bytes,
                         struct fuse_file_info *fi)
{
        (void)nodeid, (void)mode, (void)offset, (void)bytes, (void)fi;
        fuse_reply_err(req, EOPNOTSUPP);
}

/* Most block device ioctls arrive here without their buffers: a success would make the caller trust
 * what it never got. */
void fuse_file_ioctl(fuse_req_t req, fuse_ino_t nodeid, unsigned command, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_bytes,
                     size_t out_bytes)
{
        (void)nodeid, (void)command, (void)arg, (void)fi;
        (void)flags, (void)in, (void)in_bytes, (void)out_bytes;
        fuse_reply_err(req, ENOTTY);
}

/* SEEK_DATA and SEEK_HOLE; the kernel does the others. A disk is data to its end. */
void fuse_file_lseek(fuse_req_t req, fuse_ino_t nodeid, off_t offset, int whence,
                     struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        const struct fuse_text *text;
        struct fuse_node n;
        struct stat st;

        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (!fuse_tree_attr(&s->tree, &n, &st)) {
                fuse_reply_err(req, ENXIO);
                return;
        }
        text = fuse_texts_find(&s->texts, nodeid, fi->fh);
        if (text)
                st.st_size = (off_t)text->bytes;
        if (whence != SEEK_DATA && whence != SEEK_HOLE)
                fuse_reply_err(req, EINVAL);
        else if (offset < 0 || offset >= st.st_size)
                fuse_reply_err(req, ENXIO);
        else
                fuse_reply_lseek(req, whence == SEEK_DATA ? offset : st.st_size);
}

/* For the block's size see fuse_file_keep(). */
static uint8_t *fuse_file_get_block(struct arena *arena, uint32_t write_bytes)
{
        uint8_t *block = NULL;

        if (write_bytes >= FUSE_FILE_KEEP_BYTES_MIN)
                block = arena_get(arena, ARENA_BLOCK_BYTES);
        return block ? block : arena_get(arena, write_bytes);
}

bool fuse_file_prepare(struct fuse_state *s, uint32_t write_bytes)
{
        if (!s->ready)
                s->ready = fuse_io_get(&s->io);
        if (write_bytes > 0 && !s->ready_block)
                s->ready_block = fuse_file_get_block(s->host.arena, write_bytes);
        return s->ready && (write_bytes == 0 || s->ready_block);
}

void fuse_file_unprepare(struct fuse_state *s)
{
        if (s->ready)
                fuse_io_put(&s->io, s->ready);
        if (s->ready_block)
                arena_put(s->host.arena, s->ready_block);
        s->ready = NULL;
        s->ready_block = NULL;
}
