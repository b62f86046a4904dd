/* SPDX-License-Identifier: MIT */
/*
 * The load of the bad-wire cases: threads that write over what they have just written.
 *
 * Each thread owns an area of the file and knows all of its bytes. It writes random ranges of it,
 * whole sectors mostly, with bytes that name the write, reads ranges back, and calls fsync now and
 * then. It has one request out at a time, so what a read must show is certain, and the next write
 * to a range comes as soon as the one before it has ended: an older write whose late copy lands on
 * top of a newer one is a wrong byte that stays until a read or the last comparison finds it. The
 * requests of different threads are out together.
 *
 * It ends after -n writes of each thread, or at SIGTERM: then all is read and compared once more,
 * and what the file must hold from its beginning on goes to the file of -w. Exit code 1: a wrong
 * byte, or an error of the file, which one is said.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"

#define SECTOR       512
#define SECTORS_MAX  128 /* a write */
#define THREADS_MAX  64
#define AREA_KIB_MIN 128
#define AREA_KIB_MAX 65536
#define ONE_IN_READ  3 /* reads behind a write */
#define ONE_IN_ODD   8 /* ranges that begin and end in the middle of a sector */
#define ONE_IN_FSYNC 512
#define PAGE         4096

static struct {
        const char *path;
        const char *want_path;
        unsigned threads;
        unsigned long writes; /* of a thread; 0: until SIGTERM */
        size_t area_bytes;
        uint64_t seed;
        int fd;
        uint8_t *want; /* all areas, one behind the other */
        atomic_bool ends;
} load = {.threads = 8, .area_bytes = 256 << 10, .seed = 1};

struct worker {
        pthread_t thread;
        size_t base;   /* of its area in the file */
        uint8_t *want; /* borrowed: its part of load.want */
        uint8_t *have; /* owned: what was read */
        uint64_t dice;
        uint32_t version; /* of the last write */
        unsigned long reads, fsyncs;
        uint64_t slowest_ns;
};

struct range {
        size_t first;
        size_t bytes;
};

static void die(const char *what)
{
        fprintf(stderr, "rewrite: %s: %s\n", what, strerror(errno));
        exit(1);
}

static uint64_t clock_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t roll(struct worker *w, size_t below)
{
        return (size_t)dice_roll(&w->dice, below);
}

static struct range range_roll(struct worker *w)
{
        size_t sectors = 1 + roll(w, roll(w, 4) ? 8 : SECTORS_MAX);
        struct range r = {.bytes = sectors * SECTOR};

        r.first = roll(w, (load.area_bytes - r.bytes) / SECTOR + 1) * SECTOR;
        if (roll(w, ONE_IN_ODD) == 0) {
                size_t head = roll(w, r.bytes), tail = roll(w, r.bytes - head);

                r.first += head;
                r.bytes -= head + tail;
        }
        return r;
}

/* Each eight bytes: the number of the write, and where they belong. */
static void stamp(struct worker *w, struct range r)
{
        for (size_t at = r.first; at < r.first + r.bytes; at++) {
                uint32_t word = at % 8 < 4 ? w->version : (uint32_t)((w->base + at) / 8);

                w->want[at] = (uint8_t)(word >> 8 * (at % 4));
        }
}

static void on_wrong_byte(const struct worker *w, struct range r)
{
        size_t at = 0, word;
        uint32_t have[2], want[2];

        while (w->have[at] == w->want[r.first + at])
                at++;
        word = (r.first + at) / 8 * 8;
        memset(have, 0, sizeof have);
        if (word >= r.first && word + 8 <= r.first + r.bytes)
                memcpy(have, w->have + (word - r.first), sizeof have);
        memcpy(want, w->want + word, sizeof want);
        fprintf(stderr,
                "rewrite: wrong byte at %zu of %s (read %zu bytes at %zu, after write %u): "
                "have write %u at %zu, want write %u at %zu\n",
                w->base + r.first + at, load.path, r.bytes, w->base + r.first, w->version, have[0],
                (size_t)have[1] * 8, want[0], (size_t)want[1] * 8);
        exit(1);
}

static void note_time(struct worker *w, uint64_t since_ns)
{
        uint64_t took_ns = clock_ns() - since_ns;

        if (took_ns > w->slowest_ns)
                w->slowest_ns = took_ns;
}

static void do_write(struct worker *w, struct range r)
{
        uint64_t since_ns = clock_ns();
        ssize_t n;

        w->version++;
        stamp(w, r);
        n = pwrite(load.fd, w->want + r.first, r.bytes, (off_t)(w->base + r.first));
        if (n != (ssize_t)r.bytes) {
                if (n >= 0)
                        errno = EIO;
                die("write");
        }
        note_time(w, since_ns);
}

