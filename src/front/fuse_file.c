/* SPDX-License-Identifier: MIT */
/*
 * A device is open for the engine (engine_hold) as long as anybody has it open here, and this
 * daemon is its writer on this host from the first opening for writing to the last one's end. No
 * byte of a device is kept here: what was written is on its way, what is read comes from the wire
 * (fuse_data.c).
 *
 * With cache=read the kernel keeps what was read, until the next opening: it empties the file's
 * cache when the answer does not say FOPEN_KEEP_CACHE, which ours never does. That a reader sees
 * what is written here is the kernel's work, and it does it in all versions only when the writers
 * are told the same as the readers. A buffered write then goes through the cache at once
 * (write-through); one with O_DIRECT drops what the cache has of its range before it and, when it
 * has waited for the answer, after it. Hence two things that would be faster are wrong here:
 *  - FOPEN_DIRECT_IO for writers alone: Linux 6.1 drops nothing then;
 *  - FUSE_ASYNC_DIO (fuse_ops.c): an asynchronous write's answer drops nothing, in 6.18 either, and
 *    what another had read meanwhile would stay.
 * Nothing of that depends on who has the device open, so nothing is to be known of it.
 */
#include "front/fuse_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>

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

/* Past the page cache, unless cache=read: FOPEN_DIRECT_IO. Without it the kernel would send the
 * parts of a large O_DIRECT read all at once, but who waits for them could not be killed, and as
 * long as such a reader is there Linux 6.18 lets in one writer at a time. */
static uint32_t fuse_file_open_flags(const struct fuse_state *s, const struct fuse_node *n)
{
        if (n->kind == FUSE_NODE_DEVICE && s->options.cache_reads)
                return 0;
        return FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
}

/* libfuse 3.14 has no word for FOPEN_PARALLEL_DIRECT_WRITES: the answer is made by hand. */
void fuse_file_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        struct fuse_open_out out;
        struct iovec iov = {.iov_base = &out, .iov_len = sizeof(out)};
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
        out = (struct fuse_open_out){
                .fh = fh,
                .open_flags = fuse_file_open_flags(s, &n),
        };
        if (fuse_reply_iov(req, &iov, 1) < 0) /* nobody has it open: no RELEASE will come */
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

/* Of what is no device: fuse_data.c reads, writes and flushes those. */
void fuse_file_read(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset,
                    struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_node n;

        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (fuse_node_is_text(&n))
                fuse_file_read_text(s, req, &n, fi->fh, bytes, (uint64_t)offset);
        else
                fuse_reply_err(req, n.kind == FUSE_NODE_CTL ? EBADF : EISDIR);
}

void fuse_file_write(fuse_req_t req, fuse_ino_t nodeid, const char *data, size_t bytes,
                     off_t offset, struct fuse_file_info *fi)
{
        struct fuse_node n;

        (void)offset, (void)fi;
        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (n.kind == FUSE_NODE_CTL)
                fuse_ctl_write(req, data, bytes);
        else
                fuse_reply_err(req, EBADF);
}

/* close(2): nothing is buffered here, and it must not wait for a device that is not up. */
void fuse_file_flush(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        (void)nodeid, (void)fi;
        fuse_reply_err(req, 0);
}

void fuse_file_fsync(fuse_req_t req, fuse_ino_t nodeid, int datasync, struct fuse_file_info *fi)
{
        struct fuse_node n;

        (void)datasync, (void)fi;
        if (fuse_state_node(req, nodeid, &n))
                fuse_reply_err(req, 0);
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
