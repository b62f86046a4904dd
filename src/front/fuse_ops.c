/* SPDX-License-Identifier: MIT */
/*
 * ENOSYS is never answered to fsync, flush, fallocate, lseek or ioctl: the kernel would latch it
 * and answer in our place for the mount's life, fsync with success. Where ENOSYS is wanted, because
 * the kernel's own answer is the right one and saves a message (xattr, access, poll, locks,
 * copy_file_range), the operation is left out.
 */
#include "front/fuse_ops.h"

#include <errno.h>

#include "front/fuse_file.h"

/* ---- the session ---- */

static void fuse_ops_init(void *userdata, struct fuse_conn_info *conn)
{
        struct fuse_state *s = userdata;
        /* Splicing never pays for data that goes into frames. Without ATOMIC_O_TRUNC the kernel
         * asks for a size of 0 by SETATTR and learns the real size from the answer; with it, it
         * takes the file for empty. */
        unsigned unwanted = FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                            FUSE_CAP_ATOMIC_O_TRUNC;
        unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS;

        if (s->options.cache_reads) /* fuse_file.c says why */
                unwanted |= FUSE_CAP_ASYNC_DIO;
        else
                wanted |= FUSE_CAP_ASYNC_DIO;
        conn->want = (conn->want & ~unwanted) | (conn->capable & wanted);
        if (conn->max_write > FUSE_OPS_WRITE_BYTES_MAX)
                conn->max_write = FUSE_OPS_WRITE_BYTES_MAX;
        conn->max_readahead = UINT32_MAX; /* no more than the kernel's own figure: read_ahead_kb */
        conn->max_read = s->options.max_read;
        conn->max_background = FUSE_OPS_BACKGROUND_MAX;
        conn->congestion_threshold = FUSE_OPS_BACKGROUND_MAX / 4 * 3;
        conn->time_gran = 1;
}

static void fuse_ops_statfs(fuse_req_t req, fuse_ino_t nodeid)
{
        struct statvfs st = {
                .f_bsize = FUSE_TREE_BLOCK_BYTES,
                .f_frsize = FUSE_TREE_BLOCK_BYTES,
                .f_namemax = FUSE_TREE_NAME_BYTES,
        };

        (void)nodeid;
        fuse_reply_statfs(req, &st);
}

/* ---- names ---- */

static bool fuse_ops_entry(const struct fuse_state *s, const struct fuse_node *n,
                           struct fuse_entry_param *ret)
{
        struct fuse_entry_param e = {
                .ino = fuse_node_id(n),
                .attr_timeout = FUSE_OPS_TIMEOUT_SEC,
                .entry_timeout = FUSE_OPS_TIMEOUT_SEC,
        };

        if (!fuse_tree_attr(&s->tree, n, &e.attr))
                return false;
        *ret = e;
        return true;
}

/* No negative entry is ever given: the device may appear in the next moment. */
void fuse_ops_reply_entry(const struct fuse_state *s, fuse_req_t req, const struct fuse_node *n)
{
        struct fuse_entry_param e;

        if (fuse_ops_entry(s, n, &e))
                fuse_reply_entry(req, &e);
        else
                fuse_reply_err(req, ENOENT);
}

static void fuse_ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        struct fuse_state *s = fuse_state_of(req);
        enum fuse_find found;
        struct fuse_node dir, n;
        struct fuse_io_request *r;

        if (!fuse_state_node(req, parent, &dir))
                return;
        found = fuse_tree_find(&s->tree, &dir, name, &n);
        if (found == FUSE_FIND_HERE) {
                fuse_ops_reply_entry(s, req, &n);
                return;
        }
        if (found == FUSE_FIND_ABSENT || n.kind != FUSE_NODE_DEVICE) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        r = fuse_io_get(&s->io, s->parsed.unique);
        if (!r) { /* all are in use: the newest request of a device that is not up is this one */
                fuse_reply_err(req, EIO);
                return;
        }
        r->req = req;
        r->rq.op = REQUEST_LOOKUP;
        fuse_io_start(&s->io, r, n.addr, s->now);
}

static size_t fuse_ops_add_entry(struct fuse_state *s, fuse_req_t req, size_t used, size_t room,
                                 const struct fuse_tree_entry *entry, bool plus)
{
        struct fuse_entry_param e;
        char *at = s->listing + used;

        if (!fuse_ops_entry(s, &entry->node, &e))
                return 0; /* gone in this moment: leave it out */
        if (!plus)
                return fuse_add_direntry(req, at, room - used, entry->name, &e.attr,
                                         (off_t)entry->offset);
        if (entry->dots)
                e.ino = 0;
        return fuse_add_direntry_plus(req, at, room - used, entry->name, &e, (off_t)entry->offset);
}

static void fuse_ops_list(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset, bool plus)
{
        struct fuse_state *s = fuse_state_of(req);
        size_t room = bytes < sizeof(s->listing) ? bytes : sizeof(s->listing);
        struct fuse_tree_entry entry = {.offset = (uint64_t)offset};
        struct fuse_node dir;
        size_t used = 0;

        if (!fuse_state_node(req, nodeid, &dir))
                return;
        if (!fuse_node_is_folder(&dir)) {
                fuse_reply_err(req, ENOTDIR);
                return;
        }
        while (fuse_tree_next(&s->tree, &dir, entry.offset, &entry)) {
                size_t need = fuse_ops_add_entry(s, req, used, room, &entry, plus);

                if (need > room - used)
                        break;
                used += need;
        }
        fuse_reply_buf(req, s->listing, used);
}

