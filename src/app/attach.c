/* SPDX-License-Identifier: MIT */
#include "app/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/logging.h"
#include "app/runtime.h"
#include "base/check.h"
#include "io/nbd_kernel.h"
#include "wire/aoe.h"

struct attach_device {
        const char *name; /* borrowed from the configuration */
        int index;        /* wanted; then had; -1: any */
        bool attached;
        int sockets[ATTACH_CONNECTIONS]; /* owned until the kernel has them; -1 */
};

struct Attach {
        unsigned count;
        unsigned answers;
        bool only; /* the daemon is there for nothing else */
        struct attach_device devices[ATTACH_DEVICES_MAX];
};

Attach *attach_new(const Config *c)
{
        Attach *a = g_new0(Attach, 1);

        CHECK(c->attach->len <= ATTACH_DEVICES_MAX);
        a->only = c->attach_only;
        for (unsigned i = 0; i < c->attach->len; i++) {
                struct attach_device *d = &a->devices[a->count++];

                d->name = g_ptr_array_index(c->attach, i);
                d->index = c->attach_index;
                for (unsigned n = 0; n < ATTACH_CONNECTIONS; n++)
                        d->sockets[n] = -1;
        }
        return a;
}

static int attach_ask_one(int socket, const char *name, bool only, int *ret_fd)
{
        struct handover m = {.kind = HANDOVER_ATTACH, .value = only};
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        g_strlcpy(m.text, name, sizeof(m.text));
        r = fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0 ? -errno : handover_send(socket, &m, pair[1]);
        close(pair[1]);
        if (r < 0)
                close(pair[0]);
        else
                *ret_fd = pair[0];
        return r;
}

int attach_ask(Attach *a, int socket)
{
        for (unsigned i = 0; i < a->count * ATTACH_CONNECTIONS; i++) {
                struct attach_device *d = &a->devices[i / ATTACH_CONNECTIONS];
                int r = attach_ask_one(socket, d->name, a->only,
                                       &d->sockets[i % ATTACH_CONNECTIONS]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The kernel has its own hold of them, or wants none. */
static void attach_close(struct attach_device *d)
{
        for (unsigned n = 0; n < ATTACH_CONNECTIONS; n++) {
                if (d->sockets[n] >= 0)
                        close(d->sockets[n]);
                d->sockets[n] = -1;
        }
}

static const char *attach_advice(int error)
{
        switch (error) {
        case ENOENT:
                return "the kernel has no NBD client here: modprobe nbd, and run aoefs in the "
                       "first network namespace";
        case EPERM: return "no right to make block devices: run as root (CAP_SYS_ADMIN)";
        case EBUSY: return "it is in use: give another /dev/nbdN, or none";
        case EINVAL: return "there is no such /dev/nbdN: give one that ls /dev/nbd* shows";
        default: return g_strerror(error);
        }
}

/* All connections are served: to the kernel, as a new device, or to the one that waits for us. */
static int attach_connect(struct attach_device *d, const struct handover *m)
{
        g_autofree char *identifier = g_strdup_printf("aoefs:%s", m->text);
        struct nbd_kernel_device k = {
                .index = d->index,
                .bytes = (uint64_t)m->value,
                .block_bytes = AOE_SECTOR_BYTES,
                .flags = (uint64_t)m->number,
                .dead_sec = ATTACH_DEAD_SEC,
                .identifier = identifier,
                .sockets = d->sockets,
                .socket_count = ATTACH_CONNECTIONS,
        };
        char present[NBD_KERNEL_ID_BYTES];
        int r;

        if (d->index >= 0 && nbd_kernel_identifier(d->index, present) == 0)
                r = g_str_equal(present, identifier) ? nbd_kernel_reconnect(&k) : -EBUSY;
        else
                r = nbd_kernel_connect(&k, &d->index);
        d->attached = r == 0;
        attach_close(d);
        return r;
}

static enum attach_step attach_fail(GError **error, const char *name, int number, const char *why)
{
        g_set_error(error, RUNTIME_ERROR, number, "%s: cannot be attached: %s", name, why);
        return ATTACH_FAILED;
}

enum attach_step attach_on_answer(Attach *a, const struct handover *m, GError **error)
{
        struct attach_device *d = &a->devices[a->answers / ATTACH_CONNECTIONS];
        int r;

        if (a->answers == a->count * ATTACH_CONNECTIONS)
                return ATTACH_MORE; /* nothing was asked */
        if (m->number < 0)
                return attach_fail(error, d->name, -m->number,
                                   m->number == -ENODEV ? "no such device: nobody answered"
                                                        : g_strerror(-m->number));
        if (++a->answers % ATTACH_CONNECTIONS > 0)
                return ATTACH_MORE;
        r = attach_connect(d, m);
        if (r < 0)
                return attach_fail(error, d->name, -r, attach_advice(-r));
        return a->answers == a->count * ATTACH_CONNECTIONS ? ATTACH_DONE : ATTACH_MORE;
}

void attach_resize(Attach *a, const char *name, uint64_t bytes)
{
        for (unsigned i = 0; i < a->count; i++) {
                const struct attach_device *d = &a->devices[i];
                int r;

                if (!d->attached || !g_str_equal(d->name, name))
                        continue;
                r = nbd_kernel_resize(d->index, bytes);
                if (r < 0)
                        logging_say(LOGGING_WARNING, "/dev/nbd%d: keeps the old size of %s: %s",
                                    d->index, name, g_strerror(-r));
        }
}

void attach_say(const Attach *a)
{
        for (unsigned i = 0; i < a->count; i++)
                printf("/dev/nbd%d\n", a->devices[i].index);
        fflush(stdout);
}

/* Flushed, and nobody has claimed it. */
static int attach_end_one(struct attach_device *d)
{
        g_autofree char *path = g_strdup_printf("/dev/nbd%d", d->index);
        int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC), r;

        if (fd < 0)
                return errno == EBUSY ? -EBUSY : 0; /* somebody took it away */
        r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        if (r == 0)
                r = nbd_kernel_disconnect(d->index);
        d->attached = r < 0;
        return r;
}

int attach_end(Attach *a, char **ret_name)
{
        int result = 0;

        for (unsigned i = 0; i < a->count; i++) {
                struct attach_device *d = &a->devices[i];

                if (!d->attached || attach_end_one(d) == 0 || result)
                        continue;
                result = -EBUSY;
                *ret_name = g_strdup_printf("/dev/nbd%d", d->index);
        }
        return result;
}

void attach_free(Attach *a)
{
        if (!a)
                return;
        for (unsigned i = 0; i < a->count; i++)
                attach_close(&a->devices[i]);
        g_free(a);
}
