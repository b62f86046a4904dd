/* SPDX-License-Identifier: MIT */
/*
 * The worker's main thread: signals, netlink, the keeper, the log, and the order of beginning and
 * end. It sleeps in a loop of its own; whatever wakes it, it looks at everything.
 *
 *   LINKS --all sockets asked for came--> FUSE --/dev/fuse came--> SERVING --DRAIN--> DRAINING
 *     \--they cannot work: FAILED, END                                |                  |
 *                                             keeper gone: DRAINING --+   QUIT, or nobody is left
 *                                                                         to say so: END
 *
 * Invariants: this is the only thread that logs; what the shard has to be told waits in wants
 * until its mailbox takes it; descriptors from the keeper have one owner at each moment.
 */
#include "app/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/fronts.h"
#include "app/links.h"
#include "app/logging.h"
#include "app/notifier.h"
#include "app/runtime.h"
#include "app/shard.h"
#include "app/signals.h"
#include "app/writers.h"
#include "base/check.h"
#include "io/handover.h"
#include "io/loop.h"
#include "io/netmon.h"
#include "io/privilege.h"

#define CONTROL_RETRY_EVERY  (10 * NSEC_MS) /* the shard's mailbox was full */
#define CONTROL_MESSAGES_MAX 64             /* of the keeper, a wake-up */

enum control_phase { CONTROL_LINKS, CONTROL_FUSE, CONTROL_SERVING, CONTROL_DRAINING, CONTROL_END };

enum control_key { CONTROL_KEY_SIGNAL, CONTROL_KEY_KEEPER, CONTROL_KEY_NETMON };

enum control_want {
        CONTROL_WANT_SYNC = 1,
        CONTROL_WANT_DRAIN = 2,
        CONTROL_WANT_FORCE = 4, /* with one of the two */
        CONTROL_WANT_DISCOVER = 8,
};

struct control {
        const Config *config; /* borrowed */
        enum control_phase phase;
        struct loop loop;
        int keeper;    /* owned: the socket; -1: the keeper is gone */
        int signal_fd; /* owned */
        int cookie_fd; /* owned: holds the cookie */
        uint8_t cookie;
        struct netmon *netmon;
        Links *links;
        int folder_fd; /* owned: the runtime folder, -1: none */
        struct writers writers;
        struct shard *shard;
        struct front *front; /* borrowed from the shard: the mount; NULL: there is none */
        int nbd_fd;          /* owned until the front has it: the listening socket; -1: none */
        struct notifier notifier;
        unsigned wants; /* enum control_want bits */
        struct signals signals;
        int exit_code;
};

static void control_enter(struct control *c, enum control_phase next)
{
        switch (next) {
        case CONTROL_LINKS: CHECK(!c->links); break;
        case CONTROL_FUSE: CHECK(c->phase == CONTROL_LINKS); break;
        case CONTROL_SERVING: CHECK(c->shard); break;
        case CONTROL_DRAINING: CHECK(c->phase == CONTROL_SERVING); break;
        case CONTROL_END: break;
        }
        c->phase = next;
}

/* ---- to the keeper ---- */

static void control_on_keeper_gone(struct control *c)
{
        if (c->keeper < 0)
                return;
        loop_del(&c->loop, c->keeper);
        close(c->keeper);
        c->keeper = -1;
        if (c->phase == CONTROL_SERVING) {
                logging_say(LOGGING_ERROR, "the keeper is gone: finishing what is open");
                c->wants |= CONTROL_WANT_DRAIN;
                control_enter(c, CONTROL_DRAINING);
        } else if (c->phase != CONTROL_DRAINING) {
                control_enter(c, CONTROL_END);
        }
}

static void control_send(struct control *c, enum handover_kind kind, int number, const char *text)
{
        struct handover m = {.kind = kind, .number = number, .cookie = c->cookie};
        int r;

        if (c->keeper < 0)
                return;
        snprintf(m.text, sizeof(m.text), "%s", text);
        r = handover_send(c->keeper, &m, -1);
        if (r < 0)
                control_on_keeper_gone(c);
}

static void control_fail(struct control *c, int error, const char *text)
{
        control_send(c, HANDOVER_FAILED, error, text);
        c->exit_code = 1;
        control_enter(c, CONTROL_END);
}

static void control_ask_link(void *arg, int ifindex)
{
        control_send(arg, HANDOVER_OPEN_LINK, ifindex, "");
}

/* ---- beginning ---- */

