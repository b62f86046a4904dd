/* SPDX-License-Identifier: MIT */
/*
 * A target with very many devices on one packet socket, in memory: honest, without a queue of its
 * own, and fast (recvmmsg, sendmmsg), so that what is seen with a thousand devices is the
 * initiator's doing. For one that misbehaves see target/hostile.
 *
 * The idx-th device is shelf SHELF + idx / SLOTS, slot idx % SLOTS. Its disk is a part of one
 * sparse mapping. What a case compares is there from the start: each sector of its first and last
 * STAMP_SECTORS begins with the line "e7.1 sector 5", so that no disk can be taken for another.
 *
 * It prints "ready" when its socket is bound, and ends by a signal.
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETHERTYPE       0x88a2
#define SECTOR          512
#define ATA_BYTES       36
#define CONFIG_BYTES    32
#define FRAME_BYTES_MIN 60
#define FRAME_BYTES_MAX 9216
#define BATCH           64
#define SLOTS           100 /* of a shelf */
#define DEVICES_MAX     4096
#define STAMP_SECTORS   8
#define RECEIVE_BYTES   (64 << 20) /* room for all that many busy devices are asked at once */

#define ATA_READ_EXT  0x24
#define ATA_WRITE_EXT 0x34
#define ATA_FLUSH_EXT 0xea
#define ATA_IDENTIFY  0xec

/* Offsets in a frame (AoEr11 2, 3.1, 3.2). */
enum {
        AT_SRC = 6,
        AT_TYPE = 12,
        AT_FLAGS = 14,
        AT_ERROR = 15,
        AT_SHELF = 16,
        AT_SLOT = 18,
        AT_COMMAND = 19,
        AT_FEATURE = 25,
        AT_COUNT = 26,
        AT_STATUS = 27,
        AT_LBA = 28,
        AT_BUFFERS = 24,
        AT_FIRMWARE = 26,
        AT_SECTORS = 28,
        AT_CCMD = 29,
        AT_LENGTH = 30,
};

/* Answers that leave in one call: a header each, and data from a disk or from `identity`. */
struct batch {
        unsigned count;
        struct mmsghdr messages[BATCH];
        struct iovec parts[BATCH][2];
        uint8_t header[BATCH][FRAME_BYTES_MIN];
        uint8_t identity[BATCH][SECTOR];
};

struct crowd {
        const char *interface;
        unsigned shelf, count, mib, buffers;

        int fd;
        unsigned mtu;
        uint8_t mac[6];
        uint8_t *disks; /* mapped: count times mib */
        uint64_t sectors;
        struct batch out;
        uint8_t in[BATCH][FRAME_BYTES_MAX];
};

static void die(const char *what)
{
        fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void put16(uint8_t *p, unsigned v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
        return (unsigned)p[0] << 8 | p[1];
}

/* ---- the disks ---- */

static uint8_t *sector_at(const struct crowd *c, unsigned idx, uint64_t lba)
{
        return c->disks + (idx * c->sectors + lba) * SECTOR;
}

static void disk_stamp(const struct crowd *c, unsigned idx, uint64_t first)
{
        for (uint64_t lba = first; lba < first + STAMP_SECTORS; lba++)
                sprintf((char *)sector_at(c, idx, lba), "e%u.%u sector %llu\n",
                        c->shelf + idx / SLOTS, idx % SLOTS, (unsigned long long)lba);
}

static void disks_open(struct crowd *c)
{
        c->sectors = (uint64_t)c->mib << 11;
        c->disks = mmap(NULL, c->count * c->sectors * SECTOR, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (c->disks == MAP_FAILED)
                die("memory for the disks");
        for (unsigned idx = 0; idx < c->count; idx++) {
                disk_stamp(c, idx, 0);
                disk_stamp(c, idx, c->sectors - STAMP_SECTORS);
        }
}

/* ---- the link ---- */

static void link_open(struct crowd *c)
{
        struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE)};
        struct ifreq request = {0};
        int bytes = RECEIVE_BYTES, one = 1;

        c->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
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
        c->mtu = (unsigned)request.ifr_mtu;
        if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
                die("receive buffer");
        if (setsockopt(c->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one))
                die("own frames");
        if (bind(c->fd, (struct sockaddr *)&where, sizeof where))
                die("bind");
}

static void batch_send(struct crowd *c)
{
        unsigned sent = 0;

        while (sent < c->out.count) {
                int n = sendmmsg(c->fd, c->out.messages + sent, c->out.count - sent, 0);

                if (n < 0 && errno != ENOBUFS && errno != ENETDOWN)
                        die("sendmmsg");
                sent += n < 0 ? 1 : (unsigned)n; /* a frame that cannot leave is lost */
        }
        c->out.count = 0;
}

