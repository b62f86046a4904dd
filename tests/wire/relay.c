/* SPDX-License-Identifier: MIT */
/*
 * A bad wire for the end-to-end tests: it carries AoE frames between two interfaces, as they are,
 * and does to them what its standard input says, a line at a time, at once and under load
 * (settings.h; "relay -l" lists the faults):
 *
 *      both loss=10 duplicate=100
 *      back hole=5000
 *      both clean
 *
 * It answers each line with "ok N" or "refused N: reason", N counting the lines. It prints "ready"
 * when both interfaces are bound, and at SIGTERM or SIGINT a line "applied LANE.FAULT N" for each
 * fault that was ever asked for: a test whose fault never happened proves nothing.
 *
 * One thread and two packet sockets. What is received is sent before more is received, so no frame
 * waits here but in a lane (lane.h has the order and the limits).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "lane.h"
#include "settings.h"

#define ETHERTYPE    0x88a2
#define BUFFER_BYTES (16 << 20)
#define LINE_BYTES   512

struct relay {
        int fd[LANE_COUNT]; /* lane n comes in at fd[n] and goes out at the other one */
        int control;        /* where the lines come from; -1: it has ended */
        int signals;
        struct lane lanes[LANE_COUNT];
        struct settings settings[LANE_COUNT];
        struct frame_pool pool;
        struct frame *spare[FRAME_BATCH]; /* owned: what the next receive fills */
        uint64_t unsent;                  /* the kernel would not take them */

        char line[LINE_BYTES];
        size_t line_bytes;
        unsigned line_count;
};

static void die(const char *what)
{
        fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
        exit(1);
}

static uint64_t clock_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ---- frames ---- */

static int socket_open(const char *interface)
{
        struct sockaddr_ll where = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(ETHERTYPE),
                .sll_ifindex = (int)if_nametoindex(interface),
        };
        struct packet_mreq all = {.mr_ifindex = where.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), bytes = BUFFER_BYTES, one = 1;

        if (fd < 0)
                die("packet socket");
        if (where.sll_ifindex == 0)
                die(interface);
        if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) ||
            setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) ||
            setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) ||
            setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
                die("setsockopt");
        if (bind(fd, (struct sockaddr *)&where, sizeof where))
                die("bind");
        return fd;
}

/* All of it, in order; what the kernel refuses (a link that is down) is lost, as on any wire. */
static void send_all(struct relay *r, int fd, struct mmsghdr *messages, unsigned count)
{
        for (unsigned done = 0; done < count;) {
                int n = sendmmsg(fd, messages + done, count - done, MSG_DONTWAIT);

                if (n <= 0) {
                        r->unsent++;
                        n = 1;
                }
                done += (unsigned)n;
        }
}

/* A frame and its twin go in one call. */
static void lane_send(struct relay *r, enum lane_way way, uint64_t now_ns)
{
        struct frame *frames[FRAME_BATCH];
        struct iovec iov[FRAME_BATCH];
        struct mmsghdr messages[2 * FRAME_BATCH];
        unsigned frame_count, message_count;

        do {
                message_count = 0;
                for (frame_count = 0; frame_count < FRAME_BATCH; frame_count++) {
                        struct frame *f = lane_next(&r->lanes[way], now_ns);

                        if (!f)
                                break;
                        frames[frame_count] = f;
                        iov[frame_count] = (struct iovec){f->data, f->bytes};
                        for (unsigned i = 0; i < f->times; i++)
                                messages[message_count++] = (struct mmsghdr){
                                        .msg_hdr = {.msg_iov = &iov[frame_count], .msg_iovlen = 1}};
                }
                send_all(r, r->fd[!way], messages, message_count);
                for (unsigned i = 0; i < frame_count; i++)
                        frame_put(&r->pool, frames[i]);
        } while (frame_count == FRAME_BATCH);
}

static unsigned receive(struct relay *r, int fd)
{
        struct iovec iov[FRAME_BATCH];
        struct mmsghdr messages[FRAME_BATCH];
        int n;

        for (unsigned i = 0; i < FRAME_BATCH; i++) {
                if (!r->spare[i])
                        r->spare[i] = frame_get(&r->pool);
                iov[i] = (struct iovec){r->spare[i]->data, FRAME_BYTES_MAX};
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
        }
        n = recvmmsg(fd, messages, FRAME_BATCH, MSG_DONTWAIT, NULL);
        if (n < 0 && errno != EAGAIN && errno != ENETDOWN)
                die("recvmmsg");
        for (int i = 0; i < n; i++) {
                errno = EMSGSIZE;
                if (messages[i].msg_hdr.msg_flags & MSG_TRUNC)
                        die("a frame larger than FRAME_BYTES_MAX");
                r->spare[i]->bytes = messages[i].msg_len;
        }
        return n < 0 ? 0 : (unsigned)n;
}

