/* SPDX-License-Identifier: MIT */
/*
 * The bare client of the benchmark: READs or WRITEs one AoE target through a packet socket with a
 * fixed window, and does nothing with the data. It is the ceiling that aoefs is compared with, so
 * it has no safety at all: a frame without an answer is sent again after RESEND_NSEC, any answer
 * with the right tag counts. Its buffers are sized for what it is used for here: vblade on a veth
 * pair.
 *
 *   slot: FREE --sent--> BUSY --answered--> FREE, with the next tag of the same slot
 *
 * tag = 0xbe000000 | turn << 12 | slot. Prints one line: MBps=N kfps=N resends=N.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ETHERTYPE       0x88a2
#define SECTOR          512
#define ATA_BYTES       36
#define FRAME_BYTES_MIN 60
#define FRAME_BYTES_MAX 9216
#define WINDOW_MAX      256
#define BATCH           64
#define TAG             0xbe000000u
#define RESEND_NSEC     20000000u
#define ANSWER_NSEC     2000000000u /* for the two questions at the start */
#define ASK_AGAIN_MSEC  100
#define RECEIVE_BYTES   (8 << 20)

struct slot {
        bool busy;
        uint32_t tag;
        uint64_t sent_at;
        uint8_t header[FRAME_BYTES_MIN];
};

struct client {
        const char *interface;
        uint16_t shelf;
        uint8_t minor;
        unsigned window, sectors, seconds;
        bool writes, random;

        int fd;
        uint32_t mtu;
        uint8_t mac[6], target[6];
        uint64_t size; /* of the target, in sectors */
        uint64_t next;
        uint64_t dice;
        uint32_t turn;
        uint64_t frames, resends;
        struct slot slots[WINDOW_MAX];
        uint8_t data[FRAME_BYTES_MAX]; /* what is written */
        uint8_t in[BATCH][FRAME_BYTES_MAX];
};

static void die(const char *what)
{
        fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
        exit(1);
}

static uint64_t clock_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put32(uint8_t *p, uint32_t v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void build(const struct client *c, uint8_t *p, uint8_t command, uint32_t tag)
{
        memset(p, 0, FRAME_BYTES_MIN);
        memcpy(p, c->target, 6);
        memcpy(p + 6, c->mac, 6);
        p[12] = ETHERTYPE >> 8;
        p[13] = ETHERTYPE & 0xff;
        p[14] = 0x10;
        p[16] = (uint8_t)(c->shelf >> 8);
        p[17] = (uint8_t)c->shelf;
        p[18] = c->minor;
        p[19] = command;
        put32(p + 20, tag);
}

static void build_ata(uint8_t *p, uint8_t flags, uint8_t sectors, uint8_t command, uint64_t lba)
{
        p[24] = flags;
        p[26] = sectors;
        p[27] = command;
        for (int i = 0; i < 6; i++)
                p[28 + i] = (uint8_t)(lba >> 8 * i);
}

static void open_socket(struct client *c)
{
        struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE)};
        struct ifreq request = {0};
        int bytes = RECEIVE_BYTES, one = 1;

        c->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd < 0)
                die("packet socket");
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", c->interface);
        if (ioctl(c->fd, SIOCGIFINDEX, &request))
                die(c->interface);
        where.sll_ifindex = request.ifr_ifindex;
        if (ioctl(c->fd, SIOCGIFHWADDR, &request))
                die(c->interface);
        memcpy(c->mac, request.ifr_hwaddr.sa_data, 6);
        if (ioctl(c->fd, SIOCGIFMTU, &request))
                die(c->interface);
        c->mtu = (uint32_t)request.ifr_mtu;
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        setsockopt(c->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
        if (bind(c->fd, (struct sockaddr *)&where, sizeof where))
                die("bind");
}

/* Sends one frame until it is answered; the answer's bytes. */
static size_t ask(struct client *c, const uint8_t *frame, uint8_t *answer)
{
        struct pollfd readable = {c->fd, POLLIN, 0};
        uint64_t until = clock_now() + ANSWER_NSEC;
        bool heard = false;

        while (clock_now() < until) {
                ssize_t n;

                if (!heard && send(c->fd, frame, FRAME_BYTES_MIN, 0) < 0)
                        die("send");
                n = recv(c->fd, answer, FRAME_BYTES_MAX, 0);
                if (n >= 32 && answer[14] & 0x08 && !memcmp(answer + 20, frame + 20, 4))
                        return (size_t)n;
                heard = n >= 0 || poll(&readable, 1, ASK_AGAIN_MSEC) > 0;
        }
        fprintf(stderr, "bare: e%u.%u does not answer\n", c->shelf, c->minor);
        exit(1);
}

/* Its MAC, sectors a frame, size. */
static void discover(struct client *c)
{
        uint8_t frame[FRAME_BYTES_MIN], answer[FRAME_BYTES_MAX];
        unsigned most;

        memset(c->target, 0xff, 6);
        build(c, frame, 1, TAG | 1);
        ask(c, frame, answer);
        memcpy(c->target, answer + 6, 6);
        most = answer[28] ? answer[28] : 2;
        most = most < (c->mtu - ATA_BYTES) / SECTOR ? most : (c->mtu - ATA_BYTES) / SECTOR;
        if (!c->sectors || c->sectors > most)
                c->sectors = most;

        build(c, frame, 0, TAG | 2);
        build_ata(frame, 0, 1, 0xec, 0xa0000000);
        if (ask(c, frame, answer) < ATA_BYTES + SECTOR)
                die("IDENTIFY");
        for (int i = 5; i >= 0; i--)
                c->size = c->size << 8 | answer[ATA_BYTES + 200 + i];
}

