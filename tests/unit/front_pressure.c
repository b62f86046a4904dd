/* SPDX-License-Identifier: MIT */
/* front_fuse under pressure: quotas, interrupts, want of memory, notices, the end. */
#include "front_kernel.h"

#include <fcntl.h>
#include <signal.h>

#include "front/fuse_io.h"

#define KIB ((uint32_t)1 << 10)
#define MIB ((uint32_t)1 << 20)
#define E71 aoe_addr_make(7, 1)
#define E72 aoe_addr_make(7, 2)

static uint64_t e71, e72;
static uint8_t data[1 << 20];

static void start(unsigned requests_max, size_t blocks)
{
        struct front_fuse_options o = kernel_options(-1);

        o.requests_max = requests_max;
        fake_add(7, 1, 64 * (uint64_t)MIB);
        fake_add(7, 2, 64 * (uint64_t)MIB);
        kernel_start(&o, blocks);
        e71 = kernel_device(E71);
        e72 = kernel_device(E72);
}

static void setup(void)
{
        start(64, 4);
}

TestSuite(front_pressure, .init = setup, .fini = kernel_stop);
TestSuite(front_memory, .fini = kernel_stop); /* each test starts its own */

static unsigned open_of(aoe_addr addr)
{
        unsigned count = 0;

        for (unsigned i = 0; i < fake_engine.open_count; i++)
                count += fake_engine.open[i]->addr == addr;
        return count;
}

/* ---- quotas ---- */

Test(front_pressure, a_flood_does_not_hide_another_device)
{
        uint64_t first, offset = 0;

        for (unsigned i = 0; i < 20; i++)
                kernel_send_read(e71, e71, 512 * i, 512);
        kernel_send_read(e72, e72, 0, 512);
        kernel_turn();
        cr_expect_eq(open_of(E71), 4, "requests_device_max");
        cr_expect_eq(open_of(E72), 1);
        cr_expect_eq(front->ops->open_count(front), 21);
        first = fake_engine.open[0]->offset;
        for (unsigned i = 0; i < 20; i++) { /* in order of arrival, one for one */
                cr_assert_geq(fake_engine.open_count, 1);
                cr_expect_eq(fake_engine.open[0]->addr == E71 ? fake_engine.open[0]->offset
                                                              : fake_engine.open[1]->offset,
                             first + offset);
                kernel_finish(fake_engine.open[fake_engine.open[0]->addr == E71 ? 0 : 1],
                              REQUEST_ERROR);
                cr_expect_eq(open_of(E71), i < 16 ? 4 : 19 - i);
                offset += 512;
        }
        cr_expect_eq(front->ops->open_count(front), 1);
}

Test(front_pressure, what_the_engine_refuses_is_tried_again)
{
        fake_engine.refuses = true;
        kernel_send_read(e71, e71, 0, 512);
        kernel_send_read(e72, e72, 0, 512);
        kernel_turn();
        cr_expect_eq(fake_engine.open_count, 0);
        cr_expect_eq(front->ops->open_count(front), 2);
        fake_engine.refuses = false;
        front->ops->turn(front, 0, kernel_now);
        cr_expect_eq(fake_engine.open_count, 2);
}

Test(front_pressure, a_completion_lets_the_refused_go)
{
        kernel_send_read(e71, e71, 0, 512);
        kernel_turn();
        fake_engine.refuses = true;
        kernel_send_read(e72, e72, 0, 512);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        fake_engine.refuses = false;
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->addr, E72);
}

Test(front_pressure, a_turn_takes_its_budget)
{
        for (unsigned i = 0; i < 5; i++)
                kernel_send_read(e71, e71, 0, 512);
        cr_expect_eq(front->ops->turn(front, 3, kernel_now), 3);
        cr_expect_eq(front->ops->turn(front, 3, kernel_now), 2);
        cr_expect_eq(front->ops->turn(front, 3, kernel_now), 0);
}

/* ---- interrupts ---- */

