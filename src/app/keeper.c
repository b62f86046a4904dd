/* SPDX-License-Identifier: MIT */
/*
 * The privileged parent of a mount: runtime locks, packet sockets, the mount, the worker, the end.
 * It parses nothing but fixed messages, and its whole state is below.
 *
 *   STARTING --LINKED: mount--> MOUNTED --READY--> SERVING <--(busy, flush failed)--+
 *       |                          |                 |  \--umount asked--> SYNCING -+
 *       |                          |   signal,       |                         | unmounted
 *       |                          |   unmounted     v                         v
 *       +--FAILED, signal----------+----------> DRAINING <---------------------+
 *       |                                            | DRAINED: unmount if need be, QUIT
 *       +--> QUITTING <------------------------------+
 *                | the worker is gone
 *                v
 *              ENDED      (from everywhere when the worker dies, or on a second signal)
 *
 * Invariants: `mounted` says whether the mount is in the tree; a client of the control socket has
 * exactly one answer; the caller of a background mount hears "ready" or one error.
 */
#include "app/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/attach.h"
#include "app/caller.h"
#include "app/clients.h"
#include "app/logging.h"
#include "app/mounting.h"
#include "app/nbd_socket.h"
#include "app/runtime.h"
#include "app/signals.h"
#include "app/spawn.h"
#include "base/check.h"
#include "io/autofd.h"
#include "io/handover.h"
#include "io/link.h"
#include "io/loop.h"

#define KEEPER_QUIT_MS_MAX  5000 /* how long the worker may take for its exit */
#define KEEPER_MESSAGES_MAX 64   /* of the worker, a wake-up */

enum keeper_state {
        KEEPER_STARTING,
        KEEPER_MOUNTED,
        KEEPER_SERVING,
        KEEPER_SYNCING,
        KEEPER_DRAINING,
        KEEPER_QUITTING,
        KEEPER_ENDED,
};

struct keeper {
        const Config *config; /* borrowed */
        char *const *argv;    /* borrowed: the worker's */
        enum keeper_state state;
        struct caller *caller; /* borrowed */
        RuntimeEntry *entry;
        Mounting *mounting; /* NULL before LINKED, and without a mount point */
        NbdSocket *nbd;     /* owned; NULL: no server */
        Attach *attach;     /* owned; NULL: nothing is attached to the kernel's NBD client */
        bool mounted;
        bool force;    /* the umount that is going on */
        int signal_fd; /* owned */
        int cookie_fd; /* owned: holds the cookie */
        uint8_t cookie;
        pid_t worker;           /* 0: none, or reaped */
        int socket;             /* owned: to the worker; -1: it hung up */
        struct signals signals; /* that we got; the worker counts its own: a service manager sends
                                   one to each, and only a second one to either is meant */
        bool pidfile_written;
        struct clients clients;
        int error; /* how it ended: 0, or an errno */
        char text[RUNTIME_PACKET_BYTES];
};

static void keeper_enter(struct keeper *k, enum keeper_state next)
{
        switch (next) {
        case KEEPER_STARTING: CHECK(!"a beginning"); break;
        case KEEPER_MOUNTED: CHECK(k->mounted || !k->config->mountpoint); break;
        case KEEPER_SERVING:
        case KEEPER_SYNCING: CHECK(k->state >= KEEPER_MOUNTED && k->state <= KEEPER_SYNCING); break;
        case KEEPER_DRAINING: CHECK(k->state < KEEPER_DRAINING); break;
        case KEEPER_QUITTING: CHECK(k->state < KEEPER_QUITTING); break;
        case KEEPER_ENDED: break;
        }
        k->state = next;
}

/* The first reason stays. */
static void keeper_fail(struct keeper *k, int error, const char *text)
{
        if (k->error)
                return;
        k->error = error;
        g_strlcpy(k->text, text, sizeof(k->text));
}

