/* SPDX-License-Identifier: MIT */
/*
 * A hostile AoE target on a packet socket, for the end-to-end tests: it serves an image file and
 * misbehaves by switches (-q, "hostile -l" lists them), each of which stands for something that a
 * real target or a bad neighbour does.
 *
 * Three kinds of quirks:
 *   - what it claims (size, sectors a frame, buffers): in every answer;
 *   - how it answers a command (flush, reserved, errors, header fields): in every answer it fits;
 *   - bogus frames: each EVERY-th READ or WRITE is not carried out and gets a false answer instead,
 *     with inverted data, so that an initiator that takes the false one for true has a wrong byte
 *     in its read or a lost write, which the test sees by comparing.
 *
 * It prints "ready" when its socket is bound, and at SIGTERM or SIGINT one line "applied QUIRK N"
 * for each quirk that was asked for: a test whose quirk never happened proves nothing.
 * Single-threaded, one frame at a time, nothing is queued: a lost frame is the initiator's affair.
 * It shares no code with aoefs, so that one misreading of the protocol is not made twice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quirk.h"

#define ETHERTYPE       0x88a2
#define SECTOR          512
#define HEADER_BYTES    24
#define ATA_BYTES       36
#define CONFIG_BYTES    32
#define FRAME_BYTES_MIN 60
#define FRAME_BYTES_MAX 65550
#define STALE_BYTES     64 /* what `long` adds behind the data */
#define RECEIVE_BYTES   (4 << 20)

/* Offsets in a frame (AoEr11 2, 3.1, 3.2). */
enum {
        AT_DST = 0,
        AT_SRC = 6,
        AT_TYPE = 12,
        AT_FLAGS = 14,
        AT_ERROR = 15,
        AT_SHELF = 16,
        AT_SLOT = 18,
        AT_COMMAND = 19,
        AT_TAG = 20,
        AT_AFLAGS = 24,
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

struct target {
        const char *interface;
        const char *path;
        uint16_t shelf;
        uint8_t slot;
        uint16_t buffers;
        unsigned sectors_max;            /* really taken in a frame; 0: what the MTU allows */
        unsigned every;                  /* each every-th command is the bogus one */
        uint64_t range_first, range_end; /* sectors of error-zero and abort */
        bool wants[QUIRK_COUNT];
        uint64_t applied[QUIRK_COUNT];

