/* SPDX-License-Identifier: MIT */
/* runtime, lock, writers: who is registered, who holds what, and what a crash leaves. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/runtime.h"
#include "app/writers.h"

static char folder[64];

/* A runtime folder of the test's own: as root, /run is replaced for this process. */
static void setup(void)
{
        strcpy(folder, "/tmp/aoefs-unit.XXXXXX");
        cr_assert(mkdtemp(folder));
        if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0) {
                cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
                cr_assert_eq(mount(folder, "/run", NULL, MS_BIND, NULL), 0);
        }
        g_setenv("XDG_RUNTIME_DIR", folder, TRUE);
}

static void teardown(void)
{
        g_autofree char *command = NULL;

        if (geteuid() == 0)
                umount2("/run", MNT_DETACH);
        command = g_strdup_printf("rm -rf %s", folder);
        cr_assert_eq(system(command), 0);
}

TestSuite(runtime, .init = setup, .fini = teardown, .timeout = 60);

static int open_folder(void)
{
        g_autofree char *path = runtime_folder(NULL);

        cr_assert(path);
        return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

Test(runtime, folder_is_ours_alone)
{
        g_autofree char *path = runtime_folder(NULL);
        struct stat st;

        cr_assert(path);
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_uid, geteuid());
        cr_assert_eq(st.st_mode & 022, 0);
        cr_assert_eq(chmod(path, 0777), 0);
        if (geteuid() != 0) {
                g_autoptr(GError) error = NULL;

                cr_assert_null(runtime_folder(&error), "anybody may write to it");
                cr_assert_eq(error->code, EPERM);
        }
        cr_assert_eq(chmod(path, 0755), 0);
}

Test(runtime, lock_names_its_holder)
{
        int dir = open_folder(), fd, other;
        char holder[LOCK_HOLDER_BYTES] = "";

        cr_assert(!lock_is_held(dir, "x", holder, sizeof(holder)));
        cr_assert_eq(lock_take(dir, "x", "me, myself", &fd, NULL, 0), 0);
        cr_assert_eq(lock_take(dir, "x", "you", &other, holder, sizeof(holder)), -EBUSY);
        cr_assert_str_eq(holder, "me, myself");
        holder[0] = 0;
        cr_assert(lock_is_held(dir, "x", holder, sizeof(holder)));
        cr_assert_str_eq(holder, "me, myself");
        lock_drop(dir, "x", fd);
        cr_assert_eq(faccessat(dir, "x", F_OK, 0), -1, "the file is gone");
        cr_assert_eq(lock_take(dir, "x", "you", &other, NULL, 0), 0);
        lock_drop(dir, "x", other);
        lock_drop(dir, "x", -1);
        close(dir);
}

Test(runtime, lock_of_a_crash_is_free)
{
        int dir = open_folder(), fd, status;
        char holder[LOCK_HOLDER_BYTES] = "";
        pid_t pid = fork();

        if (pid == 0) {
                if (lock_take(dir, "x", "the dead", &fd, NULL, 0) < 0)
                        _exit(1);
                kill(getpid(), SIGKILL);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status));
        cr_assert_eq(faccessat(dir, "x", F_OK, 0), 0, "its file is still there");
        cr_assert_eq(lock_take(dir, "x", "the next", &fd, NULL, 0), 0);
        cr_assert(lock_is_held(dir, "x", holder, sizeof(holder)));
        cr_assert_str_eq(holder, "the next", "nothing of the dead one is left: %s", holder);
        lock_drop(dir, "x", fd);
        close(dir);
}

Test(runtime, lock_fails_without_a_folder)
{
        int fd;

        cr_assert_eq(lock_take(-1, "x", "me", &fd, NULL, 0), -EBADF);
        cr_assert(!lock_is_held(-1, "x", NULL, 0));
}