/* All that were asked for are open: may we serve on them? */
static void control_look_at_links(struct control *c)
{
        g_autofree char *problem = NULL;
        int error;

        if (c->phase != CONTROL_LINKS || c->cookie_fd < 0 || links_is_waiting(c->links))
                return;
        problem = links_problem(c->links, true, &error);
        if (problem) {
                control_fail(c, error, problem);
                return;
        }
        control_enter(c, CONTROL_FUSE);
        control_send(c, HANDOVER_LINKED, 0, "");
}

static void control_on_news_due(void *arg)
{
        struct control *c = arg;

        loop_wake(&c->loop);
}

static void control_on_notice_due(void *arg)
{
        struct control *c = arg;

        notifier_wake(&c->notifier);
}

static uint64_t control_seed(void)
{
        uint64_t seed = loop_clock() ^ (uint64_t)getpid() << 32;

        if (getentropy(&seed, sizeof(seed)) < 0)
                logging_say(LOGGING_INFO, "no random numbers: using the clock");
        return seed;
}

static void control_init_writers(struct control *c)
{
        g_autofree char *folder = runtime_folder(NULL);
        g_autofree char *holder = runtime_holder(getpid(), config_place(c->config));

        c->folder_fd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        writers_init(&c->writers, c->folder_fd, runtime_netns(), c->config->shared, holder);
}

static int control_make_shard(struct control *c)
{
        const Config *config = c->config;
        const struct shard_options o = {
                .memory_mib = config->memory_mib,
                .mtu_max = links_mtu_max(c->links),
                .lock_memory = true,
                .cookie = c->cookie,
                .seed = control_seed(),
                .window = config->window,
                .payload_bytes = config->payload_bytes,
                .loss_waits = config->loss_waits,
                .timeout = config->timeout,
                .is_allowed = config_is_allowed,
                .allowed_arg = (void *)(uintptr_t)config,
                .writers = &c->writers,
                .on_news = control_on_news_due,
                .on_notice = control_on_notice_due,
                .wake_arg = c,
        };

        control_init_writers(c);
        return shard_new(&o, &c->shard);
}

/* Everything that it takes is there. fuse_fd: taken; -1: no mount. */
static void control_serve(struct control *c, int fuse_fd)
{
        int r;

        if (c->phase != CONTROL_FUSE) {
                if (fuse_fd >= 0)
                        close(fuse_fd);
                return;
        }
        r = control_make_shard(c);
        if (r < 0) {
                if (fuse_fd >= 0)
                        close(fuse_fd);
                control_fail(c, -r,
                             "no memory: give a smaller memory=, or a larger one for links "
                             "with a large MTU");
                return;
        }
        r = fuse_fd >= 0 ? fronts_mount(c->config, c->shard, fuse_fd, &c->front) : 0;
        if (r == 0 && c->nbd_fd >= 0) {
                r = fronts_nbd(c->config, c->shard, c->nbd_fd);
                c->nbd_fd = -1;
        }
        if (r == 0)
                r = privilege_drop();
        if (r == 0 && c->front)
                r = notifier_start(&c->notifier, c->shard, c->front);
        if (r == 0)
                r = shard_start(c->shard);
        if (r < 0) {
                control_fail(c, -r, g_strerror(-r));
                return;
        }
        control_enter(c, CONTROL_SERVING);
}

/* ---- from the keeper ---- */

static void control_on_drain(struct control *c, bool force)
{
        if (force)
                c->wants |= CONTROL_WANT_FORCE;
        if (c->phase == CONTROL_SERVING) {
                c->wants |= CONTROL_WANT_DRAIN;
                control_enter(c, CONTROL_DRAINING);
        } else if (c->phase == CONTROL_DRAINING) {
                c->wants |= CONTROL_WANT_DRAIN; /* again: with more force */
        } else {
                control_send(c, HANDOVER_DRAINED, 0, "");
        }
}

/* fd is taken. */
static void control_on_attach(struct control *c, const struct handover *m, int fd)
{
        struct shard_command command = {.kind = SHARD_ATTACH, .fd = fd, .force = m->value != 0};

        if (c->phase == CONTROL_SERVING && fd >= 0 && aoe_addr_parse(m->text, &command.addr) &&
            shard_post(c->shard, &command))
                return;
        if (fd >= 0)
                close(fd);
        control_send(c, HANDOVER_ATTACHED, -EAGAIN, "");
}

