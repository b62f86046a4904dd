/* SPDX-License-Identifier: MIT */
/* privilege: after the drop nothing is left, a second drop and a drop without rights succeed, and
 * locking goes as far as the limit. */
#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "io/privilege.h"
#include "io_net.h"

#define NOBODY 65534

#if defined(__SANITIZE_ADDRESS__)
#define MLOCK_IS_REAL false /* the sanitizer's mlock does nothing */
#else
#define MLOCK_IS_REAL true
#endif

static void need_root(void)
{
        if (geteuid() == 0 && privilege_has(CAP_SETPCAP))
                return;
        fprintf(stderr, "skipped: not root\n");
        cr_skip_test("not root");
}

static void become_nobody(void)
{
        cr_assert_eq(setgroups(0, NULL), 0);
        cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
        cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

/* A number of /proc/self/status. */
static unsigned long long status_of(const char *key, int base)
{
        char line[256];
        unsigned long long ret = UINT64_MAX;
        FILE *f = fopen("/proc/self/status", "re");

        cr_assert_not_null(f);
        while (fgets(line, sizeof(line), f)) {
                if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
                        ret = strtoull(line + strlen(key) + 1, NULL, base);
        }
        fclose(f);
        return ret;
}

static void assert_nothing_left(void)
{
        cr_assert_eq(status_of("CapInh", 16), 0);
        cr_assert_eq(status_of("CapPrm", 16), 0);
        cr_assert_eq(status_of("CapEff", 16), 0);
        cr_assert_eq(status_of("CapAmb", 16), 0);
        cr_assert_eq(status_of("NoNewPrivs", 10), 1);
}

Test(privilege, drops_everything)
{
        need_root();
        cr_assert(privilege_has(CAP_NET_RAW));
        cr_assert(privilege_has(CAP_SYS_ADMIN));
        cr_assert_eq(privilege_drop(), 0);
        assert_nothing_left();
        cr_assert_eq(status_of("CapBnd", 16), 0);
        cr_assert(!privilege_has(CAP_NET_RAW));
        cr_assert(!privilege_has(CAP_SYS_ADMIN));
        cr_assert_lt(socket(AF_PACKET, SOCK_RAW, 0), 0);
        cr_assert_eq(errno, EPERM);
}

Test(privilege, drops_twice)
{
        need_root();
        cr_assert_eq(privilege_drop(), 0);
        cr_assert_eq(privilege_drop(), 0);
        assert_nothing_left();
}

Test(privilege, drops_ambient_and_inheritable)
{
        cap_value_t raw = CAP_NET_RAW;
        cap_t caps;

        need_root();
        caps = cap_get_proc();
        cr_assert_eq(cap_set_flag(caps, CAP_INHERITABLE, 1, &raw, CAP_SET), 0);
        cr_assert_eq(cap_set_proc(caps), 0);
        cap_free(caps);
        cr_assert_eq(cap_set_ambient(raw, CAP_SET), 0);
        cr_assert_neq(status_of("CapAmb", 16), 0);
        cr_assert_eq(privilege_drop(), 0);
        assert_nothing_left();
}

Test(privilege, drops_where_there_is_nothing)
{
        if (geteuid() == 0)
                become_nobody();
        cr_assert(!privilege_has(CAP_NET_RAW));
        cr_assert_eq(privilege_drop(), 0);
        assert_nothing_left();
}

Test(privilege, knows_no_such_capability)
{
        cr_assert(!privilege_has(4000));
        cr_assert(!privilege_has(-1));
}

Test(privilege, io_flusher)
{
        int r;

        need_root();
        r = privilege_io_flusher();
        if (!privilege_has(CAP_SYS_RESOURCE)) /* root in a container */
                cr_assert_eq(r, -EPERM);
        else if (r == 0)
                cr_assert_eq(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0), 1);
        else
                cr_assert_eq(r, -EINVAL); /* valgrind does not know it */
        cr_assert_eq(privilege_drop(), 0);
        r = privilege_io_flusher();
        cr_assert(r == -EPERM || r == -EINVAL);
}

static uint8_t *map(size_t bytes)
{
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        cr_assert_neq(p, MAP_FAILED);
        return p;
}

static size_t resident_pages(uint8_t *region, size_t bytes)
{
        unsigned char there[1024];
        size_t pages = bytes / 4096, count = 0;

        cr_assert_leq(pages, sizeof(there));
        cr_assert_eq(mincore(region, bytes, there), 0);
        for (size_t i = 0; i < pages; i++)
                count += there[i] & 1;
        return count;
}

Test(privilege, locks_and_keeps_what_is_there)
{
        const size_t bytes = 1 << 20;
        unsigned long long before;
        uint8_t *region;

        need_root();
        region = map(bytes);
        region[5000] = 7;
        before = status_of("VmLck", 10);
        cr_assert_eq(privilege_lock(region, bytes), 0);
        cr_assert_eq(region[5000], 7);
        cr_assert_eq(resident_pages(region, bytes), bytes / 4096);
        if (MLOCK_IS_REAL)
                cr_assert_eq(status_of("VmLck", 10) - before, bytes / 1024);
        cr_assert_eq(privilege_lock(region + 100, 0), 0);
}

Test(privilege, locks_as_far_as_allowed)
{
        const size_t bytes = 1 << 20;
        struct rlimit limit = {.rlim_cur = 256 << 10, .rlim_max = 256 << 10};
        uint8_t *region = map(bytes);
        uint8_t *small = map(4096);
        int r;

        cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
        if (geteuid() == 0)
                become_nobody();
        cr_assert_eq(privilege_lock(small, 4096), 0);
        r = privilege_lock(region, bytes);
        cr_assert_eq(resident_pages(region, bytes), bytes / 4096, "touched all the same");
        if (!MLOCK_IS_REAL)
                return;
        cr_assert_eq(r, -ENOMEM);
        cr_assert_geq(status_of("VmLck", 10), 128);
        cr_assert_leq(status_of("VmLck", 10), 256);
}
