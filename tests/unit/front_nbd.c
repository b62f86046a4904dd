/* SPDX-License-Identifier: MIT */
/* front_nbd: the listener and its clients. */
#include "front_client.h"

#include <sys/resource.h>
#include <sys/un.h>

static struct sockaddr_un at = {.sun_family = AF_UNIX};

/* A server behind a listener in the abstract name space, which nothing has to clean up. */
static void start(mode_t mode, uid_t uid)
{
        struct front_nbd_options o = {.uid = uid, .gid = uid, .mode = mode};

        o.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "aoefs-test-%d", (int)getpid());
        cr_assert_eq(bind(o.listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
        cr_assert_eq(listen(o.listen_fd, 200), 0);
        fake_add(7, 1, CLIENT_DEVICE);
        client_start_with(&o, 4, 64);
}

TestSuite(front_nbd, .fini = client_stop);

static int caller(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
        return fd;
}

Test(front_nbd, many_call_at_once)
{
        int fds[50];

        start(0600, geteuid());
        for (unsigned i = 0; i < 50; i++)
                fds[i] = caller();
        client_turn();
        for (unsigned i = 0; i < 50; i++) {
                client_hear(fds[i], NBD_GREETING_BYTES);
                close(fds[i]);
        }
}

Test(front_nbd, too_many)
{
        int fds[NBD_CONNECTIONS_MAX + 2];

        start(0600, geteuid());
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX + 2; i++)
                fds[i] = caller();
        client_turn();
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX; i++)
                client_hear(fds[i], NBD_GREETING_BYTES);
        cr_expect(client_is_hung_up_on(fds[NBD_CONNECTIONS_MAX]));
        cr_expect(client_is_hung_up_on(fds[NBD_CONNECTIONS_MAX + 1]));
        cr_expect_eq(fake_host.log_count, 1, "said once a minute");
        close(fds[0]);
        client_turn();
        fds[0] = caller();
        client_turn();
        client_hear(fds[0], NBD_GREETING_BYTES);
        for (unsigned i = 0; i < NBD_CONNECTIONS_MAX + 2; i++)
                close(fds[i]);
}

Test(front_nbd, refused_by_its_user)
{
        int fd;

        start(0600, 4711);
        if (geteuid() == 0)
                cr_assert_eq(setresuid(4712, 4712, 0), 0);
        fd = caller();
        if (geteuid() == 4712)
                cr_assert_eq(setresuid(0, 0, 0), 0);
        client_turn();
        cr_expect(client_is_hung_up_on(fd));
        cr_expect_not_null(strstr(fake_host.log, "may not read"));
        close(fd);
}

/* The listener stays readable: to come again and again would be all that the daemon does. */
Test(front_nbd, no_descriptor_for_a_client)
{
        struct rlimit limit, none = {0};
        int fd;

        start(0600, geteuid());
        fd = caller();
        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none.rlim_max = limit.rlim_max;
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        front->ops->turn(front, 64, client_now);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        cr_expect(client_hears_nothing(fd));
        cr_expect_not(client_front_is_readable(), "it is not watched meanwhile");
        cr_expect_not(client_turn_once());
        cr_expect(client_hears_nothing(fd));
        cr_expect_eq(fake_host.log_count, 1);
        client_now += NSEC_SEC;
        client_turn();
        client_hear(fd, NBD_GREETING_BYTES);
        close(fd);
}