static void fuse_ops_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset,
                             struct fuse_file_info *fi)
{
        (void)fi;
        fuse_ops_list(req, nodeid, bytes, offset, false);
}

static void fuse_ops_readdirplus(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset,
                                 struct fuse_file_info *fi)
{
        (void)fi;
        fuse_ops_list(req, nodeid, bytes, offset, true);
}

/* The tree is the network's: nobody makes, removes or renames names in it. */
static void fuse_ops_forbid(fuse_req_t req)
{
        struct fuse_state *s = fuse_state_of(req);

        fuse_reply_err(req, s->options.read_only ? EROFS : EPERM);
}

static void fuse_ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                           dev_t dev)
{
        (void)parent, (void)name, (void)mode, (void)dev;
        fuse_ops_forbid(req);
}

static void fuse_ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
        (void)parent, (void)name, (void)mode;
        fuse_ops_forbid(req);
}

static void fuse_ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
        (void)parent, (void)name;
        fuse_ops_forbid(req);
}

static void fuse_ops_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                             const char *name)
{
        (void)target, (void)parent, (void)name;
        fuse_ops_forbid(req);
}

static void fuse_ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                            fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
        (void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
        fuse_ops_forbid(req);
}

static void fuse_ops_link(fuse_req_t req, fuse_ino_t nodeid, fuse_ino_t new_parent,
                          const char *new_name)
{
        (void)nodeid, (void)new_parent, (void)new_name;
        fuse_ops_forbid(req);
}

static void fuse_ops_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                            struct fuse_file_info *fi)
{
        (void)parent, (void)name, (void)mode, (void)fi;
        fuse_ops_forbid(req);
}

/* ---- attributes ---- */

static void fuse_ops_reply_attr(struct fuse_state *s, fuse_req_t req, const struct fuse_node *n)
{
        struct stat st;

        if (fuse_tree_attr(&s->tree, n, &st))
                fuse_reply_attr(req, &st, FUSE_OPS_TIMEOUT_SEC);
        else
                fuse_reply_err(req, ENOENT);
}

static void fuse_ops_getattr(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_node n;

        (void)fi;
        if (fuse_state_node(req, nodeid, &n))
                fuse_ops_reply_attr(s, req, &n);
}

/* 0, or why the change is refused. What changes nothing is no change. */
static int fuse_ops_judge_change(const struct fuse_state *s, const struct fuse_node *n,
                                 const struct stat *st, const struct stat *want, int to_set)
{
        if ((to_set & FUSE_SET_ATTR_MODE) && ((want->st_mode ^ st->st_mode) & 07777))
                return EPERM;
        if ((to_set & FUSE_SET_ATTR_UID) && want->st_uid != st->st_uid)
                return EPERM;
        if ((to_set & FUSE_SET_ATTR_GID) && want->st_gid != st->st_gid)
                return EPERM;
        if (!(to_set & FUSE_SET_ATTR_SIZE))
                return 0; /* times: taken silently, touch works */
        if (n->kind == FUSE_NODE_CTL)
                return want->st_size == 0 ? 0 : EINVAL; /* what `echo >` does first */
        if (s->options.read_only)
                return EROFS;
        if (n->kind != FUSE_NODE_DEVICE)
                return EPERM;
        /* A disk ignores O_TRUNC; its size does not change. */
        return want->st_size == 0 || want->st_size == st->st_size ? 0 : EINVAL;
}

static void fuse_ops_setattr(fuse_req_t req, fuse_ino_t nodeid, struct stat *want, int to_set,
                             struct fuse_file_info *fi)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_node n;
        struct stat st;
        int error;

        (void)fi;
        if (!fuse_state_node(req, nodeid, &n))
                return;
        if (!fuse_tree_attr(&s->tree, &n, &st)) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        error = fuse_ops_judge_change(s, &n, &st, want, to_set);
        if (error)
                fuse_reply_err(req, error);
        else
                fuse_ops_reply_attr(s, req, &n);
}

const struct fuse_lowlevel_ops fuse_ops = {
        .init = fuse_ops_init,
        .lookup = fuse_ops_lookup,
        .getattr = fuse_ops_getattr,
        .setattr = fuse_ops_setattr,
        .mknod = fuse_ops_mknod,
        .mkdir = fuse_ops_mkdir,
        .unlink = fuse_ops_unlink,
        .rmdir = fuse_ops_unlink,
        .symlink = fuse_ops_symlink,
        .rename = fuse_ops_rename,
        .link = fuse_ops_link,
        .open = fuse_file_open,
        .read = fuse_file_read,
        .write = fuse_file_write,
        .flush = fuse_file_flush,
        .release = fuse_file_release,
        .fsync = fuse_file_fsync,
        .readdir = fuse_ops_readdir,
        .fsyncdir = fuse_file_fsyncdir,
        .statfs = fuse_ops_statfs,
        .create = fuse_ops_create,
        .ioctl = fuse_file_ioctl,
        .fallocate = fuse_file_fallocate,
        .readdirplus = fuse_ops_readdirplus,
        .lseek = fuse_file_lseek,
};
