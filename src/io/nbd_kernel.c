/* SPDX-License-Identifier: MIT */
#include "io/nbd_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nbd-netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "io/autofd.h"

#define NBD_KERNEL_INDEX_MAX 65535

/* ---- messages ---- */

/* libnl's own errors, as far as the kernel sends them. */
static int nbd_kernel_errno(int error)
{
        switch (-error) {
        case NLE_SUCCESS: return 0;
        case NLE_OBJ_NOTFOUND: return -ENOENT;
        case NLE_PERM:
        case NLE_NOACCESS: return -EPERM;
        case NLE_BUSY: return -EBUSY;
        case NLE_INVAL: return -EINVAL;
        case NLE_NOMEM: return -ENOMEM;
        case NLE_NODEV: return -ENODEV;
        default: return -EIO;
        }
}

static int nbd_kernel_open(struct nl_sock **ret, int *ret_family)
{
        struct nl_sock *s = nl_socket_alloc();
        int r;

        if (!s)
                return -ENOMEM;
        r = genl_connect(s);
        if (r >= 0)
                r = *ret_family = genl_ctrl_resolve(s, NBD_GENL_FAMILY_NAME);
        if (r >= 0) {
                *ret = s;
                return 0;
        }
        nl_socket_free(s);
        return nbd_kernel_errno(r);
}

static int nbd_kernel_put_sockets(struct nl_msg *m, const struct nbd_kernel_device *d)
{
        struct nlattr *all = nla_nest_start(m, NBD_ATTR_SOCKETS);

        if (!all)
                return -NLE_NOMEM;
        for (unsigned i = 0; i < d->socket_count; i++) {
                struct nlattr *one = nla_nest_start(m, NBD_SOCK_ITEM);

                if (!one || nla_put_u32(m, NBD_SOCK_FD, (uint32_t)d->sockets[i]) < 0)
                        return -NLE_NOMEM;
                nla_nest_end(m, one);
        }
        nla_nest_end(m, all);
        return 0;
}

/* A request without an answer is the engine's to judge: the kernel's own time-out is off. */
static int nbd_kernel_put(struct nl_msg *m, const struct nbd_kernel_device *d)
{
        if ((d->index >= 0 && nla_put_u32(m, NBD_ATTR_INDEX, (uint32_t)d->index) < 0) ||
            nla_put_u64(m, NBD_ATTR_SIZE_BYTES, d->bytes) < 0 ||
            nla_put_u64(m, NBD_ATTR_BLOCK_SIZE_BYTES, d->block_bytes) < 0 ||
            nla_put_u64(m, NBD_ATTR_SERVER_FLAGS, d->flags) < 0 ||
            nla_put_u64(m, NBD_ATTR_TIMEOUT, 0) < 0 ||
            nla_put_u64(m, NBD_ATTR_DEAD_CONN_TIMEOUT, d->dead_sec) < 0 ||
            nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, d->identifier) < 0)
                return -NLE_NOMEM;
        return nbd_kernel_put_sockets(m, d);
}

/* Without sockets: which device, and its size if that is to change. */
static int nbd_kernel_put_few(struct nl_msg *m, const struct nbd_kernel_device *d)
{
        if (nla_put_u32(m, NBD_ATTR_INDEX, (uint32_t)d->index) < 0 ||
            (d->bytes > 0 && nla_put_u64(m, NBD_ATTR_SIZE_BYTES, d->bytes) < 0) ||
            (d->identifier && nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, d->identifier) < 0))
                return -NLE_NOMEM;
        return 0;
}

struct nbd_kernel_answer {
        int index; /* CONNECT: of the device */
        bool done;
};

static int nbd_kernel_on_valid(struct nl_msg *m, void *arg)
{
        struct nlattr *attrs[NBD_ATTR_MAX + 1];
        struct nbd_kernel_answer *a = arg;

        if (genlmsg_parse(nlmsg_hdr(m), 0, attrs, NBD_ATTR_MAX, NULL) == 0 && attrs[NBD_ATTR_INDEX])
                a->index = (int)nla_get_u32(attrs[NBD_ATTR_INDEX]);
        return NL_OK;
}