static void keeper_unmount(struct keeper *k, enum mounting_end how)
{
        int r;

        if (!k->mounted)
                return;
        r = mounting_end(k->mounting, how);
        if (r < 0 && how == MOUNTING_END_POLITE)
                r = mounting_end(k->mounting, MOUNTING_END_FORCE);
        if (r < 0)
                logging_say(LOGGING_ERROR, "%s: cannot be unmounted: %s", k->config->mountpoint,
                            g_strerror(-r));
        k->mounted = false;
}

/* ---- to the worker ---- */

static void keeper_send(struct keeper *k, enum handover_kind kind, int64_t value)
{
        struct handover m = {.kind = kind, .value = value, .cookie = k->cookie};
        int fd = kind == HANDOVER_FUSE     ? mounting_fd(k->mounting)
                 : kind == HANDOVER_NBD    ? nbd_socket_fd(k->nbd)
                 : kind == HANDOVER_COOKIE ? k->cookie_fd
                                           : -1;

        if (k->socket >= 0)
                handover_send(k->socket, &m, fd); /* a dead one is noticed by its hang-up */
}

/* What is in use stays, for another daemon to take over. */
static void keeper_detach(struct keeper *k)
{
        g_autofree char *block = NULL;

        if (k->attach && attach_end(k->attach, &block) < 0)
                logging_say(LOGGING_WARNING, "%s is in use: it waits %d s for another daemon",
                            block, ATTACH_DEAD_SEC);
}

static void keeper_drain(struct keeper *k, bool force)
{
        if (k->state >= KEEPER_DRAINING)
                return;
        keeper_detach(k);
        keeper_enter(k, KEEPER_DRAINING);
        keeper_send(k, HANDOVER_DRAIN, force);
}

static void keeper_quit(struct keeper *k)
{
        if (k->state >= KEEPER_QUITTING)
                return;
        keeper_unmount(k, MOUNTING_END_POLITE);
        keeper_enter(k, KEEPER_QUITTING);
        keeper_send(k, HANDOVER_QUIT, 0);
}

/* At once, whatever is lost. */
static void keeper_abort(struct keeper *k, const char *why)
{
        keeper_fail(k, EINTR, why);
        keeper_unmount(k, MOUNTING_END_FORCE);
        if (k->worker > 0)
                kill(k->worker, SIGKILL);
        keeper_enter(k, KEEPER_ENDED);
}

/* ---- umount asked for ---- */

static void keeper_stay(struct keeper *k, int error, const char *text)
{
        clients_answer(&k->clients, "stays", error, text);
        keeper_enter(k, KEEPER_SERVING);
}

static void keeper_on_synced(struct keeper *k, int error, const char *text)
{
        g_autofree char *block = NULL, *busy = NULL;
        int r;

        if (k->state != KEEPER_SYNCING)
                return; /* a signal came meanwhile */
        if (!clients_are_waiting(&k->clients)) {
                keeper_enter(k, KEEPER_SERVING); /* who asked gave up */
                return;
        }
        if (error && !k->force) {
                keeper_stay(k, error, text);
                return;
        }
        if (k->attach && attach_end(k->attach, &block) < 0 && !k->force) {
                busy = g_strdup_printf("busy: %s is in use", block);
                keeper_stay(k, EBUSY, busy);
                return;
        }
        r = k->mounted ? mounting_end(k->mounting, MOUNTING_END_POLITE) : 0;
        if (r == -EBUSY && k->force)
                r = mounting_end(k->mounting, MOUNTING_END_FORCE);
        if (r < 0) {
                keeper_stay(k, -r,
                            r == -EBUSY ? "busy: a file, a folder or a loop device of it is "
                                          "in use"
                                        : g_strerror(-r));
                return;
        }
        k->mounted = false;
        keeper_drain(k, k->force);
}

