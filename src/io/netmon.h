/* SPDX-License-Identifier: MIT */
/*
 * Interfaces, by libnl-3 route: which there are, and what happens to them. Used by the control
 * thread: poll netmon_fd(), call netmon_read(), drain netmon_pop().
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define NETMON_LINKS_MAX 4096

struct netmon;
struct nlmsghdr;

struct netmon_link {
        int ifindex;
        char name[IF_NAMESIZE];
        uint8_t mac[6];
        uint32_t mtu;
        bool running;  /* IFF_UP and a carrier (IFF_LOWER_UP; operstate UP or UNKNOWN) */
        bool ethernet; /* speaks Ethernet frames: ARPHRD_ETHER, or lo, with a 6-byte address */
        bool fallback; /* suits the default choice: ethernet, and not loopback, bridge port, bond
                          slave or tunnel (gretap, vxlan, geneve, ...) */
};

enum netmon_kind {
        NETMON_PRESENT, /* appeared or changed (up, down, MTU, MAC, rename, enslaved). Changes that
                           nobody has popped yet are told as one, but a fall is never swallowed:
                           an interface that went down and up again is told as both */
        NETMON_GONE,    /* deleted: only ifindex and the last name are valid */
        NETMON_OVERRUN, /* the kernel dropped messages: all interfaces have been read again, and
                           the PRESENT and GONE events that follow bring the listener up to date */
};

struct netmon_event {
        enum netmon_kind kind;
        struct netmon_link link;
};

/* Subscribes and dumps: PRESENT events for all interfaces wait to be popped. 0 or -errno. */
int netmon_new(struct netmon **ret);
void netmon_free(struct netmon *n);
int netmon_fd(const struct netmon *n);
/* Reads what the kernel sent, never blocks. 0 or -errno. -ENOSPC: there are more interfaces than
 * NETMON_LINKS_MAX, the newest are not seen; all else goes on. */
int netmon_read(struct netmon *n);
bool netmon_pop(struct netmon *n, struct netmon_event *ret);
/* One message as netmon_read() takes it from the kernel (RTM_NEWLINK, RTM_DELLINK; others are
 * ignored); for tests. 0 or -errno. */
int netmon_input(struct netmon *n, const struct nlmsghdr *h);
