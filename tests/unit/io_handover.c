/* SPDX-License-Identifier: MIT */
/* handover: messages and descriptors arrive whole, and what is not of the form is refused, with
 * every descriptor that came along closed. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "io/handover.h"
#include "io_net.h"

#define FDS_MAX 8

static void pair(int s[2])
{
        cr_assert_eq(handover_pair(s), 0);
}

/* A record that handover_send() would never make. */
static void send_raw(int socket, const void *data, size_t bytes, int fd, size_t fd_count)
{
        struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
        struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control = {0};

        if (fd_count > 0) {
                struct cmsghdr *c;

                mh.msg_control = &control;
                mh.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
                c = CMSG_FIRSTHDR(&mh);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
                for (size_t i = 0; i < fd_count; i++)
                        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
        }
        cr_assert_eq(sendmsg(socket, &mh, MSG_NOSIGNAL), (ssize_t)bytes);
}

Test(handover, carries_a_message)
{
        struct handover m = {
                .kind = HANDOVER_FAILED, .number = -5, .value = INT64_MIN, .cookie = 9};
        struct handover got;
        int s[2], fd = -7;

        pair(s);
        cr_assert_eq(fcntl(s[0], F_GETFD), FD_CLOEXEC);
        cr_assert(fcntl(s[1], F_GETFL) & O_NONBLOCK);
        strcpy(m.text, "no interface");
        cr_assert_eq(handover_send(s[0], &m, -1), 0);
        cr_assert_eq(handover_receive(s[1], &got, &fd), 0);
        cr_assert_eq(got.kind, HANDOVER_FAILED);
        cr_assert_eq(got.number, -5);
        cr_assert_eq(got.value, INT64_MIN);
        cr_assert_eq(got.cookie, 9);
        cr_assert_str_eq(got.text, "no interface");
        cr_assert_eq(fd, -1);
        cr_assert_eq(handover_receive(s[1], &got, &fd), -EAGAIN);
}

Test(handover, carries_a_descriptor)
{
        struct handover m = {.kind = HANDOVER_LINK, .number = 3};
        struct handover got;
        int s[2], p[2], fd = -1;
        char c;

        pair(s);
        cr_assert_eq(pipe(p), 0);
        cr_assert_eq(handover_send(s[0], &m, p[1]), 0);
        cr_assert_eq(close(p[1]), 0, "the sender keeps its own");
        cr_assert_eq(handover_receive(s[1], &got, &fd), 0);
        cr_assert_geq(fd, 0);
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        cr_assert_eq(write(fd, "x", 1), 1);
        cr_assert_eq(read(p[0], &c, 1), 1);
}

Test(handover, keeps_order_and_records)
{
        int s[2], fd;

        pair(s);
        for (int i = 0; i < 20; i++) {
                struct handover m = {.kind = HANDOVER_OPEN_LINK, .number = i};

                cr_assert_eq(handover_send(s[0], &m, -1), 0);
        }
        for (int i = 0; i < 20; i++) {
                struct handover got;

                cr_assert_eq(handover_receive(s[1], &got, &fd), 0);
                cr_assert_eq(got.number, i);
        }
}

Test(handover, cuts_a_text_without_end)
{
        struct handover m = {.kind = HANDOVER_FAILED};
        struct handover got;
        int s[2], fd;

        pair(s);
        memset(m.text, 'x', sizeof(m.text));
        cr_assert_eq(handover_send(s[0], &m, -1), 0);
        cr_assert_eq(handover_receive(s[1], &got, &fd), 0);
        cr_assert_eq(strlen(got.text), sizeof(got.text) - 1);
}

Test(handover, says_when_the_other_is_dead)
{
        struct handover m = {.kind = HANDOVER_DRAIN};
        struct handover got;
        int s[2], fd;

        pair(s);
        cr_assert_eq(handover_send(s[1], &m, -1), 0);
        cr_assert_eq(handover_send(s[0], &m, -1), 0);
        close(s[1]); /* with one unread: the kernel says ECONNRESET once */
        cr_assert_eq(handover_send(s[0], &m, -1), -EPIPE);
        for (int i = 0; i < 4; i++) {
                int r = handover_receive(s[0], &got, &fd);

                cr_assert(r == -EPIPE || (r == 0 && i < 2));
        }
        cr_assert_eq(handover_receive(s[0], &got, &fd), -EPIPE);
        cr_assert_eq(handover_send(s[0], &m, -1), -EPIPE);
}

