/* SPDX-License-Identifier: MIT */
/*
 * netmon, in a network namespace where ip(8) is the world; and, for kinds of interface that this
 * kernel may lack, messages as the kernel would send them.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/netmon.h"
#include "io_net.h"

#define KNOWN_MAX 1024

/* What a listener knows: the last word about each interface. */
static struct netmon_link known[KNOWN_MAX];
static size_t known_count;
static unsigned overruns, gone_count, falls;

static struct netmon_link *find(const char *name)
{
        for (size_t i = 0; i < known_count; i++) {
                if (strcmp(known[i].name, name) == 0)
                        return &known[i];
        }
        return NULL;
}

static struct netmon_link *find_index(int ifindex)
{
        for (size_t i = 0; i < known_count; i++) {
                if (known[i].ifindex == ifindex)
                        return &known[i];
        }
        return NULL;
}

static void on_present(const struct netmon_link *l)
{
        struct netmon_link *k = find_index(l->ifindex);

        if (k) {
                falls += k->running && !l->running;
                *k = *l;
                return;
        }
        cr_assert_lt(known_count, (size_t)KNOWN_MAX);
        known[known_count++] = *l;
}

static void on_event(const struct netmon_event *ev)
{
        struct netmon_link *k = find_index(ev->link.ifindex);

        switch (ev->kind) {
        case NETMON_PRESENT: on_present(&ev->link); break;
        case NETMON_GONE:
                cr_assert_not_null(k, "GONE for what was never PRESENT: %d", ev->link.ifindex);
                cr_assert_str_eq(ev->link.name, k->name);
                *k = known[--known_count];
                gone_count++;
                break;
        case NETMON_OVERRUN: overruns++; break;
        }
}

static void pop_all(struct netmon *n)
{
        struct netmon_event ev;

        while (netmon_pop(n, &ev))
                on_event(&ev);
}

static struct netmon *begin(void)
{
        struct netmon *n = NULL;

        net_enter();
        cr_assert_eq(netmon_new(&n), 0);
        pop_all(n);
        return n;
}

