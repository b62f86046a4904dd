/* SPDX-License-Identifier: MIT */
/* nbd_peer: what the process at the other end may do, by owner, group and mode. */
#include "front/nbd_peer.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER  4711
#define GROUP 4712
#define EXTRA 4713

/* A socket whose other end was made by that user: in a child, since the kernel keeps what its maker
 * was. -1: we may not become somebody else. */
static int peer_made_by(uid_t uid, gid_t gid, bool has_extra)
{
        const gid_t extra = EXTRA;
        int fds[2];

        if (setgroups(has_extra ? 1 : 0, &extra) < 0 || setresgid(gid, gid, 0) < 0 ||
            setresuid(uid, uid, 0) < 0)
                return -1;
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(setresuid(0, 0, 0), 0);
        cr_assert_eq(setresgid(0, 0, 0), 0);
        close(fds[1]);
        return fds[0];
}

static enum nbd_peer of(int fd, uid_t uid, gid_t gid, mode_t mode)
{
        const struct front_nbd_options o = {.listen_fd = -1, .uid = uid, .gid = gid, .mode = mode};

        return nbd_peer_of(fd, &o);
}

static int stranger(void)
{
        int fd = peer_made_by(USER, GROUP, true);

        if (fd < 0)
                cr_skip_test("this user cannot become others");
        return fd;
}

Test(front_nbd_peer, owner)
{
        int fd = stranger();

        cr_expect_eq(of(fd, USER, 1, 0600), NBD_PEER_WRITES);
        cr_expect_eq(of(fd, USER, 1, 0400), NBD_PEER_READS);
        cr_expect_eq(of(fd, USER, 1, 0200), NBD_PEER_REFUSED, "to write takes to read");
        cr_expect_eq(of(fd, USER, GROUP, 0077), NBD_PEER_REFUSED, "the owner's bits and no others");
        close(fd);
}

Test(front_nbd_peer, group)
{
        int fd = stranger();

        cr_expect_eq(of(fd, 1, GROUP, 0060), NBD_PEER_WRITES);
        cr_expect_eq(of(fd, 1, GROUP, 0040), NBD_PEER_READS);
        cr_expect_eq(of(fd, 1, GROUP, 0606), NBD_PEER_REFUSED, "the group's bits and no others");
        cr_expect_eq(of(fd, 1, EXTRA, 0060), NBD_PEER_WRITES, "one of its other groups");
        close(fd);
}

Test(front_nbd_peer, others)
{
        int fd = stranger();

        cr_expect_eq(of(fd, 1, 1, 0006), NBD_PEER_WRITES);
        cr_expect_eq(of(fd, 1, 1, 0004), NBD_PEER_READS);
        cr_expect_eq(of(fd, 1, 1, 0660), NBD_PEER_REFUSED);
        close(fd);
}

Test(front_nbd_peer, root_may_do_everything)
{
        int fds[2];

        if (geteuid() != 0)
                cr_skip_test("not root");
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_expect_eq(of(fds[0], USER, GROUP, 0), NBD_PEER_WRITES);
        close(fds[0]);
        close(fds[1]);
}

Test(front_nbd_peer, what_is_no_socket_is_refused)
{
        cr_expect_eq(of(0, 0, 0, 0666), NBD_PEER_REFUSED);
}
