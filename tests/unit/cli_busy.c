/* SPDX-License-Identifier: MIT */
/* cli/busy.c on trees of files that look like /sys/block and /proc. */
#include "cli/busy.h"

#include <criterion/criterion.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *top;
static struct busy_roots roots;

static void setup(void)
{
        top = g_dir_make_tmp("aoefs-busy.XXXXXX", NULL);
        roots.block = g_build_filename(top, "block", NULL);
        roots.proc = g_build_filename(top, "proc", NULL);
        g_mkdir_with_parents(roots.block, 0700);
        g_mkdir_with_parents(roots.proc, 0700);
}

static void tree_remove(const char *path)
{
        g_autoptr(GDir) dir =
                g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *below = g_build_filename(path, name, NULL);

                tree_remove(below);
        }
        g_remove(path);
}

static void teardown(void)
{
        tree_remove(top);
        g_free((char *)roots.block);
        g_free((char *)roots.proc);
        g_free(top);
}

TestSuite(cli_busy, .init = setup, .fini = teardown);

static char *parents_make(const char *root, const char *name)
{
        char *path = g_build_filename(root, name, NULL);
        g_autofree char *dir = g_path_get_dirname(path);

        g_mkdir_with_parents(dir, 0700);
        return path;
}

static void put_text(const char *root, const char *name, const char *text)
{
        g_autofree char *path = parents_make(root, name);

        cr_assert(g_file_set_contents(path, text, -1, NULL));
}

static void put_link(const char *root, const char *name, const char *to)
{
        g_autofree char *path = parents_make(root, name);

        cr_assert_eq(symlink(to, path), 0);
}

static void assert_found(const char *want)
{
        g_autofree char *found = busy_find(&roots, "/mnt/aoe");

        if (want)
                cr_assert_str_eq(found ? found : "(none)", want);
        else
                cr_assert_null(found, "%s", found);
}

Test(cli_busy, nobody)
{
        assert_found(NULL);
}

Test(cli_busy, nobody_in_missing_trees)
{
        const struct busy_roots none = {.block = "/nonexistent", .proc = "/nonexistent"};

        cr_assert_null(busy_find(&none, "/mnt/aoe"));
}

Test(cli_busy, loop_device)
{
        put_text(roots.block, "loop0/loop/backing_file", "/srv/image\n");
        put_text(roots.block, "loop1/size", "8\n");
        put_text(roots.block, "sda/loop/backing_file", "/mnt/aoe/e1.1\n");
        assert_found(NULL);
        put_text(roots.block, "loop7/loop/backing_file", "/mnt/aoe/e7.1\n");
        assert_found("/dev/loop7 uses e7.1: detach it with losetup -d /dev/loop7");
}

Test(cli_busy, loop_device_elsewhere)
{
        put_text(roots.block, "loop0/loop/backing_file", "/mnt/aoe2/e7.1\n");
        put_text(roots.block, "loop1/loop/backing_file", "/srv/mnt/aoe/e7.1\n");
        assert_found(NULL);
}

Test(cli_busy, open_file)
{
        put_text(roots.proc, "12/comm", "dd\n");
        put_link(roots.proc, "12/fd/0", "/dev/null");
        put_link(roots.proc, "12/fd/1", "pipe:[77]");
        assert_found(NULL);
        put_link(roots.proc, "12/fd/3", "/mnt/aoe/e7.1");
        assert_found("process 12 (dd) has e7.1 open: end it first");
}

Test(cli_busy, open_folder)
{
        put_link(roots.proc, "12/fd/3", "/mnt/aoe");
        assert_found("process 12 (?) has the mount point open: end it first");
}

Test(cli_busy, working_folder)
{
        put_text(roots.proc, "12/comm", "bash\n");
        put_link(roots.proc, "12/cwd", "/mnt/aoe");
        assert_found("process 12 (bash) has its working folder there: leave it, or end the "
                     "process");
}

Test(cli_busy, root_folder)
{
        put_text(roots.proc, "12/comm", "x\n");
        put_link(roots.proc, "12/cwd", "/");
        put_link(roots.proc, "12/root", "/mnt/aoe/.aoefs");
        assert_found("process 12 (x) has its root folder there: end it first");
}

Test(cli_busy, mapping)
{
        put_text(roots.proc, "12/comm", "x\n");
        put_text(roots.proc, "12/maps",
                 "5567b27b1000-5567b27b2000 r--p 00000000 fd:01 77    /usr/bin/x\n"
                 "7f46c2000000-7f46c3000000 rw-p 00000000 00:00 0 \n"
                 "7f46c2eb8000-7f46c2eb9000 r--p 00000000 00:2f 1793  /mnt/aoe/e7.1\n");
        assert_found("process 12 (x) maps e7.1: end it first");
}

Test(cli_busy, mount_inside)
{
        put_text(roots.proc, "self/mountinfo",
                 "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                 "30 22 0:40 / /mnt/aoe rw,nosuid - fuse.aoefs any rw\n"
                 "31 22 0:41 / /mnt/aoe2/x rw - tmpfs x rw\n"
                 "broken\n");
        assert_found(NULL);
        put_text(roots.proc, "self/mountinfo",
                 "30 22 0:40 / /mnt/aoe rw - fuse.aoefs any rw\n"
                 "32 30 0:42 / /mnt/aoe/a\\040b rw - tmpfs x rw\n");
        assert_found("/mnt/aoe/a b is mounted on a b: unmount that first");
}

Test(cli_busy, other_mount_namespace)
{
        put_link(roots.proc, "self/ns/mnt", "mnt:[1]");
        put_link(roots.proc, "12/ns/mnt", "mnt:[2]");
        put_link(roots.proc, "12/cwd", "/mnt/aoe");
        assert_found(NULL);
        put_link(roots.proc, "13/ns/mnt", "mnt:[1]");
        put_link(roots.proc, "13/cwd", "/mnt/aoe");
        assert_found("process 13 (?) has its working folder there: leave it, or end the process");
}

Test(cli_busy, not_ourselves)
{
        g_autofree char *name = g_strdup_printf("%d/cwd", getpid());

        put_link(roots.proc, name, "/mnt/aoe");
        put_link(roots.proc, "acpi/cwd", "/mnt/aoe");
        assert_found(NULL);
}
