/* SPDX-License-Identifier: MIT */
/* What the process at the other end of a Unix socket may do, by the kernel's word for who it is. */
#pragma once

#include "front/front_nbd.h"

enum nbd_peer {
        NBD_PEER_REFUSED,
        NBD_PEER_READS,
        NBD_PEER_WRITES,
};

/* As the owner, group and mode of the options say; root may do everything. */
enum nbd_peer nbd_peer_of(int fd, const struct front_nbd_options *o);
