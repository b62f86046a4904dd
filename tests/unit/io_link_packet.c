/* SPDX-License-Identifier: MIT */
/* link_packet: opening, batches both ways, and what happens when the interface goes. */
#include <errno.h>
#include <linux/filter.h>
#include <sys/capability.h>

#include "io/privilege.h"
#include "io_wire.h"

/* ---- opening ---- */

Test(link_packet, opens_with_large_buffers)
{
        begin();
        cr_assert_eq(fcntl(end.link->fd, F_GETFD), FD_CLOEXEC);
        cr_assert(fcntl(end.link->fd, F_GETFL) & O_NONBLOCK);
        cr_assert_geq(link_packet_receive_bytes(end.link->fd), 2u * (8 << 20));
        cr_assert_eq(link_packet_receive_bytes(-1), 0);
        finish();
}

/* CAP_NET_RAW alone opens the socket, with what rmem_max allows. */
Test(link_packet, opens_without_net_admin)
{
        cap_value_t raw = CAP_NET_RAW;
        cap_t caps = cap_init();
        int fd = -1;

        begin();
        cr_assert_eq(cap_set_flag(caps, CAP_PERMITTED, 1, &raw, CAP_SET), 0);
        cr_assert_eq(cap_set_flag(caps, CAP_EFFECTIVE, 1, &raw, CAP_SET), 0);
        cr_assert_eq(cap_set_proc(caps), 0);
        cap_free(caps);
        cr_assert_eq(link_packet_open(end.ifindex, COOKIE, &fd), 0);
        cr_assert_gt(link_packet_receive_bytes(fd), 4096);
        close(fd);
        finish();
}

Test(link_packet, opening_fails_with_the_reason)
{
        size_t before;
        int fd = -7;

        begin();
        before = net_open_descriptors();
        cr_assert_eq(link_packet_open(9999, COOKIE, &fd), -ENODEV);
        cr_assert_eq(link_packet_open(0, COOKIE, &fd), -ENODEV, "0 would be all interfaces");
        cr_assert_eq(link_packet_open(-1, COOKIE, &fd), -ENODEV);
        cr_assert_eq(privilege_drop(), 0);
        cr_assert_eq(link_packet_open(end.ifindex, COOKIE, &fd), -EPERM);
        cr_assert_eq(fd, -7);
        cr_assert_eq(net_open_descriptors(), before);
        finish();
}

Test(link_packet, no_cookie_is_our_bug, .signal = SIGILL)
{
        int fd;

        link_packet_open(1, 0, &fd);
}

/* What this host sends on the interface is not received, whatever it looks like. */
Test(link_packet, does_not_hear_itself)
{
        const struct wanted w = {"", true, 0x88a2, R, 0, OUR_TAG, 60};
        uint8_t p[60];
        int beside;

        begin();
        beside = raw_socket("va");
        build(p, &w, end.mac, 1);
        cr_assert_eq(send(beside, p, sizeof(p), 0), (ssize_t)sizeof(p));
        build(p, &w, broadcast, 1);
        cr_assert_eq(send(beside, p, sizeof(p), 0), (ssize_t)sizeof(p));
        wire_answer(2, 60);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(end.list[0]->data[59], 2);
        cr_assert_eq(receive(1), 0);
        close(beside);
        finish();
}

/* ---- receiving ---- */

Test(link_packet, receives_a_full_batch)
{
        const size_t total = LINK_BATCH_MAX + 36;

        begin();
        for (size_t i = 0; i < total; i++)
                wire_answer((uint8_t)i, 60 + i);
        await_queued((unsigned)total);
        cr_assert_eq(receive(FRAMES), LINK_BATCH_MAX);
        for (size_t i = 0; i < LINK_BATCH_MAX; i++) {
                cr_assert_eq(end.list[i]->bytes, 60 + i);
                cr_assert_eq(end.list[i]->data[59], (uint8_t)i);
        }
        frames_reset(ROOM);
        cr_assert_eq(receive(6), 6);
        cr_assert_eq(end.list[0]->bytes, 60 + LINK_BATCH_MAX);
        cr_assert_eq(receive(FRAMES), 30);
        cr_assert_eq(receive(FRAMES), 0);
        cr_assert_eq(receive(0), 0);
        cr_assert_eq(end.link->counters.received, total);
        finish();
}

Test(link_packet, drops_what_does_not_fit)
{
        bool seen[FRAMES] = {false};

        begin();
        frames_reset(200);
        wire_answer(1, 60);
        wire_answer(2, 201);
        wire_answer(3, 1514);
        wire_answer(4, 200);
        wire_answer(5, 202);
        wire_answer(6, 61);
        await_queued(6);
        cr_assert_eq(receive(8), 3);
        cr_assert_eq(end.link->counters.truncated, 3);
        cr_assert_eq(end.link->counters.received, 3);
        cr_assert(end.list[0]->bytes == 60 && end.list[0]->data[59] == 1);
        cr_assert(end.list[1]->bytes == 200 && end.list[1]->data[199] == 4);
        cr_assert(end.list[2]->bytes == 61 && end.list[2]->data[60] == 6);
        for (size_t i = 0; i < FRAMES; i++) { /* reordered, none lost, none twice */
                size_t idx = (size_t)(end.list[i] - end.frames);

                cr_assert(idx < FRAMES && !seen[idx]);
                seen[idx] = true;
        }
        finish();
}

