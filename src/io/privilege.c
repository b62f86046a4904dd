/* SPDX-License-Identifier: MIT */
/*
 * What the worker gives up. The order in privilege_drop() matters: emptying the bounding set needs
 * CAP_SETPCAP, which the next step takes away.
 */
#include "io/privilege.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int privilege_io_flusher(void)
{
        return prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int privilege_has(int capability)
{
        cap_flag_value_t value = CAP_CLEAR;
        cap_t caps = cap_get_proc();

        if (!caps)
                return 0;
        if (cap_get_flag(caps, capability, CAP_EFFECTIVE, &value) < 0)
                value = CAP_CLEAR;
        cap_free(caps);
        return value == CAP_SET;
}

/* Without CAP_SETPCAP the set stays as it is, and binds nothing: no_new_privs and empty sets leave
 * no way to gain from it. */
static int drop_bounding(void)
{
        if (!privilege_has(CAP_SETPCAP))
                return 0;
        for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
                if (cap_get_bound(cap) > 0 && cap_drop_bound(cap) < 0)
                        return -errno;
        }
        return 0;
}

static int drop_sets(void)
{
        cap_t none = cap_init();
        int r;

        if (!none)
                return -errno;
        r = cap_set_proc(none) < 0 ? -errno : 0;
        cap_free(none);
        return r;
}

int privilege_drop(void)
{
        int r = drop_bounding();

        if (r < 0)
                return r;
        if (cap_reset_ambient() < 0)
                return -errno;
        r = drop_sets();
        if (r < 0)
                return r;
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* A write of what is there: a read alone would map the shared page of zeroes. */
static void touch_byte(uint8_t *at)
{
        volatile uint8_t *p = at;

        *p = *p;
}

static void touch(uint8_t *region, size_t bytes, size_t page)
{
        for (size_t at = 0; at < bytes; at += page)
                touch_byte(region + at);
        if (bytes > 0)
                touch_byte(region + bytes - 1); /* an unaligned region ends in one page more */
}

/* Part of the limit may be used already, hence the halving: log2 many tries. */
static void lock_head(void *region, size_t bytes, size_t page)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
                return;
        if (limit.rlim_cur < bytes)
                bytes = (size_t)limit.rlim_cur / page * page;
        while (bytes >= page && mlock(region, bytes) < 0)
                bytes /= 2;
}

int privilege_lock(void *region, size_t bytes)
{
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        int r;

        touch(region, bytes, page);
        if (mlock(region, bytes) == 0)
                return 0;
        r = -errno;
        lock_head(region, bytes, page);
        return r;
}