Test(runtime, writers_exclude_each_other)
{
        int dir = open_folder();
        struct writers *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
        char holder[LOCK_HOLDER_BYTES] = "";

        writers_init(a, dir, 1, false, "process 1, mounted on /a");
        writers_init(b, dir, 1, false, "process 2, mounted on /b");
        cr_assert_eq(writers_take(a, 0x701, holder, sizeof(holder)), 0);
        cr_assert_eq(writers_take(a, 0x701, holder, sizeof(holder)), 0, "it has it already");
        cr_assert_eq(writers_take(b, 0x701, holder, sizeof(holder)), -EBUSY);
        cr_assert_str_eq(holder, "process 1, mounted on /a");
        cr_assert_eq(writers_take(b, 0x702, holder, sizeof(holder)), 0);
        writers_drop(a, 0x701);
        cr_assert_eq(writers_take(b, 0x701, holder, sizeof(holder)), -EBUSY, "taken twice");
        writers_drop(a, 0x701);
        writers_drop(a, 0x709);
        cr_assert_eq(writers_take(b, 0x701, holder, sizeof(holder)), 0);
        writers_fini(b);
        cr_assert_eq(writers_take(a, 0x702, holder, sizeof(holder)), 0);
        writers_fini(a);
        writers_init(b, dir, 2, false, "in another network");
        cr_assert_eq(writers_take(a, 0x701, holder, sizeof(holder)), 0);
        cr_assert_eq(writers_take(b, 0x701, holder, sizeof(holder)), 0, "e7.1 is another disk");
        writers_fini(b);
        writers_init(b, dir, 1, true, "shared");
        cr_assert_eq(writers_take(b, 0x701, holder, sizeof(holder)), 0);
        writers_fini(a);
        writers_fini(b);
        free(a);
        free(b);
        close(dir);
}

Test(runtime, writers_have_a_limit)
{
        int dir = open_folder();
        struct writers *w = calloc(1, sizeof(*w));
        char holder[LOCK_HOLDER_BYTES];

        writers_init(w, dir, 1, false, "me");
        for (aoe_addr i = 0; i < WRITERS_MAX; i++)
                cr_assert_eq(writers_take(w, 0x100 + i, holder, sizeof(holder)), 0);
        cr_assert_eq(writers_take(w, 0xfff00, holder, sizeof(holder)), -EMFILE);
        writers_drop(w, 0x100);
        cr_assert_eq(writers_take(w, 0xfff00, holder, sizeof(holder)), 0);
        writers_fini(w);
        free(w);
        close(dir);
}

Test(runtime, daemon_is_listed_and_found)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(RuntimeEntry) e = runtime_entry_new("/mnt/odd \n name", &error);
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(RuntimeDaemon) d = NULL;

        cr_assert(e, "%s", error ? error->message : "");
        cr_assert(runtime_entry_set_worker(e, 4711));
        list = runtime_list(&error);
        cr_assert_eq(list->len, 1);
        d = runtime_find("/mnt/odd \n name", &error);
        cr_assert(d);
        cr_assert_eq(d->keeper, getpid());
        cr_assert_eq(d->worker, 4711);
        cr_assert_str_eq(d->mountpoint, "/mnt/odd \n name");
        cr_assert_null(runtime_find("/mnt/other", &error));
        cr_assert_eq(error->code, ENOENT);
}

Test(runtime, what_a_crash_leaves_is_swept)
{
        g_autoptr(GPtrArray) list = NULL;
        int status, dir = open_folder();
        g_autofree char *name = NULL, *sock = NULL, *link = NULL;
        g_autoptr(RuntimeEntry) e = NULL;
        pid_t pid = fork();

        if (pid == 0) {
                char holder[LOCK_HOLDER_BYTES];

                e = runtime_entry_new("/mnt/x", NULL);
                if (!e || runtime_entry_use_link(e, 3, holder, sizeof(holder)))
                        _exit(1);
                kill(getpid(), SIGKILL);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status));
        name = g_strdup_printf("daemon-%d", pid);
        sock = g_strdup_printf("daemon-%d.sock", pid);
        link = g_strdup_printf("link-%" G_GUINT64_FORMAT "-3.%d", runtime_netns(), pid);
        cr_assert_eq(faccessat(dir, sock, F_OK, 0), 0);
        cr_assert_eq(faccessat(dir, link, F_OK, 0), 0);
        list = runtime_list(NULL);
        cr_assert_eq(list->len, 0, "the dead are not listed");
        cr_assert_eq(faccessat(dir, name, F_OK, 0), -1);
        cr_assert_eq(faccessat(dir, sock, F_OK, 0), -1);
        e = runtime_entry_new("/mnt/x", NULL);
        cr_assert(e);
        cr_assert_eq(faccessat(dir, link, F_OK, 0), -1);
        close(dir);
}

