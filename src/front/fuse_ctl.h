/* SPDX-License-Identifier: MIT */
/*
 * .aoefs/ctl: one order a write, like Plan 9's ctl files. The write's answer is the order's.
 *
 *   discover           ask the network now
 *   flush eX.Y         as fsync on the disk: the answer comes when it is done
 *   revalidate eX.Y    take the disk that answers now for the right one
 *   forget eX.Y        give up what waits for a disk that is silent, and drop it
 */
#pragma once

#include "front/fuse_state.h"

#define FUSE_CTL_BYTES_MAX 64

enum fuse_ctl_word {
        FUSE_CTL_DISCOVER,
        FUSE_CTL_FLUSH,
        FUSE_CTL_REVALIDATE,
        FUSE_CTL_FORGET,
};

struct fuse_ctl_order {
        enum fuse_ctl_word word;
        aoe_addr addr; /* AOE_ADDR_ALL: of no device */
};

/* One line with or without its end. false: no order of ours. */
bool fuse_ctl_parse(const char *data, size_t bytes, struct fuse_ctl_order *ret);
/* A write to ctl: does what it says, and answers req, now or when it is done. */
void fuse_ctl_write(fuse_req_t req, const char *data, size_t bytes);
