/* SPDX-License-Identifier: MIT */
/*
 * A hostile AoE target on a packet socket, for the end-to-end tests: it serves an image file and
 * misbehaves by switches (-q, "hostile -l" lists them), each of which stands for something that a
 * real target or a bad neighbour does.
 *
 * Kinds of quirks:
 *   - what it claims (size, sectors a frame, buffers) and the form of its answers: in every one;
 *   - how it answers a command (flush, reserved, errors), and whether: in every answer it fits;
 *   - bogus frames: each EVERY-th READ or WRITE is not carried out and gets a false answer instead,
 *     with inverted data, so that an initiator that takes the false one for true has a wrong byte
 *     in its read or a lost write, which the test sees by comparing.
 *
 * It prints "ready" when its socket is bound, obeys orders on stdin (control.c), and says at
 * SIGTERM or SIGINT what it did: one line "applied QUIRK N" for each quirk that was asked for, as a
 * test whose quirk never happened proves nothing; "asked N", queries that named it; "identified N";
 * "served N", READs and WRITEs that were carried out.
 */
#include "target.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

void die(const char *what)
{
        fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void usage(void)
{
        fputs("usage: hostile -i INTERFACE [-s SHELF] [-m SLOT] [-M MAC] [-S SERIAL] [-c CONFIG]\n"
              "               [-b BUFFERS] [-Q FRAMES] [-t MICROSECONDS] [-n SECTORS] [-x MAC]\n"
              "               [-e EVERY] [-r FIRST:END] [-q QUIRK]... IMAGE\n"
              "       hostile -l\n",
              stderr);
        exit(2);
}

static void set_defaults(struct target *t)
{
        t->config = "";
        t->shelf = 7;
        t->slot = 1;
        t->buffers = 16;
        t->queue_frames = QUEUE_FRAMES_MAX;
        t->every = 16;
        t->dice = 1;
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

static void parse_mac(const char *text, uint8_t mac[6])
{
        char rest;

        if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", mac, mac + 1, mac + 2, mac + 3,
                   mac + 4, mac + 5, &rest) != 6)
                usage();
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

/* The options that imply the quirk that they are the number of. */
static void parse_quirk(struct target *t, int option)
{
        switch (option) {
        case 'b':
                t->wants[QUIRK_BUFFERS] = true;
                t->buffers = (uint16_t)number(optarg, 0xffff);
                break;
        case 'Q':
                t->wants[QUIRK_OVERFLOW] = true;
                t->queue_frames = number(optarg, QUEUE_FRAMES_MAX);
                break;
        case 'x':
                t->wants[QUIRK_MASKED] = true;
                parse_mac(optarg, t->masked);
                break;
        default: usage();
        }
}

static void parse_arguments(struct target *t, int argc, char **argv)
{
        int option;

        while ((option = getopt(argc, argv, "i:s:m:M:S:c:b:Q:t:n:x:e:r:q:l")) != -1)
                switch (option) {
                case 'i': t->interface = optarg; break;
                case 's': t->shelf = (uint16_t)number(optarg, 0xfffe); break;
                case 'm': t->slot = (uint8_t)number(optarg, 0xfe); break;
                case 'M':
                        t->has_mac = true;
                        parse_mac(optarg, t->mac);
                        break;
                case 'S': t->serial = optarg; break;
                case 'c': t->config = optarg; break;
                case 't': t->service_us = number(optarg, 999999); break;
                case 'n': t->sectors_max = number(optarg, 255); break;
                case 'e': t->every = number(optarg, 1000000); break;
                case 'r': parse_range(t, optarg); break;
                case 'q': want_quirk(t, optarg); break;
                case 'l': quirk_list(); exit(0);
                default: parse_quirk(t, option);
                }
        if (optind + 1 != argc || !t->interface || !t->every || !t->queue_frames ||
            strlen(t->config) > STRING_BYTES_MAX)
                usage();
        t->path = argv[optind];
}

static void report(const struct target *t)
{
        for (int q = 0; q < QUIRK_COUNT; q++)
                if (t->wants[q] || t->applied[q])
                        printf("applied %s %llu\n", quirk_name((enum quirk)q),
                               (unsigned long long)t->applied[q]);
        printf("asked %llu\nidentified %llu\nserved %llu\n", (unsigned long long)t->asked,
               (unsigned long long)t->identified, (unsigned long long)t->served);
}

int main(int argc, char **argv)
{
        static struct target t; /* nothing is set here: its queue would be in the program's file */
        sigset_t ends;
        int signals;

        set_defaults(&t);
        parse_arguments(&t, argc, argv);
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        sigprocmask(SIG_BLOCK, &ends, NULL);
        signals = signalfd(-1, &ends, SFD_CLOEXEC);
        if (signals < 0)
                die("signalfd");
        disk_open(&t);
        link_open(&t);
        serve(&t, signals);
        report(&t);
        return 0;
}