Test(front_pressure, interrupt_inside_the_engine)
{
        uint64_t unique = kernel_send_read(e71, e71, 0, 512);

        kernel_turn();
        kernel_interrupt(unique);
        cr_expect_eq(fake_engine.cancel_count, 1);
        cr_assert_eq(fake_engine.cancelled, fake_engine.open[0]);
        cr_expect_not(kernel_receive(), "the engine decides");
        kernel_finish(fake_engine.open[0], REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(unique), EINTR);
}

Test(front_pressure, interrupt_of_a_healthy_read_changes_nothing)
{
        uint64_t unique = kernel_send_read(e71, e71, 0, 512);

        kernel_turn();
        kernel_interrupt(unique);
        fake_engine.open[0]->buffer = data;
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(answer_bytes, 512);
}

/* Four are inside the engine; the fifth waits in front of it. */
static uint64_t fill_and_wait(void)
{
        for (unsigned i = 0; i < 4; i++)
                kernel_send_read(e71, e71, 0, 512);
        return kernel_send_read(e71, e71, 4096, 512);
}

Test(front_pressure, interrupt_in_front_of_a_silent_device)
{
        uint64_t unique = fill_and_wait();

        kernel_turn();
        fake_device(E71)->state = DEVICE_STALE;
        kernel_interrupt(unique);
        cr_expect_eq(fake_engine.cancel_count, 0, "the engine has never seen it");
        cr_expect_eq(kernel_errno(unique), EINTR);
        cr_expect_eq(front->ops->open_count(front), 4);
}

Test(front_pressure, interrupt_in_front_of_a_device_that_falls_silent)
{
        struct event ev = {.addr = E71, .changes = EVENT_STATE};
        uint64_t unique = fill_and_wait();

        kernel_turn();
        kernel_interrupt(unique);
        cr_expect_not(kernel_receive(), "the device is up: it will be served");
        front->ops->on_event(front, &ev, kernel_now);
        cr_expect_not(kernel_receive());
        fake_device(E71)->state = DEVICE_DOWN;
        front->ops->on_event(front, &ev, kernel_now);
        cr_expect_eq(kernel_errno(unique), EINTR);
}

Test(front_pressure, interrupt_noted_in_the_queue_goes_along)
{
        uint64_t unique = fill_and_wait();

        kernel_turn();
        kernel_interrupt(unique);
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_assert_eq(fake_engine.open_count, 4);
        cr_expect_eq(fake_engine.cancel_count, 1);
        cr_expect_eq(fake_engine.cancelled, fake_engine.open[3]);
        cr_expect_eq(fake_engine.open[3]->offset, 4096);
}

/* The kernel sends none before its request was read: what is not found is over. */
Test(front_pressure, interrupt_that_finds_nothing_is_dropped)
{
        uint64_t early = kernel_unique + 4, unique;

        kernel_interrupt(early);
        unique = kernel_send_read(e71, e71, 0, 512);
        cr_assert_eq(unique, early);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_expect_eq(kernel_errno(unique), EIO);
        kernel_interrupt(unique);
        cr_expect_eq(kernel_lookup(1, "e7.1"), 0, "and libfuse has nothing to say of it");
        cr_expect_eq(fake_engine.cancel_count, 0);
        cr_expect_not(kernel_receive());
}

/* Names of requests that are far apart may share a bucket. */
Test(front_pressure, interrupt_of_one_among_many)
{
        uint64_t first = kernel_send_read(e71, e71, 0, 512), second;

        kernel_unique += 2 * FUSE_IO_BUCKETS - 2;
        second = kernel_send_read(e71, e71, 512, 512);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 2);
        kernel_interrupt(first);
        cr_expect_eq(fake_engine.cancelled, fake_engine.open[0]);
        kernel_interrupt(second);
        cr_expect_eq(fake_engine.cancelled, fake_engine.open[1]);
        kernel_interrupt(second);
        cr_expect_eq(fake_engine.cancel_count, 2, "once is enough");
        kernel_finish(fake_engine.open[0], REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(first), EINTR);
        kernel_finish(fake_engine.open[0], REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(second), EINTR);
}

