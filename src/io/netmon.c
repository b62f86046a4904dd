/* SPDX-License-Identifier: MIT */
/*
 * Two netlink sockets: `events` is subscribed to RTNLGRP_LINK and never blocks, `dumps` asks for
 * the whole list, at the start and after the kernel had to drop messages. Both feed one table.
 *
 * The table is the queue: an entry whose state the listener does not know yet is in `pending`, with
 * what must be told, so that no storm of changes makes it grow. What is told of an entry, in order:
 *
 *   gone     the interface that was here was deleted (with the name it had)
 *   fell     it stopped running, and (if it runs by now) came back
 *   present  its state as it is now
 *
 * After an overrun every entry that the new dump does not show is gone. A message may be older than
 * the dump before it; then a newer one follows, since each change sends one: the last word is
 * right.
 *
 * Invariants: an entry is in all; in pending exactly when gone, fell or present is set; told is set
 * when the listener has heard of it. One that is neither alive nor pending does not exist.
 */
#include "io/netmon.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/rtnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"

#define EVENTS_BUFFER_BYTES (1 << 20)
#define READS_MAX           1024 /* messages a netmon_read() */
#define DUMPS_MAX           8    /* tries to get a list that no change cut in two */

struct entry {
        struct list all;
        struct list pending;
        struct netmon_link link;     /* as the kernel says */
        char name_gone[IF_NAMESIZE]; /* valid while gone */
        bool alive, told, seen;      /* seen: by the dump that runs */
        bool gone, fell, present;
};

struct netmon {
        struct nl_sock *events; /* owned */
        struct nl_sock *dumps;  /* owned */
        struct list all;        /* entries, owned */
        struct list pending;
        size_t count;
        bool overrun; /* to be told */
        bool stale;   /* messages were lost since the last dump that ended well */
        int trouble;  /* of the call that runs: 0 or the -errno it will return */
};

/* Ethernet frames inside something else, or nothing that AoE could pass: no good as a default. */
static const char *const kinds_refused[] = {
        "bareudp",   "erspan", "geneve", "gretap", "ifb",   "ip6erspan",
        "ip6gretap", "ipvlan", "ipvtap", "nlmon",  "vxlan",
};

static bool kind_is_refused(const char *kind)
{
        for (size_t i = 0; kind && i < sizeof(kinds_refused) / sizeof(kinds_refused[0]); i++) {
                if (strcmp(kind, kinds_refused[i]) == 0)
                        return true;
        }
        return false;
}

/* Port of a bridge, slave of a bond or team: the frames belong to the master. A VRF only routes. */
static bool is_enslaved(struct rtnl_link *l)
{
        const char *kind = rtnl_link_get_slave_type(l);

        if (rtnl_link_get_flags(l) & IFF_SLAVE)
                return true;
        return rtnl_link_get_master(l) != 0 && !(kind && strcmp(kind, "vrf") == 0);
}

static bool is_running(struct rtnl_link *l)
{
        unsigned flags = rtnl_link_get_flags(l);
        uint8_t state = rtnl_link_get_operstate(l);

        return (flags & IFF_UP) && (flags & IFF_LOWER_UP) &&
               (state == IF_OPER_UP || state == IF_OPER_UNKNOWN);
}

static struct netmon_link describe(struct rtnl_link *l)
{
        struct netmon_link ret = {
                .ifindex = rtnl_link_get_ifindex(l),
                .mtu = rtnl_link_get_mtu(l),
                .running = is_running(l),
        };
        unsigned type = rtnl_link_get_arptype(l);
        struct nl_addr *addr = rtnl_link_get_addr(l);
        const char *name = rtnl_link_get_name(l);

        if (name)
                memcpy(ret.name, name, strnlen(name, sizeof(ret.name) - 1));
        if (!addr || nl_addr_get_len(addr) != sizeof(ret.mac))
                return ret;
        memcpy(ret.mac, nl_addr_get_binary_addr(addr), sizeof(ret.mac));
        ret.ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
        ret.fallback = type == ARPHRD_ETHER && !(rtnl_link_get_flags(l) & IFF_LOOPBACK) &&
                       !is_enslaved(l) && !kind_is_refused(rtnl_link_get_type(l));
        return ret;
}

static bool is_same(const struct netmon_link *a, const struct netmon_link *b)
{
        return strcmp(a->name, b->name) == 0 && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
               a->mtu == b->mtu && a->running == b->running && a->ethernet == b->ethernet &&
               a->fallback == b->fallback;
}

