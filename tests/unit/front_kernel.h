/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of a FUSE session, made by hand: kernel_send() puts a message in front of the
 * session, kernel_turn() lets it work, kernel_receive() takes one answer. kernel_call() does all
 * three. The time stands still but for a step each turn.
 */
#pragma once

#include <criterion/criterion.h>

#include "front_fake.h"

#define KERNEL_BYTES_MAX ((size_t)2 << 20)
#define KERNEL_MINOR     38

static struct front *front;
static struct front_host host;
static int kernel_fd = -1;
static nsec kernel_now = NSEC_SEC;
static uint64_t kernel_unique;

/* The last answer. */
static struct fuse_out_header answer;
static _Alignas(8) uint8_t answer_body[KERNEL_BYTES_MAX];
static size_t answer_bytes;

static inline struct front_fuse_options kernel_options(int fd)
{
        return (struct front_fuse_options){
                .fuse_fd = fd,
                .uid = 5,
                .gid = 6,
                .mode = 0600,
                .requests_max = 64,
                .requests_device_max = 4,
                .max_read = 1 << 20,
        };
}

static inline uint64_t kernel_send(uint32_t opcode, uint64_t nodeid, const void *body,
                                   size_t body_bytes, const void *tail, size_t tail_bytes)
{
        struct fuse_in_header h = {
                .len = (uint32_t)(sizeof(h) + body_bytes + tail_bytes),
                .opcode = opcode,
                .unique = kernel_unique += 2,
                .nodeid = nodeid,
                .uid = 5,
                .gid = 6,
                .pid = 7,
        };
        struct iovec iov[] = {
                {.iov_base = &h, .iov_len = sizeof(h)},
                {.iov_base = (void *)(uintptr_t)body, .iov_len = body_bytes},
                {.iov_base = (void *)(uintptr_t)tail, .iov_len = tail_bytes},
        };

        cr_assert_eq(writev(kernel_fd, iov, 3), (ssize_t)h.len, "%s", strerror(errno));
        return h.unique;
}

static inline unsigned kernel_turn(void)
{
        kernel_now += NSEC_US;
        return front->ops->turn(front, 64, kernel_now);
}

/* false: there is none. */
static inline bool kernel_receive(void)
{
        struct iovec iov[] = {
                {.iov_base = &answer, .iov_len = sizeof(answer)},
                {.iov_base = answer_body, .iov_len = sizeof(answer_body)},
        };
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n = recvmsg(kernel_fd, &msg, MSG_DONTWAIT);

        if (n < 0) {
                cr_assert_eq(errno, EAGAIN, "%s", strerror(errno));
                return false;
        }
        cr_assert_geq(n, (ssize_t)sizeof(answer));
        cr_assert_eq(answer.len, n);
        answer_bytes = (size_t)n - sizeof(answer);
        return true;
}

/* The errno that the next answer says; it must be unique's. */
static inline int kernel_errno(uint64_t unique)
{
        cr_assert(kernel_receive(), "no answer");
        cr_assert_eq(answer.unique, unique, "an answer to %llu, not to %llu",
                     (unsigned long long)answer.unique, (unsigned long long)unique);
        return -answer.error;
}

static inline int kernel_call(uint32_t opcode, uint64_t nodeid, const void *body, size_t body_bytes)
{
        uint64_t unique = kernel_send(opcode, nodeid, body, body_bytes, NULL, 0);

        kernel_turn();
        return kernel_errno(unique);
}

static inline int kernel_lookup(uint64_t parent, const char *name)
{
        return kernel_call(FUSE_LOOKUP, parent, name, strlen(name) + 1);
}

static inline int kernel_open(uint64_t nodeid, uint32_t flags)
{
        struct fuse_open_in in = {.flags = flags};

        return kernel_call(FUSE_OPEN, nodeid, &in, sizeof(in));
}