/* The clock is read after the frames came: nothing that was due before them goes after them. */
static void lane_turn(struct relay *r, enum lane_way way)
{
        struct lane *l = &r->lanes[way];
        unsigned count = receive(r, r->fd[way]);
        uint64_t now_ns = clock_ns();

        lane_tick(l, now_ns);
        for (unsigned i = 0; i < count; i++) {
                lane_take(l, r->spare[i], now_ns);
                r->spare[i] = NULL;
        }
        lane_send(r, way, now_ns);
}

/* ---- the lines ---- */

static void on_line(struct relay *r, char *line)
{
        const char *reason;
        uint64_t now_ns = clock_ns();

        r->line_count++;
        if (!settings_parse(line, r->settings, &reason)) {
                printf("refused %u: %s\n", r->line_count, reason);
        } else {
                for (int way = 0; way < LANE_COUNT; way++)
                        lane_set(&r->lanes[way], &r->settings[way], now_ns);
                printf("ok %u\n", r->line_count);
        }
        fflush(stdout);
}

static void on_control(struct relay *r)
{
        ssize_t n = read(r->control, r->line + r->line_bytes, LINE_BYTES - r->line_bytes);
        char *end;

        if (n <= 0) {
                r->control = -1;
                return;
        }
        r->line_bytes += (size_t)n;
        while ((end = memchr(r->line, '\n', r->line_bytes))) {
                size_t bytes = (size_t)(end - r->line) + 1;

                *end = '\0';
                on_line(r, r->line);
                r->line_bytes -= bytes;
                memmove(r->line, end + 1, r->line_bytes);
        }
        if (r->line_bytes == LINE_BYTES) {
                fputs("relay: a line without an end\n", stderr);
                exit(1);
        }
}

/* ---- the loop ---- */

static int wait_for_work(struct relay *r, struct pollfd *fds, unsigned count)
{
        uint64_t now_ns = clock_ns(), at_ns = UINT64_MAX, wait_ns;
        struct timespec wait;

        for (int way = 0; way < LANE_COUNT; way++) {
                uint64_t lane_ns = lane_deadline(&r->lanes[way], now_ns);

                at_ns = lane_ns < at_ns ? lane_ns : at_ns;
        }
        wait_ns = at_ns > now_ns ? at_ns - now_ns : 0;
        wait = (struct timespec){(time_t)(wait_ns / SECOND_NS), (long)(wait_ns % SECOND_NS)};
        return ppoll(fds, count, at_ns == UINT64_MAX ? NULL : &wait, NULL);
}

/* Until SIGTERM or SIGINT, which are blocked and come as bytes of a descriptor: none is missed. */
static void carry(struct relay *r)
{
        for (;;) {
                struct pollfd fds[] = {
                        {r->fd[LANE_OUT], POLLIN, 0},
                        {r->fd[LANE_BACK], POLLIN, 0},
                        {r->control, POLLIN, 0}, /* -1: poll leaves it alone */
                        {r->signals, POLLIN, 0},
                };

                if (wait_for_work(r, fds, sizeof fds / sizeof *fds) < 0)
                        die("ppoll");
                if (fds[3].revents)
                        return;
                if (fds[2].revents)
                        on_control(r);
                lane_turn(r, LANE_OUT);
                lane_turn(r, LANE_BACK);
        }
}

static void report(const struct relay *r)
{
        for (int way = 0; way < LANE_COUNT; way++) {
                const struct lane *l = &r->lanes[way];
                const char *name = lane_name((enum lane_way)way);

                for (int f = 0; f < FAULT_COUNT; f++)
                        if (l->faults.asked[f])
                                printf("applied %s.%s %llu\n", name, fault_name((enum fault)f),
                                       (unsigned long long)l->faults.applied[f]);
                printf("carried %s %llu\ngiven up %s %llu\n", name, (unsigned long long)l->carried,
                       name, (unsigned long long)l->given_up);
        }
        printf("unsent %llu\n", (unsigned long long)r->unsent);
}

static void usage(void)
{
        fputs("usage: relay [-s SEED] INITIATOR_SIDE TARGET_SIDE  (two interfaces)\n"
              "       relay -l\n",
              stderr);
        exit(2);
}

int main(int argc, char **argv)
{
        static struct relay r = {.control = STDIN_FILENO};
        unsigned long long seed = 1;
        sigset_t ends;
        int option;

        while ((option = getopt(argc, argv, "s:l")) != -1)
                switch (option) {
                case 's': seed = strtoull(optarg, NULL, 10); break;
                case 'l': fault_list(); return 0;
                default: usage();
                }
        if (optind + 2 != argc)
                usage();
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        r.signals = signalfd(-1, &ends, SFD_CLOEXEC);
        if (r.signals < 0)
                die("signalfd");
        prctl(PR_SET_TIMERSLACK, 1UL); /* delays are microseconds */
        frame_pool_init(&r.pool);
        for (int way = 0; way < LANE_COUNT; way++) {
                lane_init(&r.lanes[way], &r.pool, seed * LANE_COUNT + (unsigned)way);
                r.fd[way] = socket_open(argv[optind + way]);
        }
        puts("ready");
        fflush(stdout);
        carry(&r);
        report(&r);
        frame_pool_fini(&r.pool);
        return 0;
}