/* Reads and pops until cond holds; what the kernel says about it comes with a descriptor event. */
#define AWAIT(n, cond)                                                                             \
        do {                                                                                       \
                while (!(cond)) {                                                                  \
                        cr_assert(net_await(netmon_fd(n)), "never: %s", #cond);                    \
                        cr_assert_eq(netmon_read(n), 0);                                           \
                        pop_all(n);                                                                \
                }                                                                                  \
        } while (0)

Test(netmon, knows_what_is_there)
{
        struct netmon *n = NULL;
        struct netmon_event ev;
        struct netmon_link *l;

        net_enter();
        net_run("ip link add va address 02:00:00:00:00:aa mtu 4000 type veth peer name vb");
        net_run("ip link set va up; ip link set vb up");
        cr_assert_eq(netmon_new(&n), 0);
        pop_all(n);
        cr_assert_eq(known_count, 3);
        l = find("lo");
        cr_assert(l && l->ifindex == 1 && l->ethernet && !l->fallback && !l->running);
        AWAIT(n, find("va") && find("va")->running); /* the carrier may come a little later */
        l = find("va");
        cr_assert(l->ifindex == net_index("va") && l->mtu == 4000);
        cr_assert_arr_eq(l->mac, ((const uint8_t[]){2, 0, 0, 0, 0, 0xaa}), 6);
        cr_assert(l->ethernet && l->fallback);
        cr_assert(find("vb") && find("vb")->mtu == 1500);
        cr_assert(!netmon_pop(n, &ev));
        netmon_free(n);
        netmon_free(NULL);
}

Test(netmon, follows_an_interface)
{
        struct netmon *n = begin();
        struct netmon_link *l;
        int ifindex;

        net_run("ip link add va type veth peer name vb");
        AWAIT(n, find("va") && find("vb"));
        l = find("va");
        ifindex = l->ifindex;
        cr_assert(l->fallback && !l->running);
        net_run("ip link set va up; ip link set vb up");
        AWAIT(n, find("va")->running && find("vb")->running);

        net_run("ip link set va mtu 9000");
        AWAIT(n, find("va")->mtu == 9000);
        net_run("ip link set va address 02:00:00:00:00:01");
        AWAIT(n, find("va")->mac[5] == 1);
        net_run("ip link set vb down"); /* va loses its carrier */
        AWAIT(n, !find("va")->running);
        net_run("ip link set vb up");
        AWAIT(n, find("va")->running);
        net_run("ip link set va down");
        AWAIT(n, !find("va")->running);
        net_run("ip link set va name eth9");
        AWAIT(n, find("eth9"));
        cr_assert_eq(find("eth9")->ifindex, ifindex);
        cr_assert_null(find("va"));
        net_run("ip link del eth9");
        AWAIT(n, !find("eth9") && !find("vb"));
        cr_assert_eq(gone_count, 2);
        cr_assert_eq(known_count, 1);
        cr_assert_eq(overruns, 0);
        netmon_free(n);
}

Test(netmon, says_nothing_when_nothing_of_use_changed)
{
        struct netmon *n = begin();
        struct netmon_event ev;

        net_run("ip link add va type veth peer name vb");
        AWAIT(n, find("va") && find("vb"));
        net_run("ip link set va promisc on; ip link set va txqueuelen 77");
        cr_assert(net_await(netmon_fd(n)));
        cr_assert_eq(netmon_read(n), 0);
        cr_assert(!netmon_pop(n, &ev));
        cr_assert_eq(netmon_read(n), 0, "nothing to read is no error");
        netmon_free(n);
}

/* The bridge's own words about its ports must not be taken for the interface's end. */
Test(netmon, ports_of_a_bridge_are_no_default)
{
        struct netmon *n = begin();

        net_run("ip link add br0 type bridge; ip link add va type veth peer name vb");
        net_run("ip link set br0 up; ip link set va up; ip link set vb up");
        AWAIT(n, find("br0") && find("va") && find("va")->fallback);
        cr_assert(find("br0")->fallback);
        net_run("ip link set va master br0");
        AWAIT(n, !find("va")->fallback);
        cr_assert(find("va")->ethernet);
        net_run("ip link set va nomaster");
        AWAIT(n, find("va")->fallback);
        net_run("ip link set va master br0");
        AWAIT(n, !find("va")->fallback);
        net_run("ip link del br0");
        AWAIT(n, !find("br0") && find("va")->fallback);
        cr_assert_eq(gone_count, 1);
        netmon_free(n);
}

Test(netmon, kinds_of_this_kernel)
{
        struct netmon *n = begin();

        net_run("ip link add va type veth peer name vb");
        AWAIT(n, find("va"));
        if (net_can("ip link add link va name mv0 type macvlan")) {
                AWAIT(n, find("mv0"));
                cr_assert(find("mv0")->ethernet && find("mv0")->fallback);
        }
        if (net_can("ip link add vx0 type vxlan id 5 dstport 4789")) {
                AWAIT(n, find("vx0"));
                cr_assert(find("vx0")->ethernet && !find("vx0")->fallback);
        }
        if (net_can("ip link add link va name va.5 type vlan id 5")) {
                AWAIT(n, find("va.5"));
                cr_assert(find("va.5")->ethernet && find("va.5")->fallback);
        }
        if (net_can("ip tuntap add tun0 mode tun")) {
                AWAIT(n, find("tun0"));
                cr_assert(!find("tun0")->ethernet && !find("tun0")->fallback);
        }
        netmon_free(n);
}

/* Down and up again before anybody asked: the listener hears of both. */
Test(netmon, a_fall_is_not_swallowed)
{
        struct netmon *n = begin();

        net_run("ip link add va type veth peer name vb");
        net_run("ip link set va up; ip link set vb up");
        AWAIT(n, find("va") && find("va")->running);
        falls = 0;
        net_run("ip link set va down; ip link set va up");
        AWAIT(n, falls > 0 && find("va")->running);
        cr_assert_eq(find_index(net_index("va"))->running, true);
        netmon_free(n);
}

/* Deleted and made again under the same number: GONE comes before PRESENT. */
Test(netmon, a_number_that_comes_back_is_another_interface)
{
        struct netmon *n = begin();

        net_run("ip link add va index 77 type veth peer name vb index 78");
        AWAIT(n, find("va") && find("vb"));
        net_run("ip link del va");
        net_run("ip link add vc index 77 type veth peer name vd index 78");
        AWAIT(n, find("vc") && find("vd"));
        cr_assert_eq(gone_count, 2);
        cr_assert_eq(known_count, 3);
        netmon_free(n);
}

Test(netmon, what_came_and_went_unseen_is_not_told)
{
        struct netmon *n = begin();

        net_run("ip link add va type veth peer name vb; ip link del va");
        net_run("ip link add vc type veth peer name vd");
        AWAIT(n, find("vc") && find("vd"));
        cr_assert_eq(gone_count, 0);
        cr_assert_eq(known_count, 3);
        netmon_free(n);
}

Test(netmon, two_hundred_at_once)
{
        struct netmon *n = begin();
        FILE *batch;

        batch = popen("ip -batch -", "w");
        cr_assert_not_null(batch);
        for (int i = 0; i < 100; i++)
                fprintf(batch, "link add a%d mtu %d type veth peer name b%d\n", i, 1500 + i, i);
        cr_assert_eq(pclose(batch), 0);
        AWAIT(n, known_count == 201);
        for (int i = 0; i < 100; i++) {
                char name[IF_NAMESIZE];

                snprintf(name, sizeof(name), "a%d", i);
                cr_assert(find(name) && find(name)->mtu == 1500u + (unsigned)i);
        }
        batch = popen("ip -batch -", "w");
        for (int i = 0; i < 20; i++)
                fprintf(batch, "link del a%d\n", i);
        cr_assert_eq(pclose(batch), 0);
        AWAIT(n, known_count == 161);
        cr_assert_eq(gone_count, 40);
        netmon_free(n);
}

static void set_mtu(int fd, const char *name, int mtu)
{
        struct ifreq ifr = {0};

        strcpy(ifr.ifr_name, name);
        ifr.ifr_mtu = mtu;
        cr_assert_eq(ioctl(fd, SIOCSIFMTU, &ifr), 0);
}

/* Nobody reads while more happens than the socket holds: afterwards the list is right all the
 * same, what was deleted in the gap included. */
Test(netmon, an_overrun_ends_in_the_truth)
{
        struct netmon *n = begin();
        struct netmon_event ev;
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        net_run("ip link add va type veth peer name vb; ip link add vc type veth peer name vd");
        AWAIT(n, find("va") && find("vc"));
        for (int i = 0; i < 5000; i++)
                set_mtu(fd, "va", 1000 + i % 500);
        net_run("ip link del vc; ip link add ve type veth peer name vf");
        set_mtu(fd, "va", 777);
        cr_assert_eq(netmon_read(n), 0);
        cr_assert(netmon_pop(n, &ev));
        cr_assert_eq(ev.kind, NETMON_OVERRUN, "it comes first");
        on_event(&ev);
        pop_all(n);
        AWAIT(n, find("va")->mtu == 777);
        cr_assert(!find("vc") && !find("vd") && find("ve") && find("vf"));
        cr_assert_eq(known_count, 5);
        cr_assert_geq(overruns, 1u);
        netmon_free(n);
}

static atomic_bool storm_ends;

static void *storm(void *arg)
{
        (void)arg;
        while (!storm_ends)
                cr_assert_eq(system("ip link add s0 type veth peer name s1; ip link del s0"), 0);
        return NULL;
}

/* A dump that changes cut in two is taken again; whatever came out, it holds what never changed. */
Test(netmon, dumps_in_a_storm)
{
        pthread_t thread;

        net_enter();
        for (int i = 0; i < 40; i++)
                net_run("ip link add a%d type veth peer name b%d", i, i);
        cr_assert_eq(pthread_create(&thread, NULL, storm, NULL), 0);
        for (int i = 0; i < 100; i++) {
                struct netmon *n = NULL;

                known_count = 0;
                cr_assert_eq(netmon_new(&n), 0);
                pop_all(n);
                cr_assert(find("lo") && find("a0") && find("b39"));
                cr_assert_geq(known_count, 81);
                netmon_free(n);
        }
        storm_ends = true;
        cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(netmon, gives_all_descriptors_back)
{
        struct netmon *n = NULL;
        size_t before;

        net_enter();
        before = net_open_descriptors();
        cr_assert_eq(netmon_new(&n), 0);
        netmon_free(n); /* with events nobody popped */
        cr_assert_eq(net_open_descriptors(), before);
}

Test(netmon, fails_half_built_with_nothing_left)
{
        size_t before;

        net_enter();
        before = net_open_descriptors();
        for (size_t allowed = 0; allowed < 2; allowed++) {
                struct netmon *n = NULL;

                net_allow_descriptors(allowed);
                cr_assert_lt(netmon_new(&n), 0);
                cr_assert_null(n);
                cr_assert_eq(net_open_descriptors(), before);
        }
}

/* ---- messages as the kernel sends them ---- */

struct fake {
        int ifindex;
        int family;
        const char *name;
        unsigned flags;
        uint8_t operstate;
        unsigned short type;
        size_t mac_bytes;
        const char *kind;
        int master;
        const char *slave_kind;
};

#define UP (IFF_UP | IFF_RUNNING | 0x10000 /* IFF_LOWER_UP */)

static int feed(struct netmon *n, int type, const struct fake *f)
{
        const struct ifinfomsg info = {.ifi_family = (unsigned char)f->family,
                                       .ifi_type = f->type,
                                       .ifi_index = f->ifindex,
                                       .ifi_flags = f->flags};
        const uint8_t mac[32] = {2, 1, 1, 1, 1, 1};
        struct nl_msg *msg = nlmsg_alloc_simple(type, 0);
        int r;

        cr_assert_eq(nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO), 0);
        nla_put_string(msg, IFLA_IFNAME, f->name);
        nla_put(msg, IFLA_ADDRESS, (int)f->mac_bytes, mac);
        nla_put_u32(msg, IFLA_MTU, 1500);
        nla_put_u8(msg, IFLA_OPERSTATE, f->operstate);
        if (f->master)
                nla_put_u32(msg, IFLA_MASTER, (uint32_t)f->master);
        if (f->kind || f->slave_kind) {
                struct nlattr *nest = nla_nest_start(msg, IFLA_LINKINFO);

                if (f->kind)
                        nla_put_string(msg, IFLA_INFO_KIND, f->kind);
                if (f->slave_kind)
                        nla_put_string(msg, IFLA_INFO_SLAVE_KIND, f->slave_kind);
                nla_nest_end(msg, nest);
        }
        r = netmon_input(n, nlmsg_hdr(msg));
        nlmsg_free(msg);
        return r;
}

#define OPER_UNKNOWN 0
#define OPER_DOWN    2
#define OPER_DORMANT 5
#define OPER_UP      6

Test(netmon, kinds_of_other_kernels)
{
        const struct {
                struct fake fake;
                bool ethernet, fallback, running;
        } cases[] = {
                {{1001, 0, "eth0", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL}, 1, 1, 1},
                {{1002, 0, "tap0", UP, OPER_UNKNOWN, ARPHRD_ETHER, 6, "tun", 0, NULL}, 1, 1, 1},
                {{1003, 0, "bond0", UP, OPER_UP, ARPHRD_ETHER, 6, "bond", 0, NULL}, 1, 1, 1},
                {{1004, 0, "eth0.7", UP, OPER_UP, ARPHRD_ETHER, 6, "vlan", 0, NULL}, 1, 1, 1},
                {{1005, 0, "slave", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 1003, "bond"}, 1, 0, 1},
                {{1006, 0, "old", UP | IFF_SLAVE, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL},
                 1,
                 0,
                 1},
                {{1007, 0, "port", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 9, "openvswitch"}, 1, 0, 1},
                {{1008, 0, "quiet", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 9, NULL}, 1, 0, 1},
                {{1009, 0, "vrfport", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 9, "vrf"}, 1, 1, 1},
                {{1010, 0, "gre1", UP, OPER_UP, ARPHRD_ETHER, 6, "gretap", 0, NULL}, 1, 0, 1},
                {{1011, 0, "gre2", UP, OPER_UP, ARPHRD_ETHER, 6, "ip6gretap", 0, NULL}, 1, 0, 1},
                {{1012, 0, "gnv", UP, OPER_UP, ARPHRD_ETHER, 6, "geneve", 0, NULL}, 1, 0, 1},
                {{1013, 0, "ipvl", UP, OPER_UP, ARPHRD_ETHER, 6, "ipvlan", 0, NULL}, 1, 0, 1},
                {{1014, 0, "ib0", UP, OPER_UP, ARPHRD_INFINIBAND, 20, NULL, 0, NULL}, 0, 0, 1},
                {{1015, 0, "tun0", UP, OPER_UP, ARPHRD_NONE, 0, "tun", 0, NULL}, 0, 0, 1},
                {{1016, 0, "odd", UP, OPER_UP, ARPHRD_ETHER, 8, NULL, 0, NULL}, 0, 0, 1},
                {{1017, 0, "dead", UP, OPER_DOWN, ARPHRD_ETHER, 6, NULL, 0, NULL}, 1, 1, 0},
                {{1018, 0, "1x", UP, OPER_DORMANT, ARPHRD_ETHER, 6, NULL, 0, NULL}, 1, 1, 0},
                {{1019, 0, "noc", IFF_UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL}, 1, 1, 0},
                {{1020, 0, "off", 0x10000, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL}, 1, 1, 0},
        };
        struct netmon *n = begin();

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct netmon_link *l;

                cr_assert_eq(feed(n, RTM_NEWLINK, &cases[i].fake), 0);
                pop_all(n);
                l = find(cases[i].fake.name);
                cr_assert_not_null(l, "%s", cases[i].fake.name);
                cr_assert_eq(l->ethernet, cases[i].ethernet, "%s", l->name);
                cr_assert_eq(l->fallback, cases[i].fallback, "%s", l->name);
                cr_assert_eq(l->running, cases[i].running, "%s", l->name);
        }
        netmon_free(n);
}