static inline int kernel_release(uint64_t nodeid, uint64_t fh, uint32_t flags)
{
        struct fuse_release_in in = {.fh = fh, .flags = flags};

        return kernel_call(FUSE_RELEASE, nodeid, &in, sizeof(in));
}

static inline uint64_t kernel_send_read(uint64_t nodeid, uint64_t fh, uint64_t offset,
                                        uint32_t bytes)
{
        struct fuse_read_in in = {.fh = fh, .offset = offset, .size = bytes};

        return kernel_send(FUSE_READ, nodeid, &in, sizeof(in), NULL, 0);
}

static inline uint64_t kernel_send_write(uint64_t nodeid, uint64_t offset, const void *data,
                                         uint32_t bytes)
{
        struct fuse_write_in in = {.offset = offset, .size = bytes};

        return kernel_send(FUSE_WRITE, nodeid, &in, sizeof(in), data, bytes);
}

static inline uint64_t kernel_send_fsync(uint64_t nodeid)
{
        struct fuse_fsync_in in = {.fh = nodeid};

        return kernel_send(FUSE_FSYNC, nodeid, &in, sizeof(in), NULL, 0);
}

static inline void kernel_interrupt(uint64_t unique)
{
        struct fuse_interrupt_in in = {.unique = unique};

        kernel_send(FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
        kernel_turn();
}

static inline int kernel_init(uint32_t minor, uint32_t flags)
{
        struct fuse_init_in in = {
                .major = FUSE_KERNEL_VERSION,
                .minor = minor,
                .max_readahead = 131072,
                .flags = flags | FUSE_INIT_EXT,
        };

        return kernel_call(FUSE_INIT, 0, &in, sizeof(in));
}

#define KERNEL_FLAGS                                                                               \
        (FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_ASYNC_DIO |                \
         FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |     \
         FUSE_AUTO_INVAL_DATA | FUSE_SPLICE_WRITE | FUSE_SPLICE_MOVE | FUSE_SPLICE_READ)

/* A front with options o (fuse_fd is filled in) and so many largest blocks of memory. */
static inline void kernel_start(const struct front_fuse_options *o, size_t blocks)
{
        struct front_fuse_options own = *o;
        int fds[2], bytes = 8 << 20;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        for (unsigned i = 0; i < 2; i++) /* a message of a megabyte; root may */
                if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
                        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
        kernel_fd = fds[0];
        own.fuse_fd = fds[1];
        host = fake_host_make(blocks);
        cr_assert_eq(front_fuse_new(&own, &host, &front), 0);
        cr_assert_eq(kernel_init(KERNEL_MINOR, KERNEL_FLAGS), 0);
}

/* The engine finishes rq; its answer is waiting afterwards. */
static inline void kernel_finish(struct request *rq, enum request_status status)
{
        unsigned idx = 0;

        while (idx < fake_engine.open_count && fake_engine.open[idx] != rq)
                idx++;
        cr_assert_lt(idx, fake_engine.open_count);
        fake_take(idx);
        rq->status = status;
        front->ops->complete(front, rq, kernel_now);
}

/* All that is open ends, the front gives everything back. */
static inline void kernel_stop(void)
{
        while (fake_engine.open_count > 0)
                kernel_finish(fake_engine.open[0], REQUEST_TIMEOUT);
        front->ops->free(front);
        cr_expect_eq(fake_engine.submit_count, fake_engine.release_count);
        cr_expect(arena_is_full(&fake_arena));
        for (unsigned i = 0; i < fake_engine.device_count; i++)
                cr_expect_eq(fake_engine.holders[i], 0);
        cr_expect_eq(fake_host.writer_takes - (fake_host.writer_result != 0),
                     fake_host.writer_drops);
        free(fake_arena.region);
        free(fake_arena.units);
        close(kernel_fd);
}

static inline uint64_t kernel_device(aoe_addr addr)
{
        return (uint64_t)1 << 32 | addr;
}
