/* SPDX-License-Identifier: MIT */
/*
 * A link over a veth pair, for the tests of link_packet: `va` is ours, a plain packet socket on
 * `vb` plays the network.
 */
#pragma once

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "io/link.h"
#include "io_net.h"
#include "wire/aoe.h"

#define COOKIE  0x2a
#define OUR_TAG (ENGINE_TAG_COOKIE(COOKIE) | 0x123456)
#define ROOM    9216
#define FRAMES  (2 * LINK_BATCH_MAX)

/* ---- frames ---- */

struct wanted {
        const char *what;
        bool passes;
        uint16_t ethertype;
        uint8_t flags;
        uint8_t command;
        uint32_t tag;
        size_t bytes;
};

#define R 0x18 /* version 1, response */

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t somebody[6] = {2, 0, 0, 0, 0, 0x55};

static inline void build(uint8_t *p, const struct wanted *w, const uint8_t dst[6], uint8_t number)
{
        memset(p, number, w->bytes);
        memcpy(p, dst, 6);
        memcpy(p + 6, somebody, 6);
        be16_store(p + 12, w->ethertype);
        p[14] = w->flags;
        p[19] = w->command;
        be32_store(p + 20, w->tag);
}

/* ---- the two ends ---- */

struct end {
        struct link *link;
        int ifindex;
        int wire; /* packet socket on vb, all AoE frames */
        uint8_t mac[6];
        struct frame frames[FRAMES];
        struct frame *list[FRAMES];
        uint8_t room[FRAMES][ROOM];
};

static struct end end;

static inline void mac_of(const char *name, uint8_t ret[6])
{
        struct ifreq ifr = {0};
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        strcpy(ifr.ifr_name, name);
        cr_assert_eq(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
        memcpy(ret, ifr.ifr_hwaddr.sa_data, 6);
        close(fd);
}

static inline int raw_socket(const char *name)
{
        struct sockaddr_ll sll = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(AOE_ETHERTYPE),
                                  .sll_ifindex = net_index(name)};
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        cr_assert_eq(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
        return fd;
}

static inline void frames_reset(uint32_t room_bytes)
{
        for (size_t i = 0; i < FRAMES; i++) {
                end.frames[i] = (struct frame){.data = end.room[i], .room_bytes = room_bytes};
                end.list[i] = &end.frames[i];
        }
}

static inline void open_link(void)
{
        int fd = -1;

        end.ifindex = net_index("va");
        cr_assert_eq(link_packet_open(end.ifindex, COOKIE, &fd), 0);
        end.link = link_packet_new(fd);
        cr_assert_not_null(end.link);
        frames_reset(ROOM);
}

static inline void begin(void)
{
        net_enter();
        net_run("ip link add va type veth peer name vb");
        net_run("ip link set va up; ip link set vb up");
        net_await_pair();
        mac_of("va", end.mac);
        open_link();
        end.wire = raw_socket("vb");
}

static inline void finish(void)
{
        end.link->ops->free(end.link);
        close(end.wire);
}

static inline void wire_send(const void *data, size_t bytes)
{
        cr_assert_eq(send(end.wire, data, bytes, 0), (ssize_t)bytes, "%m");
}

static inline void wire_answer(uint8_t number, size_t bytes)
{
        uint8_t p[ROOM];
        struct wanted w = {"", true, 0x88a2, R, 0, OUR_TAG, bytes};

        build(p, &w, end.mac, number);
        wire_send(p, bytes);
}

static inline int receive(size_t max)
{
        return end.link->ops->receive(end.link, end.list, max);
}

/* Frames until count of them are in, or nothing comes any more. Their order is in list[]. */
static inline size_t receive_all(size_t count)
{
        size_t have = 0;

        while (have < count && net_await(end.link->fd)) {
                int n = end.link->ops->receive(end.link, end.list + have, count - have);

                cr_assert_geq(n, 0, "%d", n);
                have += (size_t)n;
        }
        return have;
}

/* Waits until the kernel has put that many frames before our socket: no sleep can know that. */
static inline void await_queued(unsigned count)
{
        unsigned have = 0;

        for (;;) {
                struct tpacket_stats stats;
                socklen_t len = sizeof(stats);

                cr_assert_eq(getsockopt(end.link->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len),
                             0);
                have += stats.tp_packets;
                if (have >= count)
                        return;
                sched_yield();
        }
}