static struct entry *entry_find(struct netmon *n, int ifindex)
{
        LIST_FOREACH (pos, &n->all) {
                struct entry *e = LIST_ENTRY(pos, struct entry, all);

                if (e->link.ifindex == ifindex)
                        return e;
        }
        return NULL;
}

/* NULL, and trouble says why. */
static struct entry *entry_new(struct netmon *n)
{
        struct entry *e;

        if (n->count >= NETMON_LINKS_MAX) {
                n->trouble = -ENOSPC;
                return NULL;
        }
        e = calloc(1, sizeof(*e));
        if (!e) {
                n->trouble = -ENOMEM;
                return NULL;
        }
        list_init(&e->all);
        list_init(&e->pending);
        list_add_tail(&n->all, &e->all);
        n->count++;
        return e;
}

static void entry_free(struct netmon *n, struct entry *e)
{
        list_del(&e->pending);
        list_del(&e->all);
        n->count--;
        free(e);
}

static void entry_queue(struct netmon *n, struct entry *e)
{
        if (!list_is_linked(&e->pending))
                list_add_tail(&n->pending, &e->pending);
}

static void on_present(struct netmon *n, const struct netmon_link *now)
{
        struct entry *e = entry_find(n, now->ifindex);

        if (!e)
                e = entry_new(n);
        if (!e)
                return;
        e->seen = true;
        if (e->alive && is_same(&e->link, now))
                return;
        if (!e->alive)
                e->told = false; /* another interface under the same number */
        else if (e->link.running && !now->running)
                e->fell = true;
        e->alive = true;
        e->link = *now;
        e->present = true;
        entry_queue(n, e);
}

static void on_gone(struct netmon *n, struct entry *e)
{
        if (!e->alive)
                return;
        e->alive = false;
        e->fell = false;
        e->present = false;
        if (e->told) {
                e->gone = true;
                memcpy(e->name_gone, e->link.name, sizeof(e->name_gone));
                entry_queue(n, e);
        } else if (!e->gone) {
                entry_free(n, e); /* came and went between two pops */
        }
}

static void on_link_object(struct nl_object *object, void *arg)
{
        struct netmon_link now = describe((struct rtnl_link *)object);

        on_present(arg, &now);
}

/* The return value is libnl's: trouble is kept in n. */
static int on_message(struct nl_msg *msg, void *arg)
{
        struct netmon *n = arg;
        struct nlmsghdr *h = nlmsg_hdr(msg);
        const struct ifinfomsg *info = nlmsg_data(h);
        struct entry *e;
        int r;

        if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
                return NL_SKIP;
        if (!nlmsg_valid_hdr(h, sizeof(*info))) {
                n->trouble = -EPROTO;
                return NL_SKIP;
        }
        /* A bridge speaks of its ports in messages of its own: a "DELLINK" of that family is a
         * port that left the bridge, not an interface that left the system. */
        if (info->ifi_family != AF_UNSPEC)
                return NL_SKIP;
        if (h->nlmsg_type == RTM_DELLINK) {
                e = entry_find(n, info->ifi_index);
                if (e)
                        on_gone(n, e);
                return NL_OK;
        }
        r = nl_msg_parse(msg, on_link_object, n);
        if (r < 0)
                n->trouble = r == -NLE_NOMEM ? -ENOMEM : -EPROTO;
        return NL_OK;
}

static int errno_of(int nle)
{
        switch (nle < 0 ? -nle : nle) {
        case NLE_NOMEM: return -ENOMEM;
        case NLE_PERM:
        case NLE_NOACCESS: return -EPERM;
        case NLE_AF_NOSUPPORT:
        case NLE_PROTO_MISMATCH: return -EAFNOSUPPORT;
        case NLE_EXIST: return -EADDRINUSE;
        default: return -EIO;
        }
}

/* All interfaces, into the table. libnl's codes. */
static int dump(struct netmon *n)
{
        int r;

        LIST_FOREACH (pos, &n->all)
                LIST_ENTRY(pos, struct entry, all)->seen = false;
        r = nl_rtgen_request(n->dumps, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP);
        return r < 0 ? r : nl_recvmsgs_default(n->dumps);
}

/* A list that stays cut in two by changes says nothing about what is gone: the next read tries
 * again, and those changes bring one. */
static int resync(struct netmon *n)
{
        int r = -NLE_DUMP_INTR;

        for (unsigned i = 0; i < DUMPS_MAX && r == -NLE_DUMP_INTR; i++)
                r = dump(n);
        n->stale = r < 0;
        if (r == -NLE_DUMP_INTR)
                return 0;
        if (r < 0)
                return errno_of(r);
        LIST_FOREACH_SAFE (pos, &n->all) {
                struct entry *e = LIST_ENTRY(pos, struct entry, all);

                if (!e->seen)
                        on_gone(n, e);
        }
        return 0;
}

