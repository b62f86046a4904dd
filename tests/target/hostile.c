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
        disk_open(&t);
        link_open(&t);
        serve(&t, signals);
        for (int q = 0; q < QUIRK_COUNT; q++)
                if (t.wants[q])
                        printf("applied %s %llu\n", quirk_name((enum quirk)q),
                               (unsigned long long)t.applied[q]);
        return 0;
}