static void keeper_on_question(struct keeper *k, const char *question)
{
        bool force = g_str_equal(question, "umount force");

        if (!force && !g_str_equal(question, "umount")) {
                clients_answer(&k->clients, "stays", EINVAL, "the question is not understood");
                return;
        }
        switch (k->state) {
        case KEEPER_STARTING:
        case KEEPER_MOUNTED:
                clients_answer(&k->clients, "stays", EAGAIN, "it is still starting");
                return;
        case KEEPER_SERVING:
                k->force = force;
                keeper_enter(k, KEEPER_SYNCING);
                break;
        case KEEPER_SYNCING:
                if (!force || k->force)
                        return; /* it waits with the others */
                k->force = true;
                break;
        case KEEPER_DRAINING:
        case KEEPER_QUITTING:
        case KEEPER_ENDED: return; /* the end is near */
        }
        keeper_send(k, HANDOVER_SYNC, force);
}

/* ---- from the worker ---- */

static void keeper_open_link(struct keeper *k, int ifindex)
{
        struct handover m = {.kind = HANDOVER_LINK, .number = ifindex};
        char holder[LOCK_HOLDER_BYTES] = "", name[IF_NAMESIZE] = "?";
        int fd = -1, r;

        r = link_packet_open(ifindex, k->cookie, &fd);
        m.value = r;
        if (r == 0 && runtime_entry_use_link(k->entry, ifindex, holder, sizeof(holder)))
                logging_say(LOGGING_WARNING,
                            "%s is also used by another daemon (%s): both work, but only one may "
                            "write to a device",
                            if_indextoname(ifindex, name) ? name : "?", holder);
        handover_send(k->socket, &m, fd);
        if (fd >= 0)
                close(fd);
}

static void keeper_on_linked(struct keeper *k)
{
        g_autoptr(GError) why = NULL;

        if (k->state != KEEPER_STARTING || k->mounting)
                return;
        if (!k->config->mountpoint) {
                keeper_enter(k, KEEPER_MOUNTED);
                keeper_send(k, HANDOVER_NBD, 0);
                return;
        }
        if (k->nbd)
                keeper_send(k, HANDOVER_NBD, 0);
        k->mounting = mounting_new(k->config, &why);
        if (!k->mounting) {
                keeper_fail(k, why->code, why->message);
                keeper_quit(k);
                return;
        }
        k->mounted = true;
        keeper_enter(k, KEEPER_MOUNTED);
        keeper_send(k, HANDOVER_FUSE, 0);
}

static void keeper_serve(struct keeper *k)
{
        keeper_enter(k, KEEPER_SERVING);
        logging_detach(k->config);
        if (!caller_ready(k->caller)) {
                keeper_fail(k, EINTR, "who asked for it is gone");
                keeper_drain(k, false);
        }
}

static void keeper_on_attached(struct keeper *k, const struct handover *m)
{
        g_autoptr(GError) why = NULL;

        if (k->state != KEEPER_MOUNTED || !k->attach)
                return;
        switch (attach_on_answer(k->attach, m, &why)) {
        case ATTACH_MORE: break;
        case ATTACH_DONE:
                attach_say(k->attach);
                keeper_serve(k);
                break;
        case ATTACH_FAILED:
                keeper_fail(k, why->code, why->message);
                keeper_drain(k, true);
                break;
        }
}

static void keeper_on_resized(struct keeper *k, const struct handover *m)
{
        if (k->attach)
                attach_resize(k->attach, m->text, (uint64_t)m->value);
}

static void keeper_on_ready(struct keeper *k)
{
        g_autofree char *pid = g_strdup_printf("%d\n", (int)k->worker);
        g_autoptr(GError) why = NULL;

        if (k->state != KEEPER_MOUNTED)
                return;
        if (k->config->pidfile && !g_file_set_contents(k->config->pidfile, pid, -1, &why)) {
                g_prefix_error(&why, "the pid file: ");
                keeper_fail(k, EIO, why->message);
                keeper_drain(k, true);
                return;
        }
        k->pidfile_written = k->config->pidfile != NULL;
        if (k->config->attach->len > 0)
                k->attach = attach_new(k->config);
        if (k->attach)
                attach_ask(k->attach, k->socket); /* a dead one is noticed by its hang-up */
        else
                keeper_serve(k);
}

