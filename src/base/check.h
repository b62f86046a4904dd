/* SPDX-License-Identifier: MIT */
/*
 * CHECK: what cannot happen. It stays on in release builds, since a storage daemon that goes on
 * after its own state is wrong writes wrong bytes. Never CHECK what a peer can cause: bytes from
 * the wire, /dev/fuse, NBD and files are parsed and counted.
 *
 * base, wire and engine call nothing outside themselves, so a failure records its place and traps;
 * app/ installs a handler that prints check_failed before the process dies.
 */
#pragma once

struct check_site {
        const char *expr; /* borrowed: string literals */
        const char *file;
        int line;
};

extern struct check_site check_failed;

_Noreturn void check_fail(const char *expr, const char *file, int line);

#define CHECK(cond)                                                                                \
        do {                                                                                       \
                if (__builtin_expect(!(cond), 0))                                                  \
                        check_fail(#cond, __FILE__, __LINE__);                                     \
        } while (0)