static uint64_t place(struct client *c)
{
        uint64_t places = c->size / c->sectors;

        c->dice = c->dice * 6364136223846793005u + 1442695040888963407u;
        return (c->random ? (c->dice >> 20) % places : c->next++ % places) * c->sectors;
}

static void slot_fill(struct client *c, unsigned idx)
{
        struct slot *s = &c->slots[idx];

        s->busy = true;
        s->sent_at = 0;
        s->tag = TAG | (++c->turn & 0xfff) << 12 | idx;
        build(c, s->header, 0, s->tag);
        build_ata(s->header, c->writes ? 0x41 : 0x40, (uint8_t)c->sectors, c->writes ? 0x34 : 0x24,
                  place(c));
}

/* Everything that waits to be sent, or to be sent again. */
static void transmit(struct client *c, uint64_t now)
{
        struct mmsghdr messages[BATCH];
        struct iovec parts[BATCH][2];
        struct slot *out[BATCH];
        unsigned n = 0;
        int sent;

        for (unsigned i = 0; i < c->window && n < BATCH; i++) {
                struct slot *s = &c->slots[i];

                if (!s->busy || (s->sent_at && now - s->sent_at < RESEND_NSEC))
                        continue;
                parts[n][0] = (struct iovec){s->header, c->writes ? ATA_BYTES : FRAME_BYTES_MIN};
                parts[n][1] = (struct iovec){c->data, (size_t)c->sectors * SECTOR};
                messages[n] = (struct mmsghdr){0};
                messages[n].msg_hdr.msg_iov = parts[n];
                messages[n].msg_hdr.msg_iovlen = c->writes ? 2 : 1;
                out[n++] = s;
        }
        sent = n ? sendmmsg(c->fd, messages, n, 0) : 0;
        if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
                die("sendmmsg");
        for (int i = 0; i < sent; i++) {
                c->resends += out[i]->sent_at != 0;
                out[i]->sent_at = now;
        }
}

static void on_answer(struct client *c, const uint8_t *p, size_t bytes)
{
        size_t least = ATA_BYTES + (c->writes ? 0 : (size_t)c->sectors * SECTOR);
        uint32_t tag;
        unsigned idx;

        if (bytes < ATA_BYTES || !(p[14] & 0x08) || p[19] != 0)
                return;
        tag = get32(p + 20);
        idx = tag & 0xfff;
        if (idx >= c->window || !c->slots[idx].busy || c->slots[idx].tag != tag)
                return;
        if (p[14] & 0x04 || p[27] & 0xa9 || bytes < least) {
                fprintf(stderr, "bare: the target refuses: error %u, status %02x\n", p[15], p[27]);
                exit(1);
        }
        c->frames++;
        slot_fill(c, idx);
}

static void receive(struct client *c)
{
        struct mmsghdr messages[BATCH];
        struct iovec parts[BATCH];
        int n;

        for (unsigned i = 0; i < BATCH; i++) {
                parts[i] = (struct iovec){c->in[i], FRAME_BYTES_MAX};
                messages[i] = (struct mmsghdr){0};
                messages[i].msg_hdr.msg_iov = &parts[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(c->fd, messages, BATCH, 0, NULL);
        if (n < 0 && errno != EAGAIN)
                die("recvmmsg");
        for (int i = 0; i < n; i++)
                on_answer(c, c->in[i], messages[i].msg_len);
}

static void run(struct client *c)
{
        struct pollfd readable = {c->fd, POLLIN, 0};
        uint64_t from = clock_now(), until = from + c->seconds * 1000000000ull, now;
        double seconds;

        for (unsigned i = 0; i < c->window; i++)
                slot_fill(c, i);
        for (now = from; now < until; now = clock_now()) {
                transmit(c, now);
                poll(&readable, 1, 5);
                receive(c);
        }
        seconds = (double)(now - from) / 1e9;
        printf("MBps=%.1f kfps=%.1f resends=%llu\n",
               (double)(c->frames * c->sectors * SECTOR) / seconds / 1e6,
               (double)c->frames / seconds / 1e3, (unsigned long long)c->resends);
}

static unsigned number(const char *text, unsigned long max)
{
        char *end;
        unsigned long v = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || v > max) {
                fprintf(stderr, "bare: %s: not a number up to %lu\n", text, max);
                exit(2);
        }
        return (unsigned)v;
}

int main(int argc, char **argv)
{
        static struct client c = {.shelf = 7, .minor = 1, .window = 16, .seconds = 2, .dice = 1};
        int option;

        while ((option = getopt(argc, argv, "i:s:m:w:n:t:Wr")) != -1)
                switch (option) {
                case 'i': c.interface = optarg; break;
                case 's': c.shelf = (uint16_t)number(optarg, 0xfffe); break;
                case 'm': c.minor = (uint8_t)number(optarg, 0xfe); break;
                case 'w': c.window = number(optarg, WINDOW_MAX); break;
                case 'n': c.sectors = number(optarg, 17); break;
                case 't': c.seconds = number(optarg, 3600); break;
                case 'W': c.writes = true; break;
                case 'r': c.random = true; break;
                default: c.interface = NULL;
                }
        if (!c.interface || optind != argc || !c.window || !c.seconds) {
                fputs("usage: bare -i INTERFACE [-s SHELF] [-m SLOT] [-w WINDOW] [-n SECTORS]\n"
                      "            [-t SECONDS] [-W writes] [-r random]\n",
                      stderr);
                return 2;
        }
        open_socket(&c);
        discover(&c);
        run(&c);
        return 0;
}