Test(front_pressure, interrupt_of_what_libfuse_answers)
{
        uint64_t name = kernel_send(FUSE_LOOKUP, 1, "e9.9", 5, NULL, 0);
        uint64_t order = kernel_send_write(4, 0, "flush e7.1", 10);

        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 2);
        kernel_interrupt(name);
        cr_expect_eq(fake_engine.cancelled, fake_engine.open[0]);
        kernel_interrupt(order);
        cr_expect_eq(fake_engine.cancelled, fake_engine.open[1]);
        kernel_finish(fake_engine.open[0], REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(name), EINTR);
        kernel_finish(fake_engine.open[0], REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(order), EINTR);
}

/* ---- memory ---- */

Test(front_memory, the_newest_silent_write_makes_room)
{
        uint64_t silent[3], healthy;

        start(64, 4); /* one block to read into, three for writes */
        fake_device(E72)->state = DEVICE_DOWN;
        for (unsigned i = 0; i < 3; i++) {
                silent[i] = kernel_send_write(e72, i * MIB, data, MIB);
                kernel_turn();
        }
        healthy = kernel_send_write(e71, 0, data, MIB);
        kernel_turn();
        cr_expect(front->paused);
        cr_expect_eq(fake_engine.cancelled->offset, 2 * MIB, "the newest");
        cr_expect_eq(fake_host.log_count, 1);
        kernel_turn();
        cr_expect_eq(fake_engine.cancel_count, 1, "one is on its way out: wait");
        kernel_finish(fake_engine.cancelled, REQUEST_CANCELLED);
        cr_expect_eq(kernel_errno(silent[2]), EIO, "no signal came: not EINTR");
        cr_expect_not(front->paused);
        cr_expect_eq(open_of(E71), 1);
        kernel_finish(fake_engine.open[2], REQUEST_OK);
        cr_expect_eq(kernel_errno(healthy), 0);
        kernel_send_write(e71, 0, data, MIB);
        kernel_turn();
        cr_expect_eq(fake_host.log_count, 1, "said once");
}

Test(front_memory, a_write_to_a_silent_device_is_itself_the_newest)
{
        uint64_t last;

        start(64, 4);
        fake_device(E72)->state = DEVICE_STALE;
        for (unsigned i = 0; i < 3; i++)
                kernel_send_write(e72, 0, data, MIB);
        last = kernel_send_write(e72, 0, data, MIB);
        kernel_turn();
        cr_expect_eq(kernel_errno(last), EIO);
        cr_expect_eq(fake_engine.cancel_count, 0);
        cr_expect_not(front->paused);
        cr_expect_eq(kernel_lookup(1, "e7.1"), 0);
}

Test(front_memory, with_all_devices_up_reading_stops_until_something_ends)
{
        uint64_t late, name;

        start(64, 4);
        for (unsigned i = 0; i < 3; i++) {
                kernel_send_write(e71, 0, data, MIB);
                kernel_turn();
        }
        late = kernel_send_write(e72, 0, data, MIB);
        name = kernel_send(FUSE_LOOKUP, 1, "e7.1", 5, NULL, 0);
        kernel_turn();
        cr_expect(front->paused);
        cr_expect_eq(front->ops->open_count(front), 4, "the parked one counts");
        cr_expect_not(kernel_receive());
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_expect(kernel_receive());
        cr_expect_not(front->paused);
        cr_expect_eq(open_of(E72), 1);
        kernel_turn();
        cr_expect_eq(kernel_errno(name), 0);
        kernel_finish(fake_engine.open[2], REQUEST_OK);
        cr_expect_eq(kernel_errno(late), 0);
        cr_expect_eq(fake_host.log_count, 0);
}