static void control_on_message(struct control *c, const struct handover *m, int fd)
{
        switch ((enum handover_kind)m->kind) {
        case HANDOVER_COOKIE:
                c->cookie = m->cookie;
                if (c->cookie_fd >= 0)
                        close(c->cookie_fd);
                c->cookie_fd = fd;
                return;
        case HANDOVER_LINK:
                links_on_opened(c->links, m->number, fd >= 0 ? fd : (int)m->value);
                return;
        case HANDOVER_FUSE: control_serve(c, fd); return;
        case HANDOVER_NBD:
                if (c->nbd_fd >= 0)
                        close(c->nbd_fd);
                c->nbd_fd = fd;
                if (!c->config->mountpoint)
                        control_serve(c, -1);
                return;
        case HANDOVER_ATTACH: control_on_attach(c, m, fd); return;
        case HANDOVER_SYNC:
                c->wants |= CONTROL_WANT_SYNC | (m->value ? CONTROL_WANT_FORCE : 0);
                break;
        case HANDOVER_DRAIN: control_on_drain(c, m->value != 0); break;
        case HANDOVER_QUIT: control_enter(c, CONTROL_END); break;
        case HANDOVER_OPEN_LINK: /* ours to send */
        case HANDOVER_READY:
        case HANDOVER_FAILED:
        case HANDOVER_SIGNALLED:
        case HANDOVER_DRAINED:
        case HANDOVER_UNMOUNTED:
        case HANDOVER_LINKED:
        case HANDOVER_ATTACHED:
        case HANDOVER_RESIZED:
        case HANDOVER_SYNCED: control_on_keeper_gone(c); break;
        }
        if (fd >= 0)
                close(fd);
}

static void control_read_keeper(struct control *c)
{
        for (unsigned i = 0; i < CONTROL_MESSAGES_MAX && c->keeper >= 0; i++) {
                struct handover m;
                int fd, r;

                r = handover_receive(c->keeper, &m, &fd);
                if (r == -EAGAIN)
                        return;
                if (r < 0)
                        control_on_keeper_gone(c);
                else
                        control_on_message(c, &m, fd);
        }
}

/* ---- from the shard ---- */

/* The terminal is the caller's again: whatever is said from now on goes to the system's log. */
static void control_detach(const struct control *c)
{
        int fd;

        if (c->config->foreground)
                return;
        logging_detach(c->config);
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
                dup2(fd, i);
        close(fd);
}

static void control_on_attached(struct control *c, const struct shard_news *n)
{
        struct handover m = {
                .kind = HANDOVER_ATTACHED,
                .number = n->error ? n->error : n->attached.flags,
                .value = (int64_t)n->attached.bytes,
        };

        snprintf(m.text, sizeof(m.text), "%s", n->attached.identifier);
        if (c->keeper >= 0 && handover_send(c->keeper, &m, -1) < 0)
                control_on_keeper_gone(c);
}

static void control_on_resized(struct control *c, const struct shard_news *n)
{
        struct handover m = {.kind = HANDOVER_RESIZED, .value = (int64_t)n->bytes};

        aoe_addr_format(n->addr, m.text);
        if (c->keeper >= 0 && handover_send(c->keeper, &m, -1) < 0)
                control_on_keeper_gone(c);
}

static void control_on_news(struct control *c, const struct shard_news *n)
{
        switch (n->kind) {
        case SHARD_SETTLED:
                control_detach(c);
                control_send(c, HANDOVER_READY, 0, "");
                break;
        case SHARD_SYNCED: control_send(c, HANDOVER_SYNCED, -n->error, n->text); break;
        case SHARD_DRAINED:
                if (n->error)
                        logging_say(LOGGING_ERROR, "%s", n->text);
                control_send(c, HANDOVER_DRAINED, -n->error, n->text);
                if (c->keeper < 0)
                        control_enter(c, CONTROL_END);
                break;
        case SHARD_ATTACHED: control_on_attached(c, n); break;
        case SHARD_RESIZED: control_on_resized(c, n); break;
        case SHARD_ENDED: control_send(c, HANDOVER_UNMOUNTED, 0, ""); break;
        case SHARD_LINK_FREE: n->link->ops->free(n->link); break;
        }
}

static void control_read_shard(struct control *c)
{
        struct logging_entry e;
        struct shard_news n;

        if (!c->shard)
                return;
        while (shard_pop_log(c->shard, &e))
                logging_write(&e, loop_clock());
        while (shard_pop_news(c->shard, &n))
                control_on_news(c, &n);
}

static bool control_want(struct control *c, unsigned want, enum shard_command_kind kind)
{
        struct shard_command command = {
                .kind = kind,
                .force = (c->wants & CONTROL_WANT_FORCE) != 0,
        };

        if (!(c->wants & want))
                return true;
        if (!shard_post(c->shard, &command))
                return false;
        c->wants &= ~want;
        return true;
}

/* false: the mailbox is full. */
static bool control_tell_shard(struct control *c)
{
        if (c->phase != CONTROL_SERVING && c->phase != CONTROL_DRAINING)
                return true;
        if (!links_post(c->links, c->shard) || !control_want(c, CONTROL_WANT_SYNC, SHARD_SYNC) ||
            !control_want(c, CONTROL_WANT_DRAIN, SHARD_DRAIN) ||
            !control_want(c, CONTROL_WANT_DISCOVER, SHARD_DISCOVER))
                return false;
        c->wants = 0;
        return true;
}