static void do_read(struct worker *w, struct range r)
{
        uint64_t since_ns = clock_ns();
        ssize_t n = pread(load.fd, w->have, r.bytes, (off_t)(w->base + r.first));

        if (n != (ssize_t)r.bytes) {
                if (n >= 0)
                        errno = EIO;
                die("read");
        }
        note_time(w, since_ns);
        w->reads++;
        if (memcmp(w->have, w->want + r.first, r.bytes) != 0)
                on_wrong_byte(w, r);
}

static void do_fsync(struct worker *w)
{
        uint64_t since_ns = clock_ns();

        if (fsync(load.fd))
                die("fsync");
        note_time(w, since_ns);
        w->fsyncs++;
}

static void *work(void *arg)
{
        struct worker *w = arg;
        struct range all = {0, load.area_bytes};

        do_write(w, all);
        while (!load.ends && (load.writes == 0 || w->version < load.writes)) {
                struct range r = range_roll(w);

                do_write(w, r);
                if (roll(w, ONE_IN_READ) == 0)
                        do_read(w, roll(w, 2) ? r : range_roll(w));
                if (roll(w, ONE_IN_FSYNC) == 0)
                        do_fsync(w);
        }
        do_fsync(w);
        do_read(w, all);
        return NULL;
}

/* SIGTERM is blocked in all threads and taken here: no request is interrupted by it. */
static void *wait_for_end(void *arg)
{
        int which;

        sigwait(arg, &which);
        load.ends = true;
        return NULL;
}

static unsigned long number(const char *text, unsigned long min, unsigned long max)
{
        char *end;
        unsigned long v = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || v < min || v > max) {
                fprintf(stderr, "rewrite: %s: not a number from %lu to %lu\n", text, min, max);
                exit(2);
        }
        return v;
}

static void usage(void)
{
        fputs("usage: rewrite [-t THREADS] [-n WRITES] [-a AREA_KIB] [-s SEED] [-w WANT] FILE\n",
              stderr);
        exit(2);
}

static void parse_arguments(int argc, char **argv)
{
        int option;

        while ((option = getopt(argc, argv, "t:n:a:s:w:")) != -1)
                switch (option) {
                case 't': load.threads = (unsigned)number(optarg, 1, THREADS_MAX); break;
                case 'n': load.writes = number(optarg, 1, UINT32_MAX); break;
                case 'a': load.area_bytes = number(optarg, AREA_KIB_MIN, AREA_KIB_MAX) << 10; break;
                case 's': load.seed = number(optarg, 0, UINT32_MAX); break;
                case 'w': load.want_path = optarg; break;
                default: usage();
                }
        if (optind + 1 != argc)
                usage();
        load.path = argv[optind];
}

static void save_want(void)
{
        FILE *f = fopen(load.want_path, "w");
        size_t bytes = load.threads * load.area_bytes;

        if (!f || fwrite(load.want, 1, bytes, f) != bytes || fclose(f))
                die(load.want_path);
}

static void workers_start(struct worker *workers)
{
        for (unsigned i = 0; i < load.threads; i++) {
                struct worker *w = &workers[i];

                w->base = i * load.area_bytes;
                w->want = load.want + w->base;
                w->have = aligned_alloc(PAGE, load.area_bytes);
                w->dice = load.seed * THREADS_MAX + i;
                if (!w->have || pthread_create(&w->thread, NULL, work, w))
                        die("a thread");
        }
}

static void workers_finish(struct worker *workers)
{
        unsigned long writes = 0, reads = 0, fsyncs = 0;
        uint64_t slowest_ns = 0;

        for (unsigned i = 0; i < load.threads; i++) {
                struct worker *w = &workers[i];

                pthread_join(w->thread, NULL);
                free(w->have);
                writes += w->version;
                reads += w->reads;
                fsyncs += w->fsyncs;
                if (w->slowest_ns > slowest_ns)
                        slowest_ns = w->slowest_ns;
        }
        printf("%lu writes, %lu reads, %lu fsyncs; the slowest took %llu ms\n", writes, reads,
               fsyncs, (unsigned long long)(slowest_ns / 1000000));
}

int main(int argc, char **argv)
{
        static struct worker workers[THREADS_MAX];
        static sigset_t ends;
        pthread_t waiter;

        parse_arguments(argc, argv);
        load.fd = open(load.path, O_RDWR | O_CLOEXEC);
        if (load.fd < 0)
                die(load.path);
        load.want = aligned_alloc(PAGE, load.threads * load.area_bytes);
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        if (!load.want || pthread_create(&waiter, NULL, wait_for_end, &ends))
                die("memory");
        workers_start(workers);
        workers_finish(workers);
        if (load.want_path)
                save_want();
        free(load.want);
        return 0;
}
