/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET, SOCK_RAW, a batch of frames a system call.
 *
 * Opening is in an order that lets no foreign frame in: protocol 0 (the kernel hands it nothing),
 * filter, lock, buffers, and the bind that starts the flow last. The lock is why the worker may
 * hold the socket without being trusted: nobody takes the filter off again, and the worker has no
 * CAP_NET_RAW to open another one.
 *
 * Invariants of struct link_packet: rx[i] points at rx_iov[i] and tx[i] at tx_iov[i] for life; a
 * call sets only the iovecs. Nothing is allocated after link_packet_new().
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/list.h"
#include "io/autofd.h"
#include "io/link.h"
#include "wire/aoe.h"

#define RECEIVE_BUFFER_BYTES (8 << 20)
#define SEND_BUFFER_BYTES    (4 << 20)

#define AT_ETHERTYPE 12
#define AT_FLAGS     14
#define AT_COMMAND   19
#define AT_TAG       20

struct link_packet {
        struct link link; /* first: ops get a struct link * */
        struct mmsghdr rx[LINK_BATCH_MAX];
        struct mmsghdr tx[LINK_BATCH_MAX];
        struct iovec rx_iov[LINK_BATCH_MAX];
        struct iovec tx_iov[LINK_BATCH_MAX][2]; /* header, payload */
};

size_t link_packet_filter(uint8_t cookie, struct sock_filter *prog, size_t max)
{
        /* Jumps are relative to the next instruction; a load past the end of a short frame drops
         * it. The kernel shows VLAN frames whose VLAN is not configured as OTHERHOST, too. */
        const struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, AT_ETHERTYPE),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AOE_ETHERTYPE, 0, 11),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_FLAGS),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AOE_FLAG_RESPONSE, 0, 9),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 7, 0),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_TAG),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_COMMAND),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AOE_COMMAND_CONFIG, 2, 3),
                BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ENGINE_TAG_COOKIE_MASK),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ENGINE_TAG_COOKIE(cookie), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), /* all of the frame */
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const size_t count = sizeof(code) / sizeof(code[0]);

        _Static_assert(sizeof(code) / sizeof(code[0]) <= LINK_FILTER_MAX, "LINK_FILTER_MAX");
        CHECK(count <= max);
        memcpy(prog, code, sizeof(code));
        return count;
}

static int set_int(int fd, int level, int option, int value)
{
        return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int attach_filter(int fd, uint8_t cookie)
{
        struct sock_filter code[LINK_FILTER_MAX];
        struct sock_fprog prog = {
                .len = (unsigned short)link_packet_filter(cookie, code, LINK_FILTER_MAX),
                .filter = code,
        };

        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
                return -errno;
        return set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
}

/* Forced past rmem_max where permitted; else clipped by it, which is no error: the engine sizes
 * its windows by what came out. */
static int set_buffer(int fd, int force, int option, int bytes)
{
        if (set_int(fd, SOL_SOCKET, force, bytes) == 0)
                return 0;
        return set_int(fd, SOL_SOCKET, option, bytes);
}

static int set_buffers(int fd)
{
        int r = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER_BYTES);

        if (r < 0)
                return r;
        return set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
}

static int bind_interface(int fd, int ifindex)
{
        struct sockaddr_ll sll = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(AOE_ETHERTYPE),
                                  .sll_ifindex = ifindex};

        return bind(fd, (const struct sockaddr *)&sll, sizeof(sll)) < 0 ? -errno : 0;
}

int link_packet_open(int ifindex, uint8_t cookie, int *ret_fd)
{
        autofd int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        CHECK(cookie >= ENGINE_COOKIE_MIN && cookie <= ENGINE_COOKIE_MAX);
        if (fd < 0)
                return -errno;
        if (ifindex <= 0)
                return -ENODEV; /* to bind(2), 0 means all interfaces */
        r = attach_filter(fd, cookie);
        if (r < 0)
                return r;
        r = set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        if (r < 0)
                return r;
        r = set_buffers(fd);
        if (r < 0)
                return r;
        r = bind_interface(fd, ifindex);
        if (r < 0)
                return r;
        *ret_fd = autofd_steal(&fd);
        return 0;
}

uint32_t link_packet_receive_bytes(int fd)
{
        int bytes = 0;
        socklen_t len = sizeof(bytes);

        if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) < 0 || bytes < 0)
                return 0;
        return (uint32_t)bytes;
}