/* ---- answers ---- */

/* The next one of the batch, which turns the request's header round; batch_take adds it. */
static uint8_t *batch_begin(struct crowd *c, const uint8_t *ask, unsigned idx)
{
        uint8_t *a;

        if (c->out.count == BATCH)
                batch_send(c);
        a = c->out.header[c->out.count];
        memcpy(a, ask + AT_SRC, 6);
        memcpy(a + AT_SRC, c->mac, 6);
        memcpy(a + AT_TYPE, ask + AT_TYPE, ATA_BYTES - AT_TYPE);
        memset(a + ATA_BYTES, 0, FRAME_BYTES_MIN - ATA_BYTES);
        a[AT_FLAGS] = 0x18;
        put16(a + AT_SHELF, c->shelf + idx / SLOTS);
        a[AT_SLOT] = (uint8_t)(idx % SLOTS);
        return a;
}

static void batch_take(struct crowd *c, void *data, size_t bytes)
{
        unsigned i = c->out.count++;

        c->out.parts[i][0] = (struct iovec){c->out.header[i], bytes ? ATA_BYTES : FRAME_BYTES_MIN};
        c->out.parts[i][1] = (struct iovec){data, bytes};
        c->out.messages[i] = (struct mmsghdr){
                .msg_hdr = {.msg_iov = c->out.parts[i], .msg_iovlen = bytes ? 2 : 1},
        };
}

static unsigned frame_sectors(const struct crowd *c)
{
        return (c->mtu - ATA_BYTES) / SECTOR;
}

static void serve_config(struct crowd *c, const uint8_t *ask, unsigned idx)
{
        uint8_t *a;

        if (ask[AT_CCMD] & 0x0f)
                return; /* its config string cannot be set or matched */
        a = batch_begin(c, ask, idx);
        put16(a + AT_BUFFERS, c->buffers);
        put16(a + AT_FIRMWARE, 1);
        a[AT_SECTORS] = (uint8_t)frame_sectors(c);
        a[AT_CCMD] = 0x10;
        put16(a + AT_LENGTH, 0);
        memset(a + CONFIG_BYTES, 0, FRAME_BYTES_MIN - CONFIG_BYTES);
        batch_take(c, NULL, 0);
}

/* Strings have the bytes of each word swapped (ATA8-ACS 7.16). */
static void identity_string(uint8_t *words, int bytes, const char *text)
{
        char padded[64];

        snprintf(padded, sizeof padded, "%-*s", bytes, text);
        for (int i = 0; i < bytes; i++)
                words[i ^ 1] = (uint8_t)padded[i];
}

static uint8_t *identity_build(struct crowd *c, unsigned idx)
{
        uint8_t *p = c->out.identity[c->out.count];
        char serial[21];

        memset(p, 0, SECTOR);
        snprintf(serial, sizeof serial, "crowd-%u", idx);
        identity_string(p + 2 * 10, 20, serial);
        identity_string(p + 2 * 23, 8, "C1");
        identity_string(p + 2 * 27, 40, "aoefs crowd");
        p[2 * 49 + 1] = 1 << 1;          /* LBA */
        p[2 * 83 + 1] = 1 << 6 | 1 << 2; /* the word is valid; LBA48 */
        p[2 * 86 + 1] = 1 << 2;
        for (int i = 0; i < 8; i++)
                p[2 * 100 + i] = (uint8_t)(c->sectors >> 8 * i);
        return p;
}

static bool is_transfer_good(const struct crowd *c, const uint8_t *ask, size_t bytes, uint64_t lba)
{
        unsigned count = ask[AT_COUNT];

        return count > 0 && count <= frame_sectors(c) && lba <= c->sectors &&
               count <= c->sectors - lba &&
               (ask[AT_STATUS] == ATA_READ_EXT || bytes >= ATA_BYTES + (size_t)count * SECTOR);
}

static void serve_transfer(struct crowd *c, const uint8_t *ask, size_t bytes, unsigned idx)
{
        size_t length = (size_t)ask[AT_COUNT] * SECTOR;
        bool reads = ask[AT_STATUS] == ATA_READ_EXT;
        uint8_t *a = batch_begin(c, ask, idx);
        uint64_t lba = 0;

        for (int i = 5; i >= 0; i--)
                lba = lba << 8 | ask[AT_LBA + i];
        a[AT_FEATURE] = 0;
        a[AT_STATUS] = 0x40;
        if (!is_transfer_good(c, ask, bytes, lba)) {
                a[AT_FEATURE] = 0x10; /* IDNF */
                a[AT_STATUS] = 0x41;
                batch_take(c, NULL, 0);
        } else if (reads) {
                batch_take(c, sector_at(c, idx, lba), length);
        } else {
                memcpy(sector_at(c, idx, lba), ask + ATA_BYTES, length);
                batch_take(c, NULL, 0);
        }
}