Test(netmon, messages_of_other_families_say_nothing)
{
        const struct fake bridge = {1, 7 /* AF_BRIDGE */, "lo", 0, 0, ARPHRD_ETHER, 6, NULL, 0, 0};
        struct netmon *n = begin();
        struct netmon_event ev;

        cr_assert_eq(feed(n, RTM_DELLINK, &bridge), 0);
        cr_assert_eq(feed(n, RTM_NEWLINK, &bridge), 0);
        cr_assert_eq(feed(n, RTM_NEWADDR, &bridge), 0);
        cr_assert(!netmon_pop(n, &ev));
        netmon_free(n);
}

Test(netmon, forgets_before_it_is_asked)
{
        struct fake f = {1001, 0, "e", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL};
        struct netmon *n = begin();
        struct netmon_event ev;

        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        pop_all(n);
        for (int i = 0; i < 3; i++) { /* it dies and lives three times before anybody asks */
                cr_assert_eq(feed(n, RTM_DELLINK, &f), 0);
                cr_assert_eq(feed(n, RTM_DELLINK, &f), 0);
                f.name = "f";
                cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        }
        cr_assert(netmon_pop(n, &ev) && ev.kind == NETMON_GONE);
        cr_assert_str_eq(ev.link.name, "e");
        cr_assert(netmon_pop(n, &ev) && ev.kind == NETMON_PRESENT);
        cr_assert_str_eq(ev.link.name, "f");
        cr_assert(!netmon_pop(n, &ev));

        cr_assert_eq(feed(n, RTM_DELLINK, &f), 0);
        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        cr_assert_eq(feed(n, RTM_DELLINK, &f), 0);
        cr_assert(netmon_pop(n, &ev) && ev.kind == NETMON_GONE);
        cr_assert(!netmon_pop(n, &ev));
        netmon_free(n);
}

