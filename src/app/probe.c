/* SPDX-License-Identifier: MIT */
#include "app/probe.h"

#include <errno.h>
#include <unistd.h>

#include "app/links.h"
#include "app/logging.h"
#include "app/runtime.h"
#include "app/shard.h"
#include "base/check.h"
#include "io/link.h"
#include "io/loop.h"
#include "io/netmon.h"

#define PROBE_LOOK_EVERY (100 * NSEC_MS) /* done() may count time by itself */

struct probe {
        const Config *config; /* borrowed */
        uint8_t cookie;
        int cookie_fd; /* owned */
        struct netmon *netmon;
        Links *links;
        struct shard *shard;
};

static struct shard *probe_shard; /* of the run that is going on, for probe_link_name() */

static void probe_open_link(void *arg, int ifindex)
{
        struct probe *p = arg;
        int fd = -1;
        int r = link_packet_open(ifindex, p->cookie, &fd);

        links_on_opened(p->links, ifindex, r < 0 ? r : fd);
}

static void probe_read_netmon(struct probe *p)
{
        struct netmon_event ev;

        netmon_read(p->netmon); /* an error is met again at the next event */
        while (netmon_pop(p->netmon, &ev))
                links_on_event(p->links, &ev);
}

static void probe_read_shard(struct probe *p, nsec now)
{
        struct logging_entry e;
        struct shard_news n;

        while (shard_pop_log(p->shard, &e))
                logging_write(&e, now);
        while (shard_pop_news(p->shard, &n))
                if (n.kind == SHARD_LINK_FREE)
                        n.link->ops->free(n.link);
}

static int probe_make_shard(struct probe *p)
{
        const Config *c = p->config;
        struct shard_options o = {
                .memory_mib = c->memory_mib,
                .mtu_max = links_mtu_max(p->links),
                .cookie = p->cookie,
                .window = c->window,
                .payload_bytes = c->payload_bytes,
                .loss_waits = c->loss_waits,
                .timeout = c->timeout,
                .is_allowed = config_is_allowed,
                .allowed_arg = (void *)(uintptr_t)c,
        };
        int r;

        if (getentropy(&o.seed, sizeof(o.seed)) < 0)
                o.seed = loop_clock();
        r = shard_new(&o, &p->shard);
        return r < 0 ? r : shard_watch(p->shard, netmon_fd(p->netmon));
}

static bool probe_fail(GError **error, int number, const char *text)
{
        g_set_error(error, RUNTIME_ERROR, number, "%s", text);
        return false;
}

static bool probe_init(struct probe *p, bool is_patient, GError **error)
{
        g_autofree char *problem = NULL;
        int r, number;

        r = link_cookie_take(loop_clock() ^ (uint64_t)getpid() << 32, &p->cookie, &p->cookie_fd);
        if (r < 0)
                return probe_fail(error, -r, "127 aoefs processes run here already");
        r = netmon_new(&p->netmon);
        if (r < 0)
                return probe_fail(error, -r, "the interfaces cannot be listed");
        p->links = links_new(p->config, probe_open_link, p);
        probe_read_netmon(p);
        problem = links_problem(p->links, false, &number);
        if (problem && !(is_patient && number == ENODEV))
                return probe_fail(error, number, problem);
        r = probe_make_shard(p);
        return r == 0 || probe_fail(error, -r, "no memory: give a smaller memory=");
}

static void probe_fini(struct probe *p)
{
        shard_free(p->shard);
        links_free(p->links);
        netmon_free(p->netmon);
        if (p->cookie_fd >= 0)
                close(p->cookie_fd);
        probe_shard = NULL;
}

static bool probe_turns(struct probe *p, nsec timeout, probe_done done, void *arg)
{
        nsec end = nsec_add(loop_clock(), timeout), now;
        struct engine *e = shard_engine(p->shard);

        for (;;) {
                probe_read_netmon(p);
                links_post(p->links, p->shard); /* what finds no room is posted next time */
                now = shard_turn(p->shard);
                probe_read_shard(p, now);
                if (done(e, now, arg))
                        return true;
                if (now >= end)
                        return false;
                shard_wait(p->shard, now, nsec_min(end, nsec_add(now, PROBE_LOOK_EVERY)));
        }
}

static bool probe_go(const Config *c, bool is_patient, nsec timeout, probe_done done, void *arg,
                     bool *ret_finished, GError **error)
{
        struct probe p = {.config = c, .cookie_fd = -1};

        logging_set(c->verbose > 0 ? LOGGING_INFO
                    : c->quiet     ? LOGGING_ERROR
                                   : LOGGING_WARNING,
                    LOGGING_NOWHERE);
        if (!probe_init(&p, is_patient, error)) {
                probe_fini(&p);
                return false;
        }
        probe_shard = p.shard;
        *ret_finished = probe_turns(&p, timeout, done, arg);
        probe_fini(&p);
        return true;
}

bool probe_run(const Config *c, nsec timeout, probe_done done, void *arg, bool *ret_finished,
               GError **error)
{
        return probe_go(c, false, timeout, done, arg, ret_finished, error);
}

bool probe_run_patient(const Config *c, nsec timeout, probe_done done, void *arg,
                       bool *ret_finished, GError **error)
{
        return probe_go(c, true, timeout, done, arg, ret_finished, error);
}

const char *probe_link_name(unsigned link)
{
        CHECK(probe_shard);
        return shard_link_name(probe_shard, link);
}
