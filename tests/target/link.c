/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define RECEIVE_BYTES (4 << 20)

/* The interface's number; its MTU in t, and its MAC unless there is one already. */
static int link_interface(struct target *t)
{
        struct ifreq request = {0};
        int index;

        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", t->interface);
        if (ioctl(t->fd, SIOCGIFINDEX, &request))
                die(t->interface);
        index = request.ifr_ifindex;
        if (ioctl(t->fd, SIOCGIFHWADDR, &request))
                die(t->interface);
        if (!t->has_mac)
                memcpy(t->mac, request.ifr_hwaddr.sa_data, 6);
        if (ioctl(t->fd, SIOCGIFMTU, &request))
                die(t->interface);
        t->mtu = (uint32_t)request.ifr_mtu;
        return index;
}

void link_open(struct target *t)
{
        struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE)};
        struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC}; /* for a MAC of its own */
        int bytes = RECEIVE_BYTES, one = 1;

        t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (t->fd < 0)
                die("packet socket");
        where.sll_ifindex = all.mr_ifindex = link_interface(t);
        if (setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
                setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        setsockopt(t->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
        if (setsockopt(t->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all))
                die("promiscuous mode");
        if (bind(t->fd, (struct sockaddr *)&where, sizeof where))
                die("bind");
}

void link_send(struct target *t, const struct packet *p)
{
        /* A full queue or a link that is down just now loses the frame, as real ones do. */
        if (send(t->fd, p->data, p->bytes, 0) < 0 && errno != ENOBUFS && errno != ENETDOWN &&
            errno != EMSGSIZE)
                die("send");
}

bool link_receive(struct target *t, struct packet *p)
{
        ssize_t n = recv(t->fd, p->data, FRAME_BYTES_MAX, MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN && errno != ENETDOWN)
                die("recv");
        p->bytes = n < 0 ? 0 : (size_t)n;
        return n >= 0;
}
