/* SPDX-License-Identifier: MIT */
/*
 * One struct handover is one SOCK_SEQPACKET record. The keeper has privileges and the worker parses
 * the network, so what comes in is treated as hostile: every descriptor that arrives is either
 * handed to the caller or closed here, and a record of another form is refused as a whole.
 */
#include "io/handover.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

/* More than may come: the kernel installs what fits in here, and what it installs we must close. */
#define DESCRIPTORS_MAX 4

union control {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

static bool kind_is_known(uint32_t kind)
{
        switch ((enum handover_kind)kind) {
        case HANDOVER_OPEN_LINK:
        case HANDOVER_READY:
        case HANDOVER_FAILED:
        case HANDOVER_SIGNALLED:
        case HANDOVER_DRAINED:
        case HANDOVER_UNMOUNTED:
        case HANDOVER_LINKED:
        case HANDOVER_SYNCED:
        case HANDOVER_SYNC:
        case HANDOVER_FUSE:
        case HANDOVER_LINK:
        case HANDOVER_DRAIN:
        case HANDOVER_QUIT:
        case HANDOVER_NBD:
        case HANDOVER_ATTACH:
        case HANDOVER_ATTACHED:
        case HANDOVER_RESIZED:
        case HANDOVER_COOKIE: return true;
        }
        return false;
}

/* Descriptors go from the keeper to the worker only: nothing can be planted in the keeper. */
static bool kind_may_carry(uint32_t kind)
{
        return kind == HANDOVER_FUSE || kind == HANDOVER_LINK || kind == HANDOVER_NBD ||
               kind == HANDOVER_ATTACH || kind == HANDOVER_COOKIE;
}

/* The copy is built from zeroes: padding and what lies behind the text carry no stack. */
static void copy_of(const struct handover *m, struct handover *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->kind = m->kind;
        ret->number = m->number;
        ret->value = m->value;
        ret->cookie = m->cookie;
        memcpy(ret->text, m->text, strnlen(m->text, sizeof(m->text) - 1));
}

static void attach(struct msghdr *mh, union control *control, int fd)
{
        struct cmsghdr *c;

        mh->msg_control = control->bytes;
        mh->msg_controllen = CMSG_SPACE(sizeof(int));
        c = CMSG_FIRSTHDR(mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

int handover_send(int socket, const struct handover *m, int fd)
{
        struct handover copy;
        struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
        struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
        union control control = {0};

        CHECK(kind_is_known(m->kind));
        CHECK(fd < 0 || kind_may_carry(m->kind));
        copy_of(m, &copy);
        if (fd >= 0)
                attach(&mh, &control, fd);
        while (sendmsg(socket, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
                if (errno == ECONNRESET)
                        return -EPIPE; /* the peer died with our messages unread */
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

/* Takes all descriptors out of mh, into fds. Returns how many. */
static size_t collect(struct msghdr *mh, int fds[DESCRIPTORS_MAX])
{
        size_t count = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
                size_t bytes = c->cmsg_len - CMSG_LEN(0);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                CHECK(count + bytes / sizeof(int) <= DESCRIPTORS_MAX);
                memcpy(fds + count, CMSG_DATA(c), bytes);
                count += bytes / sizeof(int);
        }
        return count;
}

static bool is_of_form(const struct handover *m, size_t bytes, int flags, size_t fd_count)
{
        if (bytes != sizeof(*m) || (flags & (MSG_TRUNC | MSG_CTRUNC)))
                return false;
        if (!kind_is_known(m->kind) || !memchr(m->text, 0, sizeof(m->text)))
                return false;
        return fd_count == 0 || (fd_count == 1 && kind_may_carry(m->kind));
}

int handover_receive(int socket, struct handover *ret, int *ret_fd)
{
        struct handover m;
        struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
        union control control;
        struct msghdr mh = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
        int fds[DESCRIPTORS_MAX];
        size_t fd_count;
        ssize_t n;

        do
                n = recvmsg(socket, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? -EPIPE : -errno;
        fd_count = collect(&mh, fds);
        if (n == 0 && fd_count == 0)
                return -EPIPE;
        if (!is_of_form(&m, (size_t)n, mh.msg_flags, fd_count)) {
                for (size_t i = 0; i < fd_count; i++)
                        close(fds[i]);
                return -EPROTO;
        }
        *ret = m;
        *ret_fd = fd_count == 1 ? fds[0] : -1;
        return 0;
}

int handover_pair(int ret_fds[2])
{
        int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

        return socketpair(AF_UNIX, type, 0, ret_fds) < 0 ? -errno : 0;
}