Test(link_packet, receives_jumbo_frames)
{
        begin();
        net_run("ip link set va mtu 9000; ip link set vb mtu 9000");
        net_await_pair();
        wire_answer(9, 9014);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(end.list[0]->bytes, 9014);
        finish();
}

Test(link_packet, counts_what_the_kernel_dropped)
{
        int small = 1, forced = 4096;

        begin();
        cr_assert_eq(setsockopt(end.link->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
        for (int i = 0; i < 100; i++)
                wire_answer((uint8_t)i, 1500);
        cr_assert(net_await(end.link->fd));
        for (uint64_t before = 0; end.link->counters.kernel_drops < 90;) {
                link_packet_statistics(end.link);
                cr_assert_geq(end.link->counters.kernel_drops, before);
                before = end.link->counters.kernel_drops;
                sched_yield();
        }
        while (receive(FRAMES) > 0)
                ;
        link_packet_statistics(end.link);
        link_packet_statistics(end.link);
        cr_assert_eq(end.link->counters.kernel_drops + end.link->counters.received, 100);
        cr_assert_eq(setsockopt(end.link->fd, SOL_SOCKET, SO_RCVBUF, &forced, sizeof(forced)), 0);
        cr_assert_eq(link_packet_receive_bytes(end.link->fd), 2u * 4096);
        finish();
}

/* ---- sending ---- */

static uint8_t header[ENGINE_HEADER_ROOM];
static uint8_t payload[ROOM];

static struct tx tx_of(uint32_t header_bytes, uint32_t payload_bytes)
{
        build(header, &(struct wanted){"", false, 0x88a2, 0x10, 0, OUR_TAG, sizeof(header)},
              broadcast, 0);
        for (size_t i = 0; i < sizeof(payload); i++)
                payload[i] = (uint8_t)(i * 7);
        return (struct tx){.header = header,
                           .header_bytes = header_bytes,
                           .payload = payload_bytes > 0 ? payload : NULL,
                           .payload_bytes = payload_bytes};
}

static int link_send(const struct tx *tx, size_t n)
{
        return end.link->ops->send(end.link, tx, n);
}

static void assert_on_wire(uint32_t header_bytes, uint32_t payload_bytes)
{
        uint8_t got[ROOM];

        cr_assert(net_await(end.wire));
        cr_assert_eq(recv(end.wire, got, sizeof(got), 0), (ssize_t)(header_bytes + payload_bytes));
        cr_assert_arr_eq(got, header, header_bytes);
        if (payload_bytes > 0)
                cr_assert_arr_eq(got + header_bytes, payload, payload_bytes);
}

Test(link_packet, sends_header_and_payload)
{
        struct tx tx[3];

        begin();
        tx[0] = tx_of(36, 1024);
        tx[1] = tx_of(60, 0);
        tx[2] = tx_of(64, 1);
        cr_assert_eq(link_send(tx, 3), 3);
        assert_on_wire(36, 1024);
        assert_on_wire(60, 0);
        assert_on_wire(64, 1);
        cr_assert_eq(link_send(tx, 0), 0);
        cr_assert_eq(end.link->counters.sent, 3);
        finish();
}

Test(link_packet, sends_more_than_a_batch_in_order)
{
        struct tx tx[3 * LINK_BATCH_MAX + 5];
        const size_t n = sizeof(tx) / sizeof(tx[0]);

        begin();
        for (size_t i = 0; i < n; i++)
                tx[i] = tx_of(36, (uint32_t)(24 + i));
        cr_assert_eq(link_send(tx, n), (int)n);
        for (size_t i = 0; i < n; i++)
                assert_on_wire(36, (uint32_t)(24 + i));
        cr_assert_eq(end.link->counters.sent, n);
        finish();
}

Test(link_packet, a_frame_beyond_the_mtu_counts_as_sent)
{
        struct tx tx[5];

        begin();
        tx[0] = tx_of(36, 1600);
        tx[1] = tx_of(36, 100);
        tx[2] = tx_of(36, 8704);
        tx[3] = tx_of(36, 200);
        tx[4] = tx_of(36, 1600);
        cr_assert_eq(link_send(tx, 5), 5);
        assert_on_wire(36, 100);
        assert_on_wire(36, 200);
        cr_assert_eq(end.link->counters.sent, 2);
        cr_assert_eq(end.link->counters.refused, 3);
        finish();
}

/* A token bucket that is empty: its queue fills, and what does not leave is told, in order. */
Test(link_packet, a_full_queue_is_back_pressure)
{
        struct tx tx[64];
        int n;

        begin();
        if (!net_can("tc qdisc add dev va root tbf rate 100bit burst 2000 limit 4000")) {
                fprintf(stderr, "skipped: this kernel has no tbf\n");
                cr_skip_test("this kernel has no tbf");
        }
        for (size_t i = 0; i < 64; i++)
                tx[i] = tx_of(36, (uint32_t)(964 + i));
        n = link_send(tx, 64);
        cr_assert(n > 0 && n < 64, "%d", n);
        cr_assert_eq(end.link->counters.sent, (uint64_t)n);
        cr_assert_eq(end.link->counters.back_pressure, 1);
        cr_assert_eq(link_send(tx + n, 64 - (size_t)n), 0, "none left, and that is no error");
        cr_assert_eq(end.link->counters.back_pressure, 2);
        net_run("tc qdisc del dev va root"); /* throws the queue away: an empty link again */
        cr_assert_eq(link_send(tx + n, 1), 1);
        finish();
}

/* Our own send buffer is full: EAGAIN instead of ENOBUFS, the same to the caller. */
Test(link_packet, a_full_send_buffer_is_back_pressure)
{
        struct tx tx[64];
        int small = 1;
        int n;

        begin();
        if (!net_can("tc qdisc add dev va root tbf rate 100bit burst 2000 limit 1000000")) {
                fprintf(stderr, "skipped: this kernel has no tbf\n");
                cr_skip_test("this kernel has no tbf");
        }
        cr_assert_eq(setsockopt(end.link->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
        for (size_t i = 0; i < 64; i++)
                tx[i] = tx_of(36, 964);
        n = link_send(tx, 64);
        cr_assert(n > 0 && n < 64, "%d", n);
        cr_assert_eq(end.link->counters.back_pressure, 1);
        finish();
}

/* ---- the interface goes ---- */

Test(link_packet, tells_once_that_the_interface_went_down)
{
        struct tx tx;

        begin();
        tx = tx_of(60, 0);
        wire_answer(1, 60);
        await_queued(1);
        net_run("ip link set va down");
        cr_assert_eq(receive(4), -ENETDOWN);
        cr_assert_eq(receive(4), 1, "what came before is not lost");
        cr_assert_eq(receive(4), 0);
        cr_assert_eq(link_send(&tx, 1), -ENETDOWN);
        cr_assert_eq(link_send(&tx, 1), -ENETDOWN);

        net_run("ip link set va up");
        net_await_pair();
        frames_reset(ROOM);
        wire_answer(2, 60);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(end.list[0]->data[59], 2);
        cr_assert_eq(link_send(&tx, 1), 1);
        finish();
}

/* Down and up before anybody looked: the socket's error is of the past, sending works. */
Test(link_packet, a_flap_does_not_stop_sending)
{
        struct tx tx;

        begin();
        tx = tx_of(60, 0);
        net_run("ip link set va down; ip link set va up");
        net_await_pair();
        cr_assert_eq(link_send(&tx, 1), 1);
        assert_on_wire(60, 0);
        finish();
}

Test(link_packet, some_left_before_the_error)
{
        struct tx tx[2];

        begin();
        tx[0] = tx_of(60, 0);
        tx[1] = tx_of(5, 0); /* shorter than an Ethernet header: EINVAL */
        cr_assert_eq(link_send(tx, 2), 1);
        cr_assert_eq(link_send(tx + 1, 1), -EINVAL);
        cr_assert_eq(end.link->counters.sent, 1);
        finish();
}

Test(link_packet, opens_on_an_interface_that_is_down)
{
        struct tx tx = tx_of(60, 0);

        begin();
        finish();
        net_run("ip link set va down");
        open_link();
        end.wire = raw_socket("vb");
        cr_assert_eq(link_send(&tx, 1), -ENETDOWN);
        net_run("ip link set va up");
        net_await_pair();
        while (receive(1) == -ENETDOWN)
                ;
        wire_answer(3, 60);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(link_send(&tx, 1), 1);
        finish();
}

Test(link_packet, a_deleted_interface_is_no_device)
{
        struct tx tx;

        begin();
        tx = tx_of(60, 0);
        net_run("ip link del va");
        cr_assert_eq(receive(4), -ENETDOWN);
        cr_assert_eq(receive(4), 0);
        cr_assert_eq(link_send(&tx, 1), -ENXIO);
        finish();
}

/* ---- the worker's half ---- */

/* Without any privilege the socket works on, and cannot be loosened. */
Test(link_packet, works_without_privilege)
{
        struct tx tx;
        int zero = 0;

        begin();
        tx = tx_of(60, 0);
        cr_assert_eq(privilege_drop(), 0);
        wire_answer(1, 60);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(link_send(&tx, 1), 1);
        link_packet_statistics(end.link);
        cr_assert_lt(setsockopt(end.link->fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero)),
                     0);
        finish();
}
