/* SPDX-License-Identifier: MIT */
/*
 * Put in front of a program by LD_PRELOAD: counts for each thread how often it asks the C library
 * for memory, or gives some back. The counts lie in the file that ALLOCATIONS names, of
 * TABLE_THREADS records of two uint64_t (a thread's id, its count), which may be read while the
 * program runs: od -An -v -w16 -t u8 FILE. The program's children have it, and count there, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLE_THREADS 4096 /* of all processes; the file is made of this size, with zeroes */

struct record {
        _Atomic uint64_t thread; /* 0: free */
        _Atomic uint64_t count;
};

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);
extern void __libc_free(void *p);

static struct record *table; /* NULL: nothing is counted yet */
/* In the static block: to reach it must not take memory. */
static __thread struct record *own __attribute__((tls_model("initial-exec")));

/* The thread that forked goes on under another id. */
static void forget_own(void)
{
        own = NULL;
}

__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("ALLOCATIONS");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *p = MAP_FAILED;

        if (fd >= 0)
                p = mmap(NULL, TABLE_THREADS * sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED,
                         fd, 0);
        if (p == MAP_FAILED) /* a count that is silently 0 would prove nothing */
                abort();
        close(fd);
        pthread_atfork(NULL, NULL, forget_own);
        table = p;
}

static struct record *claim(void)
{
        for (size_t i = 0; i < TABLE_THREADS; i++) {
                uint64_t nobody = 0;

                if (atomic_compare_exchange_strong(&table[i].thread, &nobody, (uint64_t)gettid()))
                        return &table[i];
        }
        abort();
}

static void count(void)
{
        if (!table)
                return;
        if (!own)
                own = claim();
        atomic_fetch_add(&own->count, 1);
}

void *malloc(size_t bytes)
{
        count();
        return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
        count();
        return __libc_calloc(n, bytes);
}

void *realloc(void *p, size_t bytes)
{
        count();
        return __libc_realloc(p, bytes);
}

void *memalign(size_t align, size_t bytes)
{
        count();
        return __libc_memalign(align, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
        return memalign(align, bytes);
}

int posix_memalign(void **ret, size_t align, size_t bytes)
{
        void *p = memalign(align, bytes);

        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}

void free(void *p)
{
        count();
        __libc_free(p);
}
