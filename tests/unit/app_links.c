/* SPDX-License-Identifier: MIT */
/* links, words, memory: which interfaces are used, what is said of them, and how memory is split.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "app/links.h"
#include "app/memory.h"
#include "app/words.h"

struct asked {
        Links *links;
        int last;
        unsigned count;
        int answer; /* given from inside the call; 0: none */
};

static void on_open(void *arg, int ifindex)
{
        struct asked *a = arg;

        a->last = ifindex;
        a->count++;
        if (a->answer)
                links_on_opened(a->links, ifindex, a->answer);
}

static struct netmon_event present(int ifindex, const char *name, bool running, bool fallback)
{
        struct netmon_event ev = {
                .kind = NETMON_PRESENT,
                .link = {.ifindex = ifindex,
                         .mtu = 1500,
                         .running = running,
                         .ethernet = true,
                         .fallback = fallback},
        };

        strcpy(ev.link.name, name);
        return ev;
}

static void tell(Links *l, struct netmon_event ev)
{
        links_on_event(l, &ev);
}

Test(links, default_takes_what_is_up)
{
        g_autoptr(Config) c = config_new();
        struct asked a = {0};
        g_autoptr(Links) l = a.links = links_new(c, on_open, &a);
        g_autofree char *why = NULL;
        int number = 0;

        tell(l, present(1, "lo", true, false));
        tell(l, present(2, "eth0", false, true));
        cr_assert_eq(a.count, 0);
        why = links_problem(l, true, &number);
        cr_assert(strstr(why, "no Ethernet interface is up"), "%s", why);
        cr_assert_eq(number, ENODEV);
        tell(l, present(2, "eth0", true, true));
        cr_assert_eq(a.count, 1);
        cr_assert_eq(a.last, 2);
        cr_assert(links_is_waiting(l));
        tell(l, present(2, "eth0", true, true));
        cr_assert_eq(a.count, 1, "it is asked for once");
        links_on_opened(l, 2, -EPERM);
        cr_assert(!links_is_waiting(l));
        g_free(why);
        why = links_problem(l, true, &number);
        cr_assert_eq(number, EPERM);
        cr_assert(strstr(why, "setcap cap_net_raw+ep"), "%s", why);
}

Test(links, failed_one_is_tried_again_when_it_comes_up)
{
        g_autoptr(Config) c = config_new();
        struct asked a = {.answer = -ENETDOWN};
        g_autoptr(Links) l = a.links = links_new(c, on_open, &a);

        tell(l, present(2, "eth0", true, true));
        cr_assert_eq(a.count, 1);
        tell(l, present(2, "eth0", true, true));
        cr_assert_eq(a.count, 1);
        tell(l, present(2, "eth0", false, true));
        tell(l, present(2, "eth0", true, true));
        cr_assert_eq(a.count, 2);
}

static void assert_problem(const char *interfaces, struct netmon_event ev, const char *want)
{
        g_autoptr(Config) c = config_new();
        struct asked a = {0};
        g_autoptr(Links) l = NULL;
        g_autofree char *why = NULL;
        int number;

        cr_assert(config_set(c, "interface", interfaces, NULL));
        l = a.links = links_new(c, on_open, &a);
        tell(l, ev);
        why = links_problem(l, true, &number);
        cr_assert(why);
        cr_assert(strstr(why, want), "%s", why);
}

Test(links, wrong_choices_are_named)
{
        struct netmon_event tunnel = present(3, "tun0", true, false);

        tunnel.link.ethernet = false;
        assert_problem("nope", present(2, "eth0", true, true), "no interface nope");
        assert_problem("tun0", tunnel, "tun0 is no Ethernet interface");
        assert_problem("ve*", present(2, "eth0", true, true), "matches -i");
}

Test(links, answer_for_a_deleted_one_is_closed)
{
        g_autoptr(Config) c = config_new();
        struct asked a = {0};
        g_autoptr(Links) l = a.links = links_new(c, on_open, &a);
        struct netmon_event ev = present(2, "eth0", true, true);
        int fds[2];

        tell(l, ev);
        ev.kind = NETMON_GONE;
        tell(l, ev);
        cr_assert(!links_is_waiting(l));
        cr_assert_eq(pipe(fds), 0);
        links_on_opened(l, 2, fds[0]);
        cr_assert_eq(close(fds[0]), -1, "it was closed");
        close(fds[1]);
        cr_assert_eq(links_mtu_max(l), 0);
}

Test(words, sizes)
{
        static const struct {
                uint64_t bytes;
                const char *want;
        } rows[] = {
                {0, "0 B"},
                {512, "512 B"},
                {1024, "1 KiB"},
                {1536, "1.5 KiB"},
                {512 << 20, "512 MiB"},
                {(uint64_t)1 << 40, "1 TiB"},
                {UINT64_MAX, "16383.9 PiB"},
        };
        char text[32];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                words_of_size(rows[i].bytes, text, sizeof(text));
                cr_assert_str_eq(text, rows[i].want);
        }
}

Test(memory, is_split_and_large_frames_need_more)
{
        struct memory m = {0};

        cr_assert_eq(memory_init(&m, 32, 9280), 0);
        cr_assert_geq(m.frame_count, MEMORY_FRAMES_MIN);
        cr_assert_leq(frame_pool_bytes(9280, m.frame_count), (size_t)8 << 20);
        cr_assert_leq(arena_region_bytes(m.arena.blocks), (size_t)24 << 20);
        memory_lock(&m);
        memory_fini(&m);
        memory_fini(&m);
        cr_assert_eq(memory_init(&m, 32, 65599), 0, "the smallest memory= holds the largest MTU");
        memory_fini(&m);
        cr_assert_eq(memory_init(&m, 8, 65599), -ENOMEM);
        memory_fini(&m);
}
