/* SPDX-License-Identifier: MIT */
/*
 * Names, nodeids and attributes. A nodeid is a pure function of the name, never freed and never
 * reused: a worker that takes over the mount understands those that its predecessor gave out.
 *
 *   /                1              /eX.Y                1 << 32 | addr
 *   /.aoefs          2              /.aoefs/eX.Y         2 << 32 | addr
 *   /.aoefs/stats    3              /.aoefs/eX.Y/ident   3 << 32 | addr   state 4, paths 5
 *   /.aoefs/ctl      4
 *
 * A device is shown from its first identification until the engine forgets it.
 */
#pragma once

#include <sys/stat.h>

#include "front/fuse_devices.h"

#define FUSE_TREE_BLOCK_BYTES 4096            /* f_bsize: loop's discard granularity */
#define FUSE_TREE_IO_BYTES    ((long)1 << 20) /* st_blksize: what one request carries */
#define FUSE_TREE_NAME_BYTES  255             /* statfs */

enum fuse_node_kind {
        FUSE_NODE_ROOT,
        FUSE_NODE_CONTROL, /* .aoefs */
        FUSE_NODE_STATS,
        FUSE_NODE_CTL,
        FUSE_NODE_DEVICE,
        FUSE_NODE_FOLDER, /* .aoefs/eX.Y */
        FUSE_NODE_IDENT,
        FUSE_NODE_STATE,
        FUSE_NODE_PATHS,
};

struct fuse_node {
        enum fuse_node_kind kind;
        aoe_addr addr; /* FUSE_NODE_DEVICE and below, else 0 */
};

struct fuse_tree {
        const struct engine *engine;        /* borrowed */
        const struct fuse_devices *devices; /* borrowed */
        uid_t uid;
        gid_t gid;
        mode_t mode; /* of device files, without write bits when the mount is read-only */
        struct timespec start;
};

uint64_t fuse_node_id(const struct fuse_node *n);
/* false: no nodeid of ours. */
bool fuse_node_parse(uint64_t nodeid, struct fuse_node *ret);
bool fuse_node_is_folder(const struct fuse_node *n);
/* Is it a file of text under .aoefs, for reading? */
bool fuse_node_is_text(const struct fuse_node *n);

enum fuse_find {
        FUSE_FIND_HERE,
        FUSE_FIND_ABSENT,
        FUSE_FIND_ASK, /* a device's name, but none is shown: the wire may know */
};

/* What `name` means in folder dir; *ret is filled in but for FUSE_FIND_ABSENT. */
enum fuse_find fuse_tree_find(const struct fuse_tree *t, const struct fuse_node *dir,
                              const char *name, struct fuse_node *ret);
/* false: no such device is shown. */
bool fuse_tree_device(const struct fuse_tree *t, aoe_addr addr, struct device_info *ret);
/* false: its device is not shown (any more). */
bool fuse_tree_attr(const struct fuse_tree *t, const struct fuse_node *n, struct stat *ret);

struct fuse_tree_entry {
        char name[AOE_NAME_BYTES];
        struct fuse_node node;
        bool dots;       /* "." or "..": the kernel counts no lookup for them */
        uint64_t offset; /* where the listing goes on after it */
};

/* The first entry of folder dir at offset or behind. An offset is a function of the entry alone:
 * it stays right while devices come and go. false: no more. */
bool fuse_tree_next(const struct fuse_tree *t, const struct fuse_node *dir, uint64_t offset,
                    struct fuse_tree_entry *ret);