/* 0 or -errno; the socket is in *ret from the start, half-built or not. */
static int open_socket(struct netmon *n, struct nl_sock **ret)
{
        int r;

        *ret = nl_socket_alloc();
        if (!*ret)
                return -ENOMEM;
        r = nl_socket_modify_cb(*ret, NL_CB_VALID, NL_CB_CUSTOM, on_message, n);
        if (r == 0)
                r = nl_connect(*ret, NETLINK_ROUTE);
        return r < 0 ? errno_of(r) : 0;
}

/* Subscribing comes before the first dump: nothing can happen unseen in between. */
static int subscribe(struct netmon *n)
{
        int r;

        nl_socket_disable_seq_check(n->events);
        r = nl_socket_set_nonblocking(n->events);
        if (r == 0)
                r = nl_socket_set_buffer_size(n->events, EVENTS_BUFFER_BYTES, 0);
        if (r == 0)
                r = nl_socket_add_membership(n->events, RTNLGRP_LINK);
        return r < 0 ? errno_of(r) : 0;
}

int netmon_new(struct netmon **ret)
{
        struct netmon *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        list_init(&n->all);
        list_init(&n->pending);
        r = open_socket(n, &n->events);
        if (r == 0)
                r = open_socket(n, &n->dumps);
        if (r == 0)
                r = subscribe(n);
        if (r == 0)
                r = resync(n);
        if (r == 0 && n->trouble == -ENOMEM)
                r = n->trouble;
        if (r < 0) {
                netmon_free(n);
                return r;
        }
        *ret = n;
        return 0;
}

void netmon_free(struct netmon *n)
{
        if (!n)
                return;
        LIST_FOREACH_SAFE (pos, &n->all)
                entry_free(n, LIST_ENTRY(pos, struct entry, all));
        CHECK(n->count == 0 && list_is_empty(&n->pending));
        nl_socket_free(n->events);
        nl_socket_free(n->dumps);
        free(n);
}

int netmon_fd(const struct netmon *n)
{
        return nl_socket_get_fd(n->events);
}

/* After an overrun the kernel drops on until the socket is empty, and what is still in it is older
 * than what was dropped: empty it first, then ask for the list. */
int netmon_read(struct netmon *n)
{
        n->trouble = 0;
        for (unsigned i = 0; i < READS_MAX; i++) {
                int r = nl_recvmsgs_default(n->events);

                if (r == -NLE_AGAIN) {
                        r = n->stale ? resync(n) : 0;
                        return r < 0 ? r : n->trouble;
                }
                if (r == -NLE_NOMEM) { /* libnl's word for ENOBUFS */
                        n->overrun = true;
                        n->stale = true;
                } else if (r < 0) {
                        return errno_of(r);
                }
        }
        return n->trouble; /* the rest at the next call: the socket is still readable */
}

static void pop_entry(struct netmon *n, struct entry *e, struct netmon_event *ret)
{
        CHECK(e->gone || e->present);
        if (e->gone) {
                *ret = (struct netmon_event){.kind = NETMON_GONE, .link.ifindex = e->link.ifindex};
                memcpy(ret->link.name, e->name_gone, sizeof(ret->link.name));
                e->gone = false;
                if (!e->alive)
                        entry_free(n, e);
                return; /* alive again: present follows */
        }
        *ret = (struct netmon_event){.kind = NETMON_PRESENT, .link = e->link};
        e->told = true;
        if (e->fell && e->link.running) {
                ret->link.running = false;
                e->fell = false;
                return;
        }
        e->fell = false;
        e->present = false;
        list_del(&e->pending);
}

bool netmon_pop(struct netmon *n, struct netmon_event *ret)
{
        struct list *first = list_first(&n->pending);

        if (n->overrun) {
                *ret = (struct netmon_event){.kind = NETMON_OVERRUN};
                n->overrun = false;
                return true;
        }
        if (!first)
                return false;
        pop_entry(n, LIST_ENTRY(first, struct entry, pending), ret);
        return true;
}

int netmon_input(struct netmon *n, const struct nlmsghdr *h)
{
        struct nl_msg *msg = nlmsg_convert((struct nlmsghdr *)(uintptr_t)h);

        if (!msg)
                return -ENOMEM;
        nlmsg_set_proto(msg, NETLINK_ROUTE);
        n->trouble = 0;
        on_message(msg, n);
        nlmsg_free(msg);
        return n->trouble;
}
