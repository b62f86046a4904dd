/* SPDX-License-Identifier: MIT */
/* link_cookie_take: one owner a cookie and network namespace, freed by close and by death. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "io/link.h"
#include "io_net.h"

#define COOKIES (ENGINE_COOKIE_MAX - ENGINE_COOKIE_MIN + 1)

Test(link_cookie, no_two_have_the_same)
{
        uint8_t a = 0, b = 0, c = 0;
        int fd_a = -1, fd_b = -1, fd_c = -1;

        net_enter();
        cr_assert_eq(link_cookie_take(5, &a, &fd_a), 0);
        cr_assert_eq(link_cookie_take(5, &b, &fd_b), 0);
        cr_assert_eq(a, 1 + 5);
        cr_assert_eq(b, a + 1);
        cr_assert_eq(fcntl(fd_a, F_GETFD), FD_CLOEXEC);
        close(fd_a);
        cr_assert_eq(link_cookie_take(5, &c, &fd_c), 0);
        cr_assert_eq(c, a, "closed, and not free");
        close(fd_b);
        close(fd_c);
}

Test(link_cookie, all_can_be_had_and_no_more)
{
        bool taken[256] = {false};
        int fds[COOKIES];
        uint8_t cookie = 0;
        int fd = -7;
        size_t before;

        net_enter();
        for (int i = 0; i < COOKIES; i++) {
                cr_assert_eq(link_cookie_take(UINT64_MAX, &cookie, &fds[i]), 0);
                cr_assert(cookie >= ENGINE_COOKIE_MIN && cookie <= ENGINE_COOKIE_MAX);
                cr_assert(!taken[cookie]);
                taken[cookie] = true;
        }
        before = net_open_descriptors();
        cookie = 200;
        cr_assert_eq(link_cookie_take(1, &cookie, &fd), -EADDRINUSE);
        cr_assert_eq(cookie, 200, "outputs change on success only");
        cr_assert_eq(fd, -7);
        cr_assert_eq(net_open_descriptors(), before);
        close(fds[60]);
        cr_assert_eq(link_cookie_take(1, &cookie, &fd), 0);
}

Test(link_cookie, another_namespace_is_another_world)
{
        uint8_t a = 0, b = 0;
        int fd = -1;

        net_enter();
        cr_assert_eq(link_cookie_take(0, &a, &fd), 0);
        net_enter();
        cr_assert_eq(link_cookie_take(0, &b, &fd), 0);
        cr_assert_eq(a, b);
}

Test(link_cookie, fails_without_a_descriptor)
{
        uint8_t cookie;
        int fd;

        net_allow_descriptors(0);
        cr_assert_eq(link_cookie_take(0, &cookie, &fd), -EMFILE);
}

Test(link_cookie, death_frees)
{
        uint8_t a = 0;
        int fd = -1;
        int status;
        pid_t child;
        int ready[2];
        char c;

        net_enter();
        cr_assert_eq(pipe(ready), 0);
        child = fork();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (link_cookie_take(9, &a, &fd) != 0 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        cr_assert(net_await(ready[0]) && read(ready[0], &c, 1) == 1);
        cr_assert_eq(link_cookie_take(9, &a, &fd), 0);
        cr_assert_eq(a, 1 + 10);
        close(fd);
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(link_cookie_take(9, &a, &fd), 0);
        cr_assert_eq(a, 1 + 9);
}
