/* SPDX-License-Identifier: MIT */
/* nbd_socket: the server's socket is made with its rights, a dead one is replaced, a live one not.
 */
#include "app/nbd_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/unix_path.h"

static char *folder, *path;
static Config *config;

static void setup(void)
{
        folder = g_dir_make_tmp("aoefs-nbd-XXXXXX", NULL);
        cr_assert_not_null(folder);
        path = g_build_filename(folder, "nbd.sock", NULL);
        config = config_new();
        cr_assert(config_set(config, "nbd", path, NULL));
        config->uid = geteuid();
        config->gid = getegid();
        config->mode = 0640;
}

static void teardown(void)
{
        config_free(config);
        g_unlink(path);
        g_rmdir(folder);
        g_free(path);
        g_free(folder);
}

TestSuite(app_nbd_socket, .init = setup, .fini = teardown);

static bool exists(void)
{
        struct stat st;

        return lstat(path, &st) == 0;
}

static mode_t mode_for(mode_t mode)
{
        g_autoptr(NbdSocket) s = NULL;
        struct stat st;

        config->mode = mode;
        s = nbd_socket_new(config, NULL);
        cr_assert_not_null(s);
        cr_assert_eq(lstat(path, &st), 0);
        cr_expect(S_ISSOCK(st.st_mode));
        return st.st_mode & 07777;
}

Test(app_nbd_socket, who_may_read_may_connect)
{
        cr_expect_eq(mode_for(0600), 0600);
        cr_expect_eq(mode_for(0640), 0660);
        cr_expect_eq(mode_for(0444), 0666);
        cr_expect_eq(mode_for(0660), 0660);
        cr_expect_not(exists(), "it goes with its owner");
}

Test(app_nbd_socket, owner_and_group)
{
        g_autoptr(NbdSocket) s = NULL;
        struct stat st;

        if (geteuid() != 0)
                cr_skip_test("not root");
        config->uid = 4711;
        config->gid = 4712;
        s = nbd_socket_new(config, NULL);
        cr_assert_not_null(s);
        cr_assert_eq(lstat(path, &st), 0);
        cr_expect(st.st_uid == 4711 && st.st_gid == 4712);
}

Test(app_nbd_socket, a_dead_one_is_replaced)
{
        g_autoptr(NbdSocket) s = NULL;
        int dead = -1, client = -1;

        cr_assert_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &dead), 0);
        close(dead);
        s = nbd_socket_new(config, NULL);
        cr_assert_not_null(s);
        cr_expect_eq(unix_path_connect(path, SOCK_STREAM, &client), 0);
        close(client);
}

Test(app_nbd_socket, a_live_one_is_left_alone)
{
        g_autoptr(NbdSocket) s = nbd_socket_new(config, NULL), second = NULL;
        g_autoptr(GError) why = NULL;
        int client = -1;

        cr_assert_not_null(s);
        second = nbd_socket_new(config, &why);
        cr_expect_null(second);
        cr_assert_not_null(why);
        cr_expect_not_null(strstr(why->message, "give another path"), "%s", why->message);
        cr_expect_eq(unix_path_connect(path, SOCK_STREAM, &client), 0, "the first one still does");
        close(client);
}

Test(app_nbd_socket, a_file_is_left_alone)
{
        g_autoptr(NbdSocket) s = NULL;

        cr_assert(g_file_set_contents(path, "mine", 4, NULL));
        s = nbd_socket_new(config, NULL);
        cr_expect_null(s);
        cr_expect(exists());
}

Test(app_nbd_socket, what_another_one_made_there_stays)
{
        NbdSocket *s = nbd_socket_new(config, NULL);

        cr_assert_not_null(s);
        cr_assert_eq(g_unlink(path), 0);
        cr_assert(g_file_set_contents(path, "theirs", 6, NULL));
        nbd_socket_free(s);
        cr_expect(exists());
        nbd_socket_free(NULL);
}

/* As systemd does it: the third descriptor, and who it is for. */
Test(app_nbd_socket, an_inherited_one)
{
        g_autoptr(NbdSocket) s = NULL;
        g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
        int fd = -1, was = fcntl(3, F_DUPFD_CLOEXEC, 10);

        cr_assert_eq(unix_path_listen(path, SOCK_STREAM, 0600, 5, &fd), 0);
        if (fd != 3)
                cr_assert_eq(dup2(fd, 3), 3);
        g_setenv("LISTEN_FDS", "1", TRUE);
        g_setenv("LISTEN_PID", pid, TRUE);
        s = nbd_socket_new(config, NULL);
        cr_assert_not_null(s);
        cr_expect_eq(nbd_socket_fd(s), 3);
        g_clear_pointer(&s, nbd_socket_free);
        cr_expect(exists(), "it is systemd's");
        if (fd != 3)
                close(fd);
        if (was >= 0)
                dup2(was, 3);
        close(was);
}