Test(front_memory, a_device_that_falls_silent_ends_the_pause)
{
        struct event ev = {.addr = E71, .changes = EVENT_STATE};

        start(64, 4);
        for (unsigned i = 0; i < 3; i++)
                kernel_send_write(e71, 0, data, MIB);
        kernel_send_write(e72, 0, data, MIB);
        kernel_turn();
        cr_assert(front->paused);
        cr_expect_eq(fake_engine.cancel_count, 0);
        fake_device(E71)->state = DEVICE_STALE;
        front->ops->on_event(front, &ev, kernel_now);
        cr_expect_eq(fake_engine.cancel_count, 1);
        kernel_finish(fake_engine.cancelled, REQUEST_CANCELLED);
        cr_expect_not(front->paused);
        cr_expect_eq(open_of(E72), 1);
}

/* Small writes take what they need, however little is left. */
Test(front_memory, small_writes_hold_little)
{
        start(64, 2);
        for (unsigned i = 0; i < 4; i++)
                kernel_send_write(e71, 0, data, 4 * KIB);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 4);
        cr_expect_eq(fake_arena.units_used, ARENA_BLOCK_BYTES / ARENA_UNIT_BYTES + 4);
        kernel_send_write(e72, 0, data, 256 * KIB); /* no whole block is left: copied */
        kernel_turn();
        cr_expect_eq(open_of(E72), 1);
}

Test(front_memory, a_full_table_of_requests)
{
        uint64_t queued[6], healthy;

        start(6, 4); /* four inside, two in front */
        for (unsigned i = 0; i < 6; i++)
                queued[i] = kernel_send_read(e72, e72, 0, 512);
        kernel_turn();
        cr_expect_eq(fake_engine.open_count, 4);
        healthy = kernel_send_read(e71, e71, 0, 512);
        kernel_turn();
        cr_expect(front->paused);
        fake_device(E72)->state = DEVICE_DOWN;
        kernel_turn();
        cr_expect_eq(kernel_errno(queued[5]), EIO, "it never reached the engine");
        cr_expect_eq(open_of(E71), 1);
        kernel_finish(fake_engine.open[4], REQUEST_ERROR);
        cr_expect_eq(kernel_errno(healthy), EIO);
        cr_expect_eq(kernel_lookup(1, "e7.1"), 0, "names need no request");
}

/* Somebody else (another front, open texts) has all the memory: nothing of ours would free any. */
Test(front_memory, no_memory_and_nothing_to_wait_for)
{
        void *others[3];
        uint64_t unique;

        start(64, 4);
        for (unsigned i = 0; i < 3; i++)
                others[i] = arena_get(&fake_arena, ARENA_BLOCK_BYTES);
        unique = kernel_send_write(e71, 0, data, 512);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), EIO);
        cr_expect_eq(fake_host.log_count, 1);
        for (unsigned i = 0; i < 3; i++)
                arena_put(&fake_arena, others[i]);
}

/* ---- notices and the end ---- */

Test(front_pressure, notices_for_the_control_thread)
{
        struct event gone = {.addr = E71, .changes = EVENT_GONE};
        struct event size = {.addr = E72, .changes = EVENT_SIZE | EVENT_STATE};

        fake_host.notices_full = true;
        front->ops->on_event(front, &gone, kernel_now);
        front->ops->on_event(front, &size, kernel_now);
        front->ops->on_event(front, &size, kernel_now);
        cr_expect_eq(fake_host.notice_count, 0);
        fake_host.notices_full = false;
        front->ops->turn(front, 0, kernel_now);
        front->ops->turn(front, 0, kernel_now);
        cr_assert_eq(fake_host.notice_count, 2);
        cr_expect_eq(fake_host.notices[0].kind, FRONT_NOTICE_GONE);
        cr_expect_eq(fake_host.notices[0].addr, E71);
        cr_expect_eq(fake_host.notices[1].kind, FRONT_NOTICE_SIZE);
        cr_expect_eq(fake_host.notices[1].addr, E72);
}