static int nbd_kernel_on_ack(struct nl_msg *m, void *arg)
{
        struct nbd_kernel_answer *a = arg;

        (void)m;
        a->done = true;
        return NL_STOP;
}

/* m is taken. Only CONNECT has an answer beside the acknowledgement. */
static int nbd_kernel_ask(struct nl_sock *s, struct nl_msg *m, int *ret_index)
{
        struct nbd_kernel_answer a = {.index = *ret_index};
        int r;

        nl_socket_disable_seq_check(s);
        nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, nbd_kernel_on_valid, &a);
        nl_socket_modify_cb(s, NL_CB_ACK, NL_CB_CUSTOM, nbd_kernel_on_ack, &a);
        r = nl_send_auto(s, m);
        nlmsg_free(m);
        while (r >= 0 && !a.done)
                r = nl_recvmsgs_default(s);
        *ret_index = a.index;
        return nbd_kernel_errno(r < 0 ? r : 0);
}

static int nbd_kernel_send(int command, const struct nbd_kernel_device *d, int *ret_index)
{
        struct nl_sock *s = NULL;
        struct nl_msg *m;
        int family = 0, r;

        r = nbd_kernel_open(&s, &family);
        if (r < 0)
                return r;
        m = nlmsg_alloc();
        if (!m || !genlmsg_put(m, 0, 0, family, 0, NLM_F_ACK, (uint8_t)command, 0))
                r = -ENOMEM;
        else
                r = nbd_kernel_errno(d->socket_count > 0 ? nbd_kernel_put(m, d)
                                                         : nbd_kernel_put_few(m, d));
        if (r == 0)
                r = nbd_kernel_ask(s, m, ret_index);
        else
                nlmsg_free(m);
        nl_socket_free(s);
        return r;
}

/* ---- what can be done ---- */

int nbd_kernel_connect(const struct nbd_kernel_device *d, int *ret_index)
{
        CHECK(d->socket_count > 0 && d->socket_count <= NBD_KERNEL_SOCKETS_MAX);
        *ret_index = d->index;
        return nbd_kernel_send(NBD_CMD_CONNECT, d, ret_index);
}

int nbd_kernel_reconnect(const struct nbd_kernel_device *d)
{
        int index = d->index;

        CHECK(d->index >= 0);
        CHECK(d->socket_count > 0 && d->socket_count <= NBD_KERNEL_SOCKETS_MAX);
        return nbd_kernel_send(NBD_CMD_RECONFIGURE, d, &index);
}

int nbd_kernel_resize(int index, uint64_t bytes)
{
        char identifier[NBD_KERNEL_ID_BYTES];
        const struct nbd_kernel_device d = {
                .index = index,
                .bytes = bytes,
                .identifier = identifier, /* or the kernel takes nothing from us */
        };
        int r = nbd_kernel_identifier(index, identifier);

        if (r < 0)
                return r;
        return nbd_kernel_send(NBD_CMD_RECONFIGURE, &d, &index);
}

int nbd_kernel_disconnect(int index)
{
        const struct nbd_kernel_device d = {.index = index};

        return nbd_kernel_send(NBD_CMD_DISCONNECT, &d, &index);
}

int nbd_kernel_identifier(int index, char ret[NBD_KERNEL_ID_BYTES])
{
        char path[64];
        autofd int fd = -1;
        ssize_t n;

        snprintf(path, sizeof(path), "/sys/block/nbd%d/backend", index);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -ENOENT;
        n = read(fd, ret, NBD_KERNEL_ID_BYTES - 1);
        if (n <= 0)
                return -ENOENT;
        ret[n] = 0;
        ret[strcspn(ret, "\n")] = 0;
        return 0;
}

bool nbd_kernel_index(const char *path, int *ret)
{
        static const char prefix[] = "/dev/nbd";
        const char *digits = path + sizeof(prefix) - 1;
        long n = 0;

        if (strncmp(path, prefix, sizeof(prefix) - 1) != 0 || !*digits ||
            strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 5)
                return false;
        for (; *digits; digits++)
                n = 10 * n + (*digits - '0');
        if (n > NBD_KERNEL_INDEX_MAX)
                return false;
        *ret = (int)n;
        return true;
}