static struct link_packet *packet_of(struct link *l)
{
        return LIST_ENTRY(l, struct link_packet, link);
}

/* Moves the whole frames to the front of frames[], in order, and sets their size. */
static size_t keep_whole(struct link_packet *p, struct frame **frames, size_t count)
{
        size_t kept = 0;

        for (size_t i = 0; i < count; i++) {
                struct frame *f = frames[i];

                if (p->rx[i].msg_hdr.msg_flags & MSG_TRUNC) {
                        p->link.counters.truncated++;
                        continue;
                }
                f->bytes = p->rx[i].msg_len;
                frames[i] = frames[kept];
                frames[kept++] = f;
        }
        return kept;
}

static int packet_receive(struct link *l, struct frame **frames, size_t max)
{
        struct link_packet *p = packet_of(l);
        size_t want = max < LINK_BATCH_MAX ? max : LINK_BATCH_MAX;
        size_t kept;
        int n;

        for (size_t i = 0; i < want; i++)
                p->rx_iov[i] = (struct iovec){.iov_base = frames[i]->data,
                                              .iov_len = frames[i]->room_bytes};
        n = recvmmsg(l->fd, p->rx, (unsigned)want, MSG_DONTWAIT, NULL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        kept = keep_whole(p, frames, (size_t)n);
        l->counters.received += kept;
        return (int)kept;
}

static void fill_batch(struct link_packet *p, const struct tx *tx, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                p->tx_iov[i][0] = (struct iovec){.iov_base = (void *)(uintptr_t)tx[i].header,
                                                 .iov_len = tx[i].header_bytes};
                p->tx_iov[i][1] = (struct iovec){.iov_base = (void *)(uintptr_t)tx[i].payload,
                                                 .iov_len = tx[i].payload_bytes};
                p->tx[i].msg_hdr.msg_iovlen = tx[i].payload_bytes > 0 ? 2 : 1;
        }
}

/* At most one batch, with one second try: an ENETDOWN that is left over from a moment when the
 * interface was down is told once by the socket and gone; while it is down, it stays. */
static int send_batch(struct link_packet *p, const struct tx *tx, size_t n)
{
        size_t batch = n < LINK_BATCH_MAX ? n : LINK_BATCH_MAX;
        int r;

        fill_batch(p, tx, batch);
        r = sendmmsg(p->link.fd, p->tx, (unsigned)batch, MSG_DONTWAIT);
        if (r < 0 && (errno == ENETDOWN || errno == EINTR))
                r = sendmmsg(p->link.fd, p->tx, (unsigned)batch, MSG_DONTWAIT);
        return r < 0 ? -errno : r;
}

/* sendmmsg tells the reason of a frame only when that frame is its first: the loop comes back with
 * the one that stopped it. */
static int packet_send(struct link *l, const struct tx *tx, size_t n)
{
        struct link_packet *p = packet_of(l);
        size_t done = 0;

        while (done < n) {
                int r = send_batch(p, tx + done, n - done);

                if (r == -EMSGSIZE) {
                        l->counters.refused++;
                        done++;
                        continue;
                }
                if (r == -ENOBUFS || r == -EAGAIN || r == -EINTR) {
                        l->counters.back_pressure++;
                        break;
                }
                if (r < 0)
                        return done > 0 ? (int)done : r;
                l->counters.sent += (size_t)r;
                done += (size_t)r;
        }
        return (int)done;
}

static void packet_free(struct link *l)
{
        close(l->fd);
        free(packet_of(l));
}

static const struct link_ops packet_ops = {
        .receive = packet_receive,
        .send = packet_send,
        .free = packet_free,
};

struct link *link_packet_new(int fd)
{
        struct link_packet *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        p->link = (struct link){.ops = &packet_ops, .fd = fd};
        for (size_t i = 0; i < LINK_BATCH_MAX; i++) {
                p->rx[i].msg_hdr = (struct msghdr){.msg_iov = &p->rx_iov[i], .msg_iovlen = 1};
                p->tx[i].msg_hdr = (struct msghdr){.msg_iov = p->tx_iov[i], .msg_iovlen = 1};
        }
        return &p->link;
}

void link_packet_statistics(struct link *l)
{
        struct tpacket_stats stats;
        socklen_t len = sizeof(stats);

        CHECK(l->ops == &packet_ops);
        if (getsockopt(l->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
                l->counters.kernel_drops += stats.tp_drops;
}