Test(handover, full_is_not_now)
{
        struct handover m = {.kind = HANDOVER_SIGNALLED};
        struct handover got;
        int s[2], fd, r = 0, sent = 0;

        pair(s);
        for (; r == 0; sent++)
                r = handover_send(s[0], &m, -1);
        cr_assert_eq(r, -EAGAIN);
        for (int i = 0; i < sent - 1; i++)
                cr_assert_eq(handover_receive(s[1], &got, &fd), 0);
        cr_assert_eq(handover_receive(s[1], &got, &fd), -EAGAIN);
        cr_assert_eq(handover_send(s[0], &m, -1), 0);
}

static void assert_refused(const void *data, size_t bytes, size_t fd_count)
{
        struct handover got = {.kind = 77};
        int s[2], fd = -7;
        size_t before;

        pair(s);
        send_raw(s[0], data, bytes, s[0], fd_count);
        before = net_open_descriptors();
        cr_assert_eq(handover_receive(s[1], &got, &fd), -EPROTO);
        cr_assert_eq(net_open_descriptors(), before, "a descriptor leaked");
        cr_assert_eq(got.kind, 77, "outputs change on success only");
        cr_assert_eq(fd, -7);
        close(s[0]);
        close(s[1]);
}

Test(handover, refuses_what_is_not_of_its_form)
{
        struct {
                struct handover m;
                char more;
        } big = {.m.kind = HANDOVER_LINK};
        struct handover m = {.kind = HANDOVER_LINK};

        assert_refused(&m, sizeof(m) - 1, 0);
        assert_refused(&m, 1, 0);
        assert_refused(&big, sizeof(m) + 1, 0);
        assert_refused(&m, 1, 1);
        assert_refused(&big, sizeof(m) + 1, 1);
        assert_refused("", 0, 1);
        for (size_t fd_count = 2; fd_count <= FDS_MAX; fd_count++)
                assert_refused(&m, sizeof(m), fd_count);
        memset(m.text, 'x', sizeof(m.text));
        assert_refused(&m, sizeof(m), 0);
}

Test(handover, refuses_unknown_kinds_and_descriptors_where_none_belong)
{
        const uint32_t unknown[] = {0, 31, 64, 1 << 16, UINT32_MAX};
        const uint32_t bare[] = {HANDOVER_OPEN_LINK, HANDOVER_READY,   HANDOVER_FAILED,
                                 HANDOVER_SIGNALLED, HANDOVER_DRAINED, HANDOVER_UNMOUNTED,
                                 HANDOVER_DRAIN,     HANDOVER_QUIT,    HANDOVER_LINKED,
                                 HANDOVER_SYNCED,    HANDOVER_SYNC};

        for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
                struct handover m = {.kind = unknown[i]};

                assert_refused(&m, sizeof(m), 0);
                assert_refused(&m, sizeof(m), 1);
        }
        for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
                struct handover m = {.kind = bare[i]};

                assert_refused(&m, sizeof(m), 1);
        }
}

/* No room for the descriptor: the message is refused, not taken without it. */
Test(handover, no_room_for_the_descriptor)
{
        struct handover m = {.kind = HANDOVER_FUSE};
        struct handover got;
        int s[2], fd, r;

        pair(s);
        cr_assert_eq(handover_send(s[0], &m, s[0]), 0);
        net_allow_descriptors(0);
        r = handover_receive(s[1], &got, &fd);
        cr_assert(r == -EPROTO || (r == 0 && fd >= 0)); /* valgrind does not limit this call */
        cr_assert_eq(handover_pair(s), -EMFILE);
}

/* An empty record is how SOCK_SEQPACKET says that nobody is there any more. */
Test(handover, an_empty_record_is_the_end)
{
        struct handover got;
        int s[2], fd;

        pair(s);
        send_raw(s[0], "", 0, -1, 0);
        cr_assert_eq(handover_receive(s[1], &got, &fd), -EPIPE);
}

Test(handover, planting_a_descriptor_is_our_bug, .signal = SIGILL)
{
        struct handover m = {.kind = HANDOVER_READY};
        int s[2];

        pair(s);
        handover_send(s[0], &m, s[1]);
}