/* Somebody wants the end, once or again. */
static void keeper_on_term(struct keeper *k, bool again)
{
        if (again) {
                keeper_abort(k, "aborted by a second signal");
                return;
        }
        if (k->state < KEEPER_SERVING && !k->config->foreground)
                keeper_fail(k, EINTR, "interrupted");
        keeper_drain(k, false);
}

static void keeper_on_message(struct keeper *k, const struct handover *m)
{
        switch ((enum handover_kind)m->kind) {
        case HANDOVER_OPEN_LINK: keeper_open_link(k, m->number); break;
        case HANDOVER_LINKED: keeper_on_linked(k); break;
        case HANDOVER_READY: keeper_on_ready(k); break;
        case HANDOVER_FAILED:
                keeper_fail(k, m->number, m->text);
                keeper_quit(k);
                break;
        case HANDOVER_SIGNALLED: keeper_on_term(k, m->number > 1); break;
        case HANDOVER_ATTACHED: keeper_on_attached(k, m); break;
        case HANDOVER_RESIZED: keeper_on_resized(k, m); break;
        case HANDOVER_SYNCED: keeper_on_synced(k, m->number, m->text); break;
        case HANDOVER_DRAINED:
                if (m->number && !k->force)
                        keeper_fail(k, m->number, m->text);
                keeper_quit(k);
                break;
        case HANDOVER_UNMOUNTED:
                k->mounted = false;
                if (k->state < KEEPER_SERVING)
                        keeper_fail(k, EINTR, "unmounted while it was starting");
                keeper_drain(k, false);
                break;
        case HANDOVER_FUSE: /* ours to send */
        case HANDOVER_LINK:
        case HANDOVER_DRAIN:
        case HANDOVER_QUIT:
        case HANDOVER_SYNC:
        case HANDOVER_NBD:
        case HANDOVER_ATTACH:
        case HANDOVER_COOKIE: keeper_abort(k, "the worker sends nonsense"); break;
        }
}

static void keeper_read_worker(struct keeper *k)
{
        for (unsigned i = 0; i < KEEPER_MESSAGES_MAX && k->socket >= 0; i++) {
                struct handover m;
                int fd = -1, r;

                r = handover_receive(k->socket, &m, &fd);
                if (fd >= 0)
                        close(fd);
                if (r == -EAGAIN)
                        return;
                if (r == 0) {
                        keeper_on_message(k, &m);
                } else {
                        close(k->socket); /* what it means says its exit status */
                        k->socket = -1;
                }
        }
}

/* ---- the worker's death, signals ---- */

static void keeper_reap(struct keeper *k)
{
        g_autofree char *death = NULL;
        int status;

        if (k->worker <= 0 || waitpid(k->worker, &status, WNOHANG) != k->worker)
                return;
        keeper_read_worker(k); /* its last words */
        if (k->state != KEEPER_QUITTING) {
                death = spawn_death(k->worker, status);
                keeper_fail(k, EIO, death);
        }
        k->worker = 0;
        keeper_unmount(k, MOUNTING_END_FORCE);
        keeper_enter(k, KEEPER_ENDED);
}

static void keeper_read_signals(struct keeper *k)
{
        struct signalfd_siginfo si;

        while (read(k->signal_fd, &si, sizeof(si)) == sizeof(si)) {
                if (si.ssi_signo == SIGCHLD)
                        keeper_reap(k);
                else if (si.ssi_signo != SIGHUP || k->config->foreground) /* the terminal went */
                        keeper_on_term(k, signals_is_again(&k->signals, loop_clock()));
        }
}

/* ---- life ---- */

static int keeper_init_signals(struct keeper *k)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return k->signal_fd < 0 ? -errno : 0;
}

static int keeper_start_worker(struct keeper *k)
{
        autofd int worker_fd = -1;
        int pair[2], r;

        r = handover_pair(pair);
        if (r < 0)
                return r;
        k->socket = pair[0];
        worker_fd = pair[1];
        r = spawn_worker(k->argv, worker_fd, &k->worker);
        if (r < 0) {
                k->worker = 0;
                return r;
        }
        runtime_entry_set_worker(k->entry, k->worker);
        keeper_send(k, HANDOVER_COOKIE, k->cookie);
        return 0;
}