Test(runtime, second_daemon_on_a_link_is_named)
{
        g_autoptr(RuntimeEntry) e = runtime_entry_new("/mnt/x", NULL);
        char holder[LOCK_HOLDER_BYTES] = "";
        int status;
        pid_t pid;

        cr_assert(!runtime_entry_use_link(e, 3, holder, sizeof(holder)));
        cr_assert(!runtime_entry_use_link(e, 3, holder, sizeof(holder)), "that is us");
        pid = fork();
        if (pid == 0) {
                RuntimeEntry *other = runtime_entry_new("/mnt/y", NULL);
                bool three = runtime_entry_use_link(other, 3, holder, sizeof(holder));
                bool four = runtime_entry_use_link(other, 4, holder, sizeof(holder));

                _exit(three && !four && strstr(holder, "serving /mnt/x") ? 0 : 1);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
}

/* A keeper that answers one question with text and hangs up. */
static pid_t keeper_that_says(const char *mountpoint, const char *want, const char *text)
{
        int ready[2];
        char byte;
        pid_t pid;

        cr_assert_eq(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                RuntimeEntry *e = runtime_entry_new(mountpoint, NULL);
                char question[64] = "";
                int fd;

                fcntl(runtime_entry_socket(e), F_SETFL, 0);
                (void)!write(ready[1], "+", 1);
                fd = accept(runtime_entry_socket(e), NULL, NULL);
                if (recv(fd, question, sizeof(question) - 1, 0) < 0 || strcmp(question, want) != 0)
                        _exit(1);
                send(fd, text, strlen(text), 0);
                _exit(0);
        }
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

static void assert_shutdown(const char *answer, bool force, int want_code, const char *want_text)
{
        pid_t pid = keeper_that_says("/mnt/z", force ? "umount force" : "umount", answer);
        g_autoptr(GError) error = NULL;
        g_autoptr(RuntimeDaemon) d = runtime_find("/mnt/z", &error);
        int status;

        cr_assert(d);
        cr_assert_eq(d->keeper, pid);
        cr_assert_eq(runtime_shutdown(d, force, &error), want_code == 0);
        if (want_code) {
                cr_assert_eq(error->code, want_code, "%d: %s", error->code, error->message);
                cr_assert(strstr(error->message, want_text), "%s", error->message);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
}

Test(runtime, shutdown_tells_the_truth)
{
        assert_shutdown("ends 0 ", false, 0, "");
        assert_shutdown("ends 0 ", true, 0, "");
        assert_shutdown("ends 5 e7.1: not flushed", false, EIO, "e7.1: not flushed");
        assert_shutdown("stays 16 busy: a file is open", false, EBUSY, "busy: a file is open");
        assert_shutdown("", false, EPIPE, "ended without an answer");
        assert_shutdown("hello", false, EPROTO, "makes no sense");
        assert_shutdown("ends x", false, EPROTO, "makes no sense");
        assert_shutdown("ends -1 x", false, EPROTO, "makes no sense");
        assert_shutdown("stays 5", false, EPROTO, "makes no sense");
}

Test(runtime, shutdown_of_a_dead_daemon_fails)
{
        g_autofree char *path = g_strdup_printf("%s/nothing.sock", folder);
        RuntimeDaemon d = {.keeper = 1, .mountpoint = "/x", .socket = path};
        g_autoptr(GError) error = NULL;

        cr_assert(!runtime_shutdown(&d, false, &error));
        cr_assert_eq(error->code, ENOENT);
}