/* ---- signals and interfaces ---- */

static void control_on_signal(struct control *c, unsigned number)
{
        bool again;

        if (number == SIGHUP) {
                c->wants |= CONTROL_WANT_DISCOVER;
                return;
        }
        again = signals_is_again(&c->signals, loop_clock());
        if (c->keeper < 0 && again)
                _exit(1); /* nobody else can abort us */
        control_send(c, HANDOVER_SIGNALLED, again ? 2 : 1, "");
}

static void control_read_signals(struct control *c)
{
        struct signalfd_siginfo si;

        while (read(c->signal_fd, &si, sizeof(si)) == sizeof(si))
                control_on_signal(c, si.ssi_signo);
}

static void control_read_netmon(struct control *c)
{
        struct netmon_event ev;

        netmon_read(c->netmon); /* an error is met again at the next event */
        while (netmon_pop(c->netmon, &ev))
                links_on_event(c->links, &ev);
}

/* ---- life ---- */

static int control_init_signals(struct control *c)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
                return -EINVAL;
        c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return c->signal_fd < 0 ? -errno : 0;
}

static int control_init(struct control *c)
{
        int r;

        r = control_init_signals(c);
        if (r < 0)
                return r;
        r = privilege_io_flusher();
        if (r < 0)
                logging_say(LOGGING_INFO,
                            "not protected from memory reclaim that waits for us: "
                            "%s",
                            g_strerror(-r));
        r = loop_init(&c->loop);
        if (r < 0)
                return r;
        r = netmon_new(&c->netmon);
        if (r < 0)
                return r;
        r = loop_add(&c->loop, c->signal_fd, CONTROL_KEY_SIGNAL);
        if (r == 0)
                r = loop_add(&c->loop, c->keeper, CONTROL_KEY_KEEPER);
        if (r == 0)
                r = loop_add(&c->loop, netmon_fd(c->netmon), CONTROL_KEY_NETMON);
        c->links = links_new(c->config, control_ask_link, c);
        return r;
}

static void control_run(struct control *c)
{
        while (c->phase != CONTROL_END) {
                nsec now = loop_clock(), until = NSEC_NEVER;

                control_read_signals(c);
                control_read_keeper(c);
                control_read_netmon(c);
                control_read_shard(c);
                control_look_at_links(c);
                if (!control_tell_shard(c))
                        until = nsec_add(now, CONTROL_RETRY_EVERY);
                if (c->phase != CONTROL_END)
                        CHECK(loop_wait(&c->loop, now, until) == 0);
        }
}

static void control_stop_shard(struct control *c)
{
        const struct shard_command quit = {.kind = SHARD_QUIT};

        while (!shard_post(c->shard, &quit))
                sched_yield(); /* it empties its mailbox each turn */
        shard_join(c->shard);
}

static void control_close(int fd)
{
        if (fd >= 0)
                close(fd);
}

static void control_fini(struct control *c)
{
        if (c->shard) {
                control_stop_shard(c);
                notifier_stop(&c->notifier);
                control_read_shard(c);
                shard_free(c->shard);
                writers_fini(&c->writers);
        }
        links_free(c->links);
        netmon_free(c->netmon);
        loop_fini(&c->loop);
        control_close(c->keeper);
        control_close(c->signal_fd);
        control_close(c->cookie_fd);
        control_close(c->nbd_fd);
        control_close(c->folder_fd);
}

int worker_main(const Config *config)
{
        const char *number = g_getenv("AOEFS_WORKER");
        struct control c = {
                .config = config,
                .keeper = number ? atoi(number) : -1,
                .signal_fd = -1,
                .cookie_fd = -1,
                .nbd_fd = -1,
                .folder_fd = -1,
        };
        int r;

        logging_set_by_config(config);
        logging_catch_checks();
        if (c.keeper <= STDERR_FILENO || fcntl(c.keeper, F_SETFD, FD_CLOEXEC) < 0) {
                logging_say(LOGGING_ERROR, "AOEFS_WORKER is for the daemon itself: unset it");
                return 2;
        }
        unsetenv("AOEFS_WORKER");
        prctl(PR_SET_NAME, "aoefs"); /* not "exe", should we come from /proc/self/exe */
        notifier_init(&c.notifier);
        r = control_init(&c);
        if (r < 0)
                control_fail(&c, -r, g_strerror(-r));
        control_run(&c);
        control_fini(&c);
        return c.exit_code;
}
