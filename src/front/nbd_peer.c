/* SPDX-License-Identifier: MIT */
#include "front/nbd_peer.h"

#include <sys/socket.h>

#define NBD_PEER_GROUPS_MAX 256 /* one who is in more counts by the main one alone */

static bool nbd_peer_is_in(int fd, const struct ucred *cred, gid_t gid)
{
        gid_t groups[NBD_PEER_GROUPS_MAX];
        socklen_t bytes = sizeof(groups);

        if (cred->gid == gid)
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) < 0)
                return false;
        for (size_t i = 0; i < bytes / sizeof(groups[0]); i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

enum nbd_peer nbd_peer_of(int fd, const struct front_nbd_options *o)
{
        struct ucred cred;
        socklen_t bytes = sizeof(cred);
        unsigned bits;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &bytes) < 0)
                return NBD_PEER_REFUSED;
        if (cred.uid == 0)
                return NBD_PEER_WRITES;
        if (cred.uid == o->uid)
                bits = o->mode >> 6;
        else if (nbd_peer_is_in(fd, &cred, o->gid))
                bits = o->mode >> 3;
        else
                bits = o->mode;
        if (!(bits & 4))
                return NBD_PEER_REFUSED;
        return bits & 2 ? NBD_PEER_WRITES : NBD_PEER_READS;
}