        int fd;
        uint8_t mac[6];
        uint32_t mtu;
        uint8_t *image; /* mapped: writes are in the file at once */
        uint64_t sectors;
        uint64_t commands; /* READs and WRITEs seen */
        uint32_t dice;
};

/* One frame being built or read: room for the largest. */
struct packet {
        size_t bytes;
        uint8_t data[FRAME_BYTES_MAX + STALE_BYTES];
};

static void die(const char *what)
{
        fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
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

static uint8_t roll(struct target *t)
{
        t->dice = t->dice * 1664525 + 1013904223;
        return (uint8_t)(t->dice >> 24);
}

/* Is q asked for? Then it is applied now, and counted. */
static bool applies(struct target *t, enum quirk q)
{
        if (!t->wants[q])
                return false;
        t->applied[q]++;
        return true;
}

static void transmit(struct target *t, const uint8_t *data, size_t bytes)
{
        /* A full queue or a link that is down just now loses the frame, as real ones do. */
        if (send(t->fd, data, bytes, 0) < 0 && errno != ENOBUFS && errno != ENETDOWN &&
            errno != EMSGSIZE)
                die("send");
}

/* The answer's header: the request's, turned round. */
static void answer_begin(const struct target *t, const struct packet *ask, struct packet *a)
{
        memcpy(a->data, ask->data, ask->bytes < FRAME_BYTES_MIN ? ask->bytes : FRAME_BYTES_MIN);
        memcpy(a->data + AT_DST, ask->data + AT_SRC, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
        a->data[AT_FLAGS] = 0x10 | 0x08;
        a->data[AT_ERROR] = 0;
        put16(a->data + AT_SHELF, t->shelf);
        a->data[AT_SLOT] = t->slot;
        a->bytes = ATA_BYTES;
}

static void answer_send(struct target *t, struct packet *a)
{
        if (applies(t, QUIRK_VERSION_ZERO))
                a->data[AT_FLAGS] &= 0x0f;
        if (applies(t, QUIRK_LONG)) {
                size_t most = t->mtu + 14;
                size_t junk = most > a->bytes ? most - a->bytes : 0;

                junk = junk < STALE_BYTES ? junk : STALE_BYTES;
                memset(a->data + a->bytes, 0xa5, junk);
                a->bytes += junk;
        }
        transmit(t, a->data, a->bytes);
        if (applies(t, QUIRK_DOUBLE))
                transmit(t, a->data, a->bytes);
}

static unsigned sectors_real(const struct target *t)
{
        unsigned n = (t->mtu - ATA_BYTES) / SECTOR;

        if (t->sectors_max && t->sectors_max < n)
                n = t->sectors_max;
        return n > 255 ? 255 : n;
}

static void build_config(struct target *t, struct packet *a)
{
        unsigned sectors = sectors_real(t);

        if (applies(t, QUIRK_SECTORS_LARGE))
                sectors = 255;
        if (applies(t, QUIRK_SECTORS_ZERO))
                sectors = 0;
        a->data[AT_COMMAND] = 1;
        put16(a->data + AT_BUFFERS, t->buffers);
        put16(a->data + AT_FIRMWARE, 0x6666);
        a->data[AT_SECTORS] = (uint8_t)sectors;
        a->data[AT_CCMD] = 0x10;
        put16(a->data + AT_LENGTH, 0);
        a->bytes = CONFIG_BYTES;
}

/* Query Config: only `read` is answered, the rest meets silence as with many targets. */
static void on_config(struct target *t, const struct packet *ask, struct packet *a)
{
        if (ask->bytes < CONFIG_BYTES || (ask->data[AT_CCMD] & 0x0f) != 0)
                return;
        answer_begin(t, ask, a);
        build_config(t, a);
        answer_send(t, a);
}

/* A beacon: an unsolicited config answer to everybody, tag 0, as targets send when they start. */
static void send_beacon(struct target *t, struct packet *a)
{
        memset(a->data, 0, FRAME_BYTES_MIN);
        memset(a->data + AT_DST, 0xff, 6);
        memcpy(a->data + AT_SRC, t->mac, 6);
        put16(a->data + AT_TYPE, ETHERTYPE);
        a->data[AT_FLAGS] = 0x10 | 0x08;
        put16(a->data + AT_SHELF, t->shelf);
        a->data[AT_SLOT] = t->slot;
        build_config(t, a);
        answer_send(t, a);
}

/* IDENTIFY words are little-endian, strings have the bytes of each word swapped (ATA8-ACS 7.16). */
static void identify_string(uint8_t *words, size_t bytes, const char *text)
{
        char padded[64];

        snprintf(padded, sizeof padded, "%-*s", (int)bytes, text);
        for (size_t i = 0; i < bytes; i++)
                words[i ^ 1] = (uint8_t)padded[i];
}

static void identify_number(uint8_t *words, unsigned count, uint64_t v)
{
        for (unsigned i = 0; i < count * 2; i++)
                words[i] = (uint8_t)(v >> 8 * i);
}

static void build_identify(struct target *t, uint8_t *p)
{
        uint64_t sectors = t->sectors;
        char serial[21];

        if (applies(t, QUIRK_SIZE_LARGE))
                sectors *= 2;
        if (applies(t, QUIRK_SIZE_HUGE))
                sectors = ((uint64_t)1 << 48) - 1;
        if (applies(t, QUIRK_SIZE_ZERO))
                sectors = 0;
        memset(p, 0, SECTOR);
        snprintf(serial, sizeof serial, "hostile-%u.%u", t->shelf, t->slot);
        identify_string(p + 2 * 10, 20, serial);
        identify_string(p + 2 * 23, 8, "H1");
        identify_string(p + 2 * 27, 40, "aoefs hostile target");
        identify_number(p + 2 * 49, 1, 1 << 9);                      /* LBA */
        identify_number(p + 2 * 83, 1, 1 << 14 | 1 << 10 | 1 << 12); /* LBA48, FLUSH CACHE */
        identify_number(p + 2 * 86, 1, 1 << 10 | 1 << 12);
        identify_number(p + 2 * 60, 2, sectors < 0x0fffffff ? sectors : 0x0fffffff);
        identify_number(p + 2 * 100, 4, sectors);
}

static void ata_fail(struct packet *a, uint8_t error)
{
        a->data[AT_STATUS] = 0x41;
        a->data[AT_FEATURE] = error;
        a->bytes = ATA_BYTES;
}

static void aoe_fail(struct packet *a, uint8_t error)
{
        a->data[AT_FLAGS] |= 0x04;
        a->data[AT_ERROR] = error;
        a->bytes = ATA_BYTES;
}

/* FLUSH CACHE (EXT). false: no answer. */
static bool ata_flush(struct target *t, uint8_t command, struct packet *a)
{
        if (applies(t, QUIRK_NO_FLUSH))
                return false;
        if (applies(t, QUIRK_ABORT_FLUSH))
                ata_fail(a, 0x04);
        else if (applies(t, QUIRK_ECHO_FLUSH))
                a->data[AT_STATUS] = command;
        return true;
}

/* What an otherwise good answer is turned into, so that taking it for true is seen: the write was
 * not done, the data read are the wrong ones. */
static void send_bogus(struct target *t, enum quirk q, const struct packet *ask, struct packet *a)
{
        for (size_t i = ATA_BYTES; i < a->bytes; i++)
                a->data[i] ^= 0xff;
        switch (q) {
        case QUIRK_SHORT:
                a->bytes = a->bytes > ATA_BYTES ? a->bytes - 1 - roll(t) : HEADER_BYTES + 4;
                break;
        case QUIRK_FOREIGN: put16(a->data + AT_SHELF, t->shelf ^ 1); break;
        case QUIRK_REFLECTED:
                /* As a hub does, untouched; and as a broken target does, sent back to its sender.
                 */
                memcpy(a->data, ask->data, ask->bytes);
                a->bytes = ask->bytes;
                transmit(t, a->data, a->bytes);
                memcpy(a->data + AT_DST, ask->data + AT_SRC, 6);
                memcpy(a->data + AT_SRC, t->mac, 6);
                break;
        case QUIRK_WRONG_MAC: a->data[AT_SRC + 5] ^= 1; break;
        case QUIRK_WRONG_TAG: a->data[AT_TAG + 3] ^= 1; break;
        case QUIRK_WRONG_COMMAND: a->data[AT_COMMAND] = 2; break;
        case QUIRK_VERSION_TWO: a->data[AT_FLAGS] = 0x20 | 0x08; break;
        case QUIRK_GARBAGE:
                /* The address stays right, so that it arrives, and of the rest every second time
                 * the R flag and the tag, so that the kernel's filter lets it through. */
                a->bytes = AT_FLAGS + 1 + roll(t);
                for (size_t i = AT_FLAGS; i < a->bytes; i++)
                        a->data[i] = roll(t);
                if (roll(t) & 1) {
                        a->data[AT_FLAGS] = (uint8_t)(a->data[AT_FLAGS] | 0x08);
                        memcpy(a->data + AT_TAG, ask->data + AT_TAG, 4);
                }
                break;
        default: /* QUIRK_SILENT */ return;
        }
        transmit(t, a->data, a->bytes);
}

/* Is it the turn of a bogus quirk? Several that are wanted take turns. */
static bool bogus_due(struct target *t, enum quirk *ret)
{
        unsigned wanted = 0, nth;

        for (int q = QUIRK_BOGUS_FIRST; q < QUIRK_COUNT; q++)
                wanted += t->wants[q];
        if (!wanted || ++t->commands % t->every)
                return false;
        nth = (unsigned)(t->commands / t->every % wanted);
        for (int q = QUIRK_BOGUS_FIRST; q < QUIRK_COUNT; q++)
                if (t->wants[q] && nth-- == 0) {
                        t->applied[q]++;
                        *ret = (enum quirk)q;
                        return true;
                }
        return false;
}

/* READ and WRITE SECTORS (EXT). */
static bool ata_transfer(struct target *t, const struct packet *ask, struct packet *a, bool writes,
                         uint64_t lba)
{
        unsigned count = ask->data[AT_COUNT];
        size_t bytes = (size_t)count * SECTOR;
        enum quirk bogus;

        if (count == 0 || count > sectors_real(t) || (writes && ask->bytes < ATA_BYTES + bytes)) {
                aoe_fail(a, 2);
                return true;
        }
        if (lba > t->sectors || count > t->sectors - lba) {
                ata_fail(a, 0x10);
                return true;
        }
        if (lba < t->range_end && lba + count > t->range_first) {
                if (applies(t, QUIRK_ERROR_ZERO)) {
                        ata_fail(a, 0x04);
                        aoe_fail(a, 0);
                        return true;
                }
                if (applies(t, QUIRK_ABORT)) {
                        ata_fail(a, 0x40);
                        return true;
                }
        }
        if (!writes) {
                memcpy(a->data + ATA_BYTES, t->image + lba * SECTOR, bytes);
                a->bytes += bytes;
        }
        if (bogus_due(t, &bogus)) {
                send_bogus(t, bogus, ask, a);
                return false;
        }
        if (writes)
                memcpy(t->image + lba * SECTOR, ask->data + ATA_BYTES, bytes);
        return true;
}

static uint64_t ata_lba(const struct packet *ask, bool extended)
{
        uint64_t lba = 0;

        for (int i = 5; i >= 0; i--)
                lba = lba << 8 | ask->data[AT_LBA + i];
        return extended ? lba : lba & 0x0fffffff;
}

static void on_ata(struct target *t, const struct packet *ask, struct packet *a)
{
        uint8_t command = ask->data[AT_STATUS];
        bool answers = true;

        if (ask->bytes < ATA_BYTES)
                return;
        answer_begin(t, ask, a);
        a->data[AT_STATUS] = 0x40;
        a->data[AT_FEATURE] = 0;
        if (!applies(t, QUIRK_COUNT_ECHO))
                a->data[AT_COUNT] = 0;
        if (applies(t, QUIRK_NO_ECHO)) {
                a->data[AT_AFLAGS] = 0;
                memset(a->data + AT_LBA, 0, 6);
        }
        if (command != 0xec && applies(t, QUIRK_RESERVED)) {
                aoe_fail(a, 6);
        } else if (command == 0xec) {
                build_identify(t, a->data + ATA_BYTES);
                a->bytes += SECTOR;
        } else if (command == 0xe7 || command == 0xea) {
                answers = ata_flush(t, command, a);
        } else if (command == 0x24 || command == 0x34) {
                answers = ata_transfer(t, ask, a, command == 0x34, ata_lba(ask, true));
        } else if (command == 0x20 || command == 0x30) {
                answers = ata_transfer(t, ask, a, command == 0x30, ata_lba(ask, false));
        } else {
                ata_fail(a, 0x04);
        }
        if (answers)
                answer_send(t, a);
}

static void on_frame(struct target *t, const struct packet *ask, struct packet *a)
{
        unsigned shelf, slot;

        if (ask->bytes < HEADER_BYTES || get16(ask->data + AT_TYPE) != ETHERTYPE ||
            ask->data[AT_FLAGS] & 0x08)
                return;
        shelf = get16(ask->data + AT_SHELF);
        slot = ask->data[AT_SLOT];
        if ((shelf != t->shelf && shelf != 0xffff) || (slot != t->slot && slot != 0xff))
                if (!applies(t, QUIRK_ANY_ADDRESS))
                        return;
        if (ask->data[AT_COMMAND] == 1)
                on_config(t, ask, a);
        else if (ask->data[AT_COMMAND] == 0)
                on_ata(t, ask, a);
}

static void open_socket(struct target *t)
{
        struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE)};
        struct ifreq request = {0};
        int bytes = RECEIVE_BYTES, one = 1;

        t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (t->fd < 0)
                die("packet socket");
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", t->interface);
        if (ioctl(t->fd, SIOCGIFINDEX, &request))
                die(t->interface);
        where.sll_ifindex = request.ifr_ifindex;
        if (ioctl(t->fd, SIOCGIFHWADDR, &request))
                die(t->interface);
        memcpy(t->mac, request.ifr_hwaddr.sa_data, 6);
        if (ioctl(t->fd, SIOCGIFMTU, &request))
                die(t->interface);
        t->mtu = (uint32_t)request.ifr_mtu;
        if (setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
                setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        setsockopt(t->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
        if (bind(t->fd, (struct sockaddr *)&where, sizeof where))
                die("bind");
}

static void open_image(struct target *t)
{
        int fd = open(t->path, O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st))
                die(t->path);
        t->sectors = (uint64_t)st.st_size / SECTOR;
        t->image = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (t->image == MAP_FAILED)
                die(t->path);
        close(fd);
}

/* Until SIGTERM or SIGINT, which are blocked and come as bytes of a descriptor: none is missed. */
static void serve(struct target *t, int signals)
{
        static struct packet ask, answer;
        struct pollfd fds[] = {{t->fd, POLLIN, 0}, {signals, POLLIN, 0}};

        send_beacon(t, &answer);
        puts("ready");
        fflush(stdout);
        for (;;) {
                ssize_t n;

                if (poll(fds, 2, -1) < 0)
                        die("poll");
                if (fds[1].revents)
                        return;
                n = recv(t->fd, ask.data, FRAME_BYTES_MAX, MSG_DONTWAIT);
                if (n < 0 && errno != EAGAIN && errno != ENETDOWN)
                        die("recv");
                ask.bytes = n < 0 ? 0 : (size_t)n;
                on_frame(t, &ask, &answer);
        }
}

static void usage(void)
{
        fputs("usage: hostile -i INTERFACE [-s SHELF] [-m SLOT] [-b BUFFERS] [-n SECTORS]\n"
              "               [-e EVERY] [-r FIRST:END] [-q QUIRK]... IMAGE\n"
              "       hostile -l\n",
              stderr);
        exit(2);
}

static void want_quirk(struct target *t, const char *name)
{
        enum quirk q;

        if (!quirk_find(name, &q)) {
                fprintf(stderr, "hostile: no quirk named %s (hostile -l lists them)\n", name);
                exit(2);
        }
        t->wants[q] = true;
}

static unsigned number(const char *text, unsigned long max)
{
        char *end;
        unsigned long v = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || v > max)
                usage();
        return (unsigned)v;
}

static void parse_range(struct target *t, const char *text)
{
        unsigned long first, end;
        char rest;

        if (sscanf(text, "%lu:%lu%c", &first, &end, &rest) != 2 || first >= end)
                usage();
        t->range_first = first;
        t->range_end = end;
}

static void parse_arguments(struct target *t, int argc, char **argv)
{
        int option;

        while ((option = getopt(argc, argv, "i:s:m:b:n:e:r:q:l")) != -1)
                switch (option) {
                case 'i': t->interface = optarg; break;
                case 's': t->shelf = (uint16_t)number(optarg, 0xfffe); break;
                case 'm': t->slot = (uint8_t)number(optarg, 0xfe); break;
                case 'b': t->buffers = (uint16_t)number(optarg, 0xffff); break;
                case 'n': t->sectors_max = number(optarg, 255); break;
                case 'e': t->every = number(optarg, 1000000); break;
                case 'r': parse_range(t, optarg); break;
                case 'q': want_quirk(t, optarg); break;
                case 'l': quirk_list(); exit(0);
                default: usage();
                }
        if (optind + 1 != argc || !t->interface || !t->every)
                usage();
        t->path = argv[optind];
}

int main(int argc, char **argv)
{
        static struct target t = {.shelf = 7, .slot = 1, .buffers = 16, .every = 16, .dice = 1};
        sigset_t ends;
        int signals;

        parse_arguments(&t, argc, argv);
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        signals = signalfd(-1, &ends, SFD_CLOEXEC);
        if (signals < 0)
                die("signalfd");
        open_image(&t);
        open_socket(&t);
        serve(&t, signals);
        for (int q = 0; q < QUIRK_COUNT; q++)
                if (t.wants[q])
                        printf("applied %s %llu\n", quirk_name((enum quirk)q),
                               (unsigned long long)t.applied[q]);
        return 0;
}
