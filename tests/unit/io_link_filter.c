/* SPDX-License-Identifier: MIT */
/*
 * link_packet's filter, twice: as a program, on a socket pair that any user may make, and for real,
 * locked, on the wire.
 */
#include <errno.h>
#include <linux/filter.h>

#include "io_wire.h"

static const struct wanted frames_wanted[] = {
        {"our answer", true, 0x88a2, R, 0, OUR_TAG, 60},
        {"our answer, a large one", true, 0x88a2, R, 0, OUR_TAG, 1500},
        {"our answer with an error", true, 0x88a2, R | 0x04, 0, OUR_TAG, 60},
        {"our answer to another command", true, 0x88a2, R, 3, OUR_TAG, 60},
        {"our answer, all other bits of the tag", true, 0x88a2, R, 0, OUR_TAG | 0xffffff, 60},
        {"our tag, no other bits", true, 0x88a2, R, 0, ENGINE_TAG_COOKIE(COOKIE), 60},
        {"a beacon of version 0", true, 0x88a2, 0x08, 1, 0, 60},
        {"a beacon as short as can be", true, 0x88a2, R, 1, 0, AOE_HEADER_BYTES},
        {"a request", false, 0x88a2, 0x10, 0, OUR_TAG, 60},
        {"a broadcast query", false, 0x88a2, 0x10, 1, 0, 60},
        {"another cookie", false, 0x88a2, R, 0, ENGINE_TAG_COOKIE(COOKIE + 1), 60},
        {"a kernel's tag, our cookie's bits", false, 0x88a2, R, 0, OUR_TAG & 0x7fffffff, 60},
        {"tag 0 and ATA", false, 0x88a2, R, 0, 0, 60},
        {"tag 0 and a mask list", false, 0x88a2, R, 2, 0, 60},
        {"tag 0 and the command of a vendor", false, 0x88a2, R, 0xf1, 0, 60},
        {"IPv4", false, 0x0800, R, 0, OUR_TAG, 60},
        {"AoE in a VLAN", false, 0x8100, R, 0, OUR_TAG, 60},
        {"swapped bytes", false, 0xa288, R, 0, OUR_TAG, 60},
};

#define WANTED_COUNT (sizeof(frames_wanted) / sizeof(frames_wanted[0]))

Test(link_filter, as_a_program)
{
        struct sock_filter code[LINK_FILTER_MAX];
        struct sock_fprog prog = {.filter = code};
        int s[2];

        prog.len = (unsigned short)link_packet_filter(COOKIE, code, LINK_FILTER_MAX);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
        cr_assert_eq(setsockopt(s[0], SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
        for (size_t i = 0; i < WANTED_COUNT; i++) {
                const struct wanted *w = &frames_wanted[i];
                uint8_t p[ROOM], got[ROOM];
                ssize_t n;

                build(p, w, broadcast, (uint8_t)i);
                (void)!write(s[1], p, w->bytes);
                n = recv(s[0], got, sizeof(got), MSG_DONTWAIT);
                cr_assert_eq(n, w->passes ? (ssize_t)w->bytes : -1, "%s", w->what);
        }
}

/* A load past the end drops: no length up to the tag's last byte lets anything through. */
Test(link_filter, drops_stumps)
{
        struct sock_filter code[LINK_FILTER_MAX];
        struct sock_fprog prog = {.filter = code};
        uint8_t p[AOE_HEADER_BYTES];
        int s[2];

        prog.len = (unsigned short)link_packet_filter(COOKIE, code, LINK_FILTER_MAX);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
        cr_assert_eq(setsockopt(s[0], SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
        build(p, &(struct wanted){"", true, 0x88a2, R, 1, 0, sizeof(p)}, broadcast, 0);
        for (size_t bytes = 0; bytes < sizeof(p); bytes++) {
                (void)!write(s[1], p, bytes);
                cr_assert_lt(recv(s[0], p, sizeof(p), MSG_DONTWAIT), 0);
        }
        cr_assert_eq(write(s[1], p, sizeof(p)), (ssize_t)sizeof(p));
        cr_assert_eq(recv(s[0], p, sizeof(p), MSG_DONTWAIT), (ssize_t)sizeof(p));
}

Test(link_filter, has_no_room, .signal = SIGILL)
{
        struct sock_filter code[LINK_FILTER_MAX];

        link_packet_filter(COOKIE, code, 3);
}

Test(link_filter, on_the_wire)
{
        size_t passing = 0;

        begin();
        for (size_t i = 0; i < WANTED_COUNT; i++) {
                uint8_t p[ROOM];

                build(p, &frames_wanted[i], i % 2 ? broadcast : end.mac, (uint8_t)i);
                wire_send(p, frames_wanted[i].bytes);
                passing += frames_wanted[i].passes;
        }
        wire_answer(0xee, 100); /* after it, nothing else is on its way */
        cr_assert_eq(receive_all(passing + 1), passing + 1);
        for (size_t i = 0, at = 0; i < WANTED_COUNT; i++) {
                const struct wanted *w = &frames_wanted[i];
                uint8_t p[ROOM];

                if (!w->passes)
                        continue;
                build(p, w, i % 2 ? broadcast : end.mac, (uint8_t)i);
                cr_assert_eq(end.list[at]->bytes, w->bytes, "%s", w->what);
                cr_assert_arr_eq(end.list[at]->data, p, w->bytes, "%s", w->what);
                at++;
        }
        cr_assert_eq(end.list[passing]->data[99], 0xee);
        cr_assert_eq(end.link->counters.received, passing + 1);
        cr_assert_eq(receive(1), 0);
        finish();
}

/* The neighbour's answer, with the cookie that we have too: a veth shows it, and so does any
 * interface in promiscuous mode. */
Test(link_filter, drops_what_goes_to_another_host)
{
        const struct wanted w = {"", true, 0x88a2, R, 0, OUR_TAG, 60};
        const uint8_t neighbour[6] = {2, 0, 0, 0, 0, 0x77};
        uint8_t p[60];

        begin();
        net_run("ip link set va promisc on");
        build(p, &w, neighbour, 1);
        wire_send(p, sizeof(p));
        wire_answer(2, 60);
        cr_assert_eq(receive_all(1), 1);
        cr_assert_eq(end.list[0]->data[59], 2);
        cr_assert_eq(receive(1), 0);
        finish();
}

Test(link_filter, is_locked)
{
        struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        struct sock_fprog prog = {.len = 1, .filter = &all};
        int zero = 0;

        begin();
        cr_assert_lt(setsockopt(end.link->fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero)),
                     0);
        cr_assert_eq(errno, EPERM);
        cr_assert_lt(setsockopt(end.link->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)),
                     0);
        cr_assert_eq(errno, EPERM);
        cr_assert_lt(setsockopt(end.link->fd, SOL_SOCKET, SO_LOCK_FILTER, &zero, sizeof(zero)), 0);
        cr_assert_eq(errno, EPERM);
        finish();
}