static bool keeper_init(struct keeper *k, GError **error)
{
        uint64_t seed = (uint64_t)getpid() * 2654435761u ^ (uint64_t)time(NULL);
        int r;

        if (k->config->mountpoint && !mounting_check(k->config->mountpoint, error))
                return false;
        k->entry = runtime_entry_new(config_place(k->config), error);
        if (!k->entry)
                return false;
        if (k->config->nbd && !(k->nbd = nbd_socket_new(k->config, error)))
                return false;
        clients_init(&k->clients, runtime_entry_socket(k->entry));
        r = keeper_init_signals(k);
        if (r == 0)
                r = link_cookie_take(seed, &k->cookie, &k->cookie_fd);
        if (r == 0)
                r = keeper_start_worker(k);
        if (r == 0)
                return true;
        g_set_error(error, RUNTIME_ERROR, -r, "cannot start: %s", g_strerror(-r));
        return false;
}

static void keeper_wait(struct keeper *k)
{
        struct pollfd fds[3 + CLIENTS_MAX + 1] = {
                {.fd = k->signal_fd, .events = POLLIN},
                {.fd = k->socket, .events = POLLIN},
                {.fd = k->state < KEEPER_SERVING ? caller_fd(k->caller) : -1},
        };
        size_t count = 3 + clients_fill(&k->clients, fds + 3);
        char question[RUNTIME_PACKET_BYTES];
        int n = poll(fds, count, k->state == KEEPER_QUITTING ? KEEPER_QUIT_MS_MAX : -1);

        if (n == 0) {
                logging_say(LOGGING_ERROR, "the worker does not end: killing it");
                kill(k->worker, SIGKILL);
        }
        if (n <= 0)
                return;
        keeper_read_worker(k);
        keeper_read_signals(k);
        if (fds[2].revents)
                keeper_on_term(k, false); /* who waits for the mount is gone */
        while (clients_read(&k->clients, question, sizeof(question)))
                keeper_on_question(k, question);
}

static void keeper_fini(struct keeper *k)
{
        if (k->pidfile_written)
                unlink(k->config->pidfile);
        mounting_free(k->mounting);
        nbd_socket_free(k->nbd);
        attach_free(k->attach);
        runtime_entry_free(k->entry);
        if (k->socket >= 0)
                close(k->socket);
        if (k->cookie_fd >= 0)
                close(k->cookie_fd);
        if (k->signal_fd >= 0)
                close(k->signal_fd);
        if (k->clients.listen_fd >= 0) {
                clients_answer(&k->clients, "ends", k->error, k->text);
                clients_fini(&k->clients);
        }
}

/* The keeper's whole life. */
static bool keeper_run(const Config *c, char *const argv[], struct caller *caller, GError **error)
{
        struct keeper k = {
                .config = c,
                .argv = argv,
                .caller = caller,
                .signal_fd = -1,
                .cookie_fd = -1,
                .socket = -1,
                .clients = {.listen_fd = -1},
        };

        logging_set_by_config(c);
        if (!keeper_init(&k, error)) {
                keeper_fini(&k);
                return false;
        }
        while (k.state != KEEPER_ENDED)
                keeper_wait(&k);
        keeper_fini(&k);
        if (k.error)
                g_set_error(error, RUNTIME_ERROR, k.error, "%s", k.text);
        return k.error == 0;
}

bool keeper_mount(const Config *c, char *const worker_argv[], GError **error)
{
        g_autoptr(GError) why = NULL;
        struct caller caller;

        if (c->foreground) {
                caller_init(&caller);
                return keeper_run(c, worker_argv, &caller, error);
        }
        if (!caller_fork(&caller, error))
                return false;
        if (caller.is_parent)
                return caller_wait(&caller, error);
        if (!keeper_run(c, worker_argv, &caller, &why) && !caller_fail(&caller, why))
                logging_say(LOGGING_ERROR, "%s: %s", config_place(c), why->message);
        _exit(why ? 1 : 0);
}
