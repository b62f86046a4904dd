/* SPDX-License-Identifier: MIT */
/* unix_path: sockets at paths of any length, and what goes wrong there. */
#include "io/unix_path.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top, *folder, *path;

static void setup(void)
{
        g_autofree char *name = g_strnfill(120, 'd');

        top = g_dir_make_tmp("aoefs-path-XXXXXX", NULL);
        cr_assert_not_null(top);
        folder = g_build_filename(top, name, NULL);
        cr_assert_eq(g_mkdir(folder, 0700), 0);
        path = g_build_filename(folder, "socket", NULL);
}

static void teardown(void)
{
        g_unlink(path);
        g_rmdir(folder);
        g_rmdir(top);
        g_free(path);
        g_free(folder);
        g_free(top);
}

TestSuite(io_unix_path, .init = setup, .fini = teardown);

Test(io_unix_path, longer_than_an_address)
{
        int listener = -1, client = -1, server;
        struct stat st;

        cr_assert_gt(strlen(path), 107);
        cr_assert_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &listener), 0);
        cr_assert_eq(lstat(path, &st), 0);
        cr_expect(S_ISSOCK(st.st_mode));
        cr_expect_eq(st.st_mode & 0777, 0600, "%o: nobody else", st.st_mode & 0777);
        cr_assert_eq(unix_path_connect(path, SOCK_STREAM, &client), 0);
        server = accept(listener, NULL, NULL);
        cr_assert_geq(server, 0);
        cr_assert_eq(send(client, "x", 1, 0), 1);
        cr_expect_eq(accept(listener, NULL, NULL), -1);
        cr_expect_eq(errno, EAGAIN, "it does not block");
        close(server);
        close(client);
        close(listener);
}

Test(io_unix_path, in_this_folder)
{
        int listener = -1, client = -1;

        cr_assert_eq(g_chdir(folder), 0);
        cr_assert_eq(unix_path_listen("socket", SOCK_SEQPACKET, 0600, 5, &listener), 0);
        cr_expect_eq(unix_path_connect(path, SOCK_SEQPACKET, &client), 0);
        close(client);
        close(listener);
        cr_assert_eq(g_chdir("/"), 0);
}

Test(io_unix_path, what_is_there_is_not_replaced)
{
        int listener = -1, other = -1;

        cr_assert_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &listener), 0);
        cr_expect_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &other), -EADDRINUSE);
        close(listener);
        cr_expect_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &other), -EADDRINUSE);
        cr_expect_eq(unix_path_connect(path, SOCK_STREAM, &other), -ECONNREFUSED);
        cr_expect_eq(other, -1, "untouched");
}

Test(io_unix_path, failures)
{
        g_autofree char *name = g_strnfill(108, 'n');
        g_autofree char *deep = g_strnfill(5000, '/');
        g_autofree char *nowhere = g_build_filename(folder, "none", "socket", NULL);
        g_autofree char *file = g_build_filename(folder, name, NULL);
        int fd = -1;

        cr_expect_eq(unix_path_listen(nowhere, SOCK_STREAM, 0600, 5, &fd), -ENOENT);
        cr_expect_eq(unix_path_connect(nowhere, SOCK_STREAM, &fd), -ENOENT);
        cr_expect_eq(unix_path_connect(path, SOCK_STREAM, &fd), -ENOENT);
        cr_expect_eq(unix_path_listen(file, SOCK_STREAM, 0600, 5, &fd), -ENAMETOOLONG);
        cr_expect_eq(unix_path_listen(deep, SOCK_STREAM, 0600, 5, &fd), -ENAMETOOLONG);
        cr_expect_eq(fd, -1);
}