/* A listener that knows of the deletion is told of the whole second life, and of its end. */
Test(netmon, gone_in_the_middle_of_being_told)
{
        struct fake f = {1001, 0, "e", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL};
        struct netmon *n = begin();
        struct netmon_event ev;

        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        f.flags = 0;
        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        f.flags = UP;
        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        cr_assert(netmon_pop(n, &ev) && ev.kind == NETMON_PRESENT && !ev.link.running);
        cr_assert_eq(feed(n, RTM_DELLINK, &f), 0);
        cr_assert(netmon_pop(n, &ev) && ev.kind == NETMON_GONE);
        cr_assert(!netmon_pop(n, &ev));
        netmon_free(n);
}

Test(netmon, short_messages_are_refused)
{
        struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        struct netmon *n = begin();
        struct netmon_event ev;

        cr_assert_eq(netmon_input(n, nlmsg_hdr(msg)), -EPROTO);
        cr_assert(!netmon_pop(n, &ev));
        nlmsg_free(msg);
        netmon_free(n);
}

Test(netmon, has_a_limit)
{
        struct fake f = {100000, 0, "e", UP, OPER_UP, ARPHRD_ETHER, 6, NULL, 0, NULL};
        struct netmon *n = begin(); /* lo is there */
        struct netmon_event ev;
        size_t count = 0;

        for (int i = 0; i < NETMON_LINKS_MAX - 1; i++, f.ifindex++)
                cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0);
        cr_assert_eq(feed(n, RTM_NEWLINK, &f), -ENOSPC);
        f.ifindex--;
        f.name = "known";
        cr_assert_eq(feed(n, RTM_NEWLINK, &f), 0, "those that are known are still followed");
        while (netmon_pop(n, &ev))
                count++;
        cr_assert_eq(count, (size_t)(NETMON_LINKS_MAX - 1));
        netmon_free(n);
}