Test(front_pressure, notices_to_the_kernel)
{
        struct front_notice n = {.kind = FRONT_NOTICE_GONE, .addr = E71};
        const struct fuse_notify_inval_entry_out *name =
                (const struct fuse_notify_inval_entry_out *)answer_body;
        const struct fuse_notify_inval_inode_out *inode =
                (const struct fuse_notify_inval_inode_out *)answer_body;

        cr_expect_eq(front_fuse_notify(front, &n), 0);
        for (uint64_t parent = 1; parent <= 2; parent++) { /* the file, its folder in .aoefs */
                cr_assert(kernel_receive());
                cr_expect_eq(answer.unique, 0);
                cr_expect_eq(answer.error, FUSE_NOTIFY_INVAL_ENTRY);
                cr_expect_eq(name->parent, parent);
                cr_expect_eq(name->namelen, 4);
                cr_expect_str_eq((const char *)(name + 1), "e7.1");
        }
        n.kind = FRONT_NOTICE_SIZE;
        cr_expect_eq(front_fuse_notify(front, &n), 0);
        cr_assert(kernel_receive());
        cr_expect_eq(answer.error, FUSE_NOTIFY_INVAL_INODE);
        cr_expect_eq(inode->ino, e71);
        cr_expect_eq(inode->off, -1);
        n.kind = FRONT_NOTICE_APPEARED;
        cr_expect_eq(front_fuse_notify(front, &n), 0);
        cr_expect_not(kernel_receive());
}

Test(front_pressure, stop_takes_nothing_new)
{
        uint64_t unique = kernel_send_read(e71, e71, 0, 512);

        kernel_turn();
        front->ops->stop(front);
        kernel_send_read(e71, e71, 0, 512);
        cr_expect_eq(kernel_turn(), 0);
        cr_expect_eq(front->ops->open_count(front), 1);
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_expect_eq(kernel_errno(unique), EIO);
        cr_expect_eq(front->ops->open_count(front), 0);
}

Test(front_pressure, the_end_is_told_once)
{
        signal(SIGPIPE, SIG_IGN);
        kernel_send_read(e71, e71, 0, 512);
        kernel_turn();
        shutdown(kernel_fd, SHUT_RDWR);
        kernel_turn();
        kernel_turn();
        cr_expect_eq(fake_host.ended, 1);
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_expect_eq(front->ops->open_count(front), 0);
}

Test(front_memory, read_only)
{
        struct front_fuse_options o = kernel_options(-1);
        uint64_t unique;

        o.read_only = true;
        o.mode = 0664;
        fake_add(7, 1, MIB);
        kernel_start(&o, 2);
        e71 = kernel_device(E71);
        cr_assert_eq(kernel_lookup(1, "e7.1"), 0);
        cr_expect_eq(((struct fuse_entry_out *)answer_body)->attr.mode, S_IFREG | 0444);
        cr_expect_eq(kernel_open(e71, O_RDWR), EROFS);
        cr_expect_eq(kernel_open(e71, O_RDONLY), 0);
        unique = kernel_send_write(e71, 0, data, 512);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), EROFS);
        cr_expect_eq(kernel_call(FUSE_UNLINK, 1, "e7.1", 5), EROFS);
}

/* ---- what cannot start ---- */

static struct front_fuse_options bad_options(void)
{
        host = fake_host_make(1);
        return kernel_options(-1);
}

Test(front_start, a_descriptor_that_is_none)
{
        struct front_fuse_options o = bad_options();
        struct front *f;

        cr_expect_eq(front_fuse_new(&o, &host, &f), -EBADF);
        cr_expect(arena_is_full(&fake_arena));
}

Test(front_start, no_memory)
{
        struct front_fuse_options o = bad_options();
        struct front *f;
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        o.fuse_fd = fds[0];
        cr_assert(arena_get(&fake_arena, 1));
        cr_expect_eq(front_fuse_new(&o, &host, &f), -ENOMEM);
        cr_expect_eq(fcntl(fds[0], F_GETFD), 0, "the descriptor stays the caller's");
}