static void serve_ata(struct crowd *c, const uint8_t *ask, size_t bytes, unsigned idx)
{
        uint8_t *a;

        switch (ask[AT_STATUS]) {
        case ATA_READ_EXT:
        case ATA_WRITE_EXT: serve_transfer(c, ask, bytes, idx); return;
        case ATA_IDENTIFY:
                a = batch_begin(c, ask, idx);
                a[AT_STATUS] = 0x40;
                batch_take(c, identity_build(c, idx), SECTOR);
                return;
        case ATA_FLUSH_EXT:
                a = batch_begin(c, ask, idx);
                a[AT_STATUS] = 0x40;
                batch_take(c, NULL, 0);
                return;
        default:
                a = batch_begin(c, ask, idx);
                a[AT_FEATURE] = 0x04; /* ABRT */
                a[AT_STATUS] = 0x41;
                batch_take(c, NULL, 0);
        }
}

static void serve_device(struct crowd *c, const uint8_t *ask, size_t bytes, unsigned idx)
{
        if (ask[AT_COMMAND] == 1)
                serve_config(c, ask, idx);
        else if (ask[AT_COMMAND] == 0)
                serve_ata(c, ask, bytes, idx);
}

/* One device, or all that a broadcast address means. */
static void serve_frame(struct crowd *c, const uint8_t *ask, size_t bytes)
{
        unsigned shelf, slot;

        if (bytes < ATA_BYTES || ask[AT_FLAGS] != 0x10)
                return;
        shelf = get16(ask + AT_SHELF);
        slot = ask[AT_SLOT];
        if (shelf != 0xffff && slot != 0xff) {
                unsigned idx = (shelf - c->shelf) * SLOTS + slot;

                if (shelf >= c->shelf && slot < SLOTS && idx < c->count)
                        serve_device(c, ask, bytes, idx);
                return;
        }
        for (unsigned idx = 0; idx < c->count; idx++)
                if ((shelf == 0xffff || shelf == c->shelf + idx / SLOTS) &&
                    (slot == 0xff || slot == idx % SLOTS))
                        serve_device(c, ask, bytes, idx);
}

static void serve(struct crowd *c)
{
        struct pollfd readable = {c->fd, POLLIN, 0};
        struct mmsghdr messages[BATCH] = {0};
        struct iovec parts[BATCH];

        for (unsigned i = 0; i < BATCH; i++) {
                parts[i] = (struct iovec){c->in[i], FRAME_BYTES_MAX};
                messages[i].msg_hdr.msg_iov = &parts[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (;;) {
                int n = recvmmsg(c->fd, messages, BATCH, MSG_DONTWAIT, NULL);

                if (n < 0 && errno != EAGAIN && errno != ENETDOWN)
                        die("recvmmsg");
                for (int i = 0; i < n; i++)
                        serve_frame(c, c->in[i], messages[i].msg_len);
                batch_send(c);
                if (n < 0)
                        poll(&readable, 1, -1);
        }
}

/* ---- arguments ---- */

static void usage(void)
{
        fputs("usage: crowd -i INTERFACE [-s SHELF] [-n DEVICES] [-m MIB] [-b BUFFERS]\n", stderr);
        exit(2);
}

static unsigned number(const char *text, unsigned long max)
{
        char *end;
        unsigned long v = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || v == 0 || v > max)
                usage();
        return (unsigned)v;
}

int main(int argc, char **argv)
{
        static struct crowd c; /* nothing is set here: its frames would be in the program's file */
        int option;

        c.shelf = 7;
        c.count = 1000;
        c.mib = 4;
        c.buffers = 16;
        while ((option = getopt(argc, argv, "i:s:n:m:b:")) != -1)
                switch (option) {
                case 'i': c.interface = optarg; break;
                case 's': c.shelf = number(optarg, 60000); break;
                case 'n': c.count = number(optarg, DEVICES_MAX); break;
                case 'm': c.mib = number(optarg, 1024); break;
                case 'b': c.buffers = number(optarg, 0xffff); break;
                default: usage();
                }
        if (!c.interface || optind != argc)
                usage();
        disks_open(&c);
        link_open(&c);
        puts("ready");
        fflush(stdout);
        serve(&c);
}
