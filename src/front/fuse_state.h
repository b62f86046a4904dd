/* SPDX-License-Identifier: MIT */
/* Everything that the operations of a mount work on; front_fuse.c owns it. */
#pragma once

#include <errno.h>

#include "front/front_fuse.h"
#include "front/fuse_io.h"
#include "front/fuse_message.h"
#include "front/fuse_text.h"
#include "front/fuse_tree.h"

#define FUSE_STATE_LISTING_BYTES ((size_t)64 << 10) /* of one READDIR answer */

struct fuse_state {
        struct front_host host;
        struct front_fuse_options options;
        struct fuse_devices devices;
        struct fuse_tree tree;
        struct fuse_texts texts;
        struct fuse_channel channel;
        struct fuse_io io;

        /* The message being processed. */
        nsec now;
        uint8_t *message; /* owned: the arena block that it was read into */
        struct fuse_message parsed;
        struct fuse_io_request *ready; /* owned: for READ, WRITE, FSYNC of a device, or NULL */
        uint8_t *ready_block; /* owned: WRITE: the next message's block, when this one's is kept, or
                                 else what the data is copied into */
        char listing[FUSE_STATE_LISTING_BYTES];
};

static inline struct fuse_state *fuse_state_of(fuse_req_t req)
{
        return fuse_req_userdata(req);
}

static inline void fuse_state_log(struct fuse_state *s, int level, aoe_addr addr, const char *text)
{
        s->host.log(s->host.arg, level, addr, text);
}

/* What nodeid is; answers ESTALE to one that was never ours. */
static inline bool fuse_state_node(fuse_req_t req, fuse_ino_t nodeid, struct fuse_node *ret)
{
        if (fuse_node_parse(nodeid, ret))
                return true;
        fuse_reply_err(req, ESTALE);
        return false;
}
