/* SPDX-License-Identifier: MIT */
/*
 * The files under .aoefs: their contents, and those that are open. A text is rendered once, at
 * open, into request memory, so that a reader sees one moment however slowly it reads.
 */
#pragma once

#include "front/fuse_tree.h"

#define FUSE_TEXTS_MAX      64                /* open at once; more get ENFILE */
#define FUSE_TEXT_BYTES_MAX ARENA_BLOCK_BYTES /* a longer text is cut at a line, and says so */

struct fuse_text {
        uint64_t fh;     /* 0: the slot is free */
        uint64_t nodeid; /* what it was opened as */
        char *data;      /* owned: from the arena */
        size_t bytes;
};

struct fuse_texts {
        const struct front_host *host; /* borrowed */
        const struct fuse_tree *tree;  /* borrowed */
        uint32_t serial;               /* of the last open: a stale fh never fits */
        struct fuse_text slots[FUSE_TEXTS_MAX];
};

void fuse_texts_init(struct fuse_texts *t, const struct front_host *host,
                     const struct fuse_tree *tree);
/* Closes all. */
void fuse_texts_fini(struct fuse_texts *t);
/* 0, -ENFILE (FUSE_TEXTS_MAX are open), -ENOMEM (request memory is full), -ENOENT. */
int fuse_texts_open(struct fuse_texts *t, const struct fuse_node *n, nsec now, uint64_t *ret_fh);
/* NULL: not opened by this worker. */
const struct fuse_text *fuse_texts_find(const struct fuse_texts *t, uint64_t nodeid, uint64_t fh);
void fuse_texts_close(struct fuse_texts *t, uint64_t nodeid, uint64_t fh);
/* Like snprintf: writes what fits with a NUL, returns the bytes of the whole text without it. n is
 * a text whose device is shown. */
size_t fuse_text_render(const struct fuse_texts *t, const struct fuse_node *n, char *buf,
                        size_t bytes, nsec now);
