/* SPDX-License-Identifier: MIT */
/*
 * cli/main.c, cli/options.c and the commands' words: what is understood, what is refused and with
 * which exit code. The daemon and the network are played by the functions at the top, which write
 * down what they were asked for.
 */
int aoefs_main(int argc, char **argv);

#define main aoefs_main
#include "cli/main.c"
#undef main

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/keeper.h"
#include "app/probe.h"
#include "app/runtime.h"

static GString *asked;  /* by the last run */
static bool is_failing; /* what the fakes do */

static bool fake(const char *what, GError **error)
{
        g_string_append(asked, what);
        if (is_failing)
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE, "it did not work: mend it");
        return !is_failing;
}

bool keeper_mount(const Config *c, char *const worker_argv[], GError **error)
{
        (void)c;
        for (char *const *word = worker_argv; *word; word++)
                g_string_append_printf(asked, "%s ", *word);
        return fake("", error);
}

int worker_main(const Config *c)
{
        g_string_append_printf(asked, "worker %s", c->mountpoint);
        return 1;
}

bool probe_run(const Config *c, nsec timeout, probe_done done, void *arg, bool *ret_finished,
               GError **error)
{
        (void)done, (void)arg;
        *ret_finished = true;
        g_string_append_printf(asked, "probe %u %u ms", c->interfaces->len,
                               (unsigned)(timeout / NSEC_MS));
        return fake("", error);
}

bool probe_run_patient(const Config *c, nsec timeout, probe_done done, void *arg,
                       bool *ret_finished, GError **error)
{
        return probe_run(c, timeout, done, arg, ret_finished, error);
}

const char *probe_link_name(unsigned link)
{
        (void)link;
        return "eth0";
}

void runtime_daemon_free(RuntimeDaemon *d)
{
        g_free(d);
}

char *runtime_folder(GError **error)
{
        (void)error;
        return g_strdup("/run/none");
}

RuntimeDaemon *runtime_find(const char *mountpoint, GError **error)
{
        g_string_append_printf(asked, "find %s", mountpoint);
        return fake("", error) ? g_new0(RuntimeDaemon, 1) : NULL;
}

bool runtime_shutdown(const RuntimeDaemon *d, bool force, GError **error)
{
        (void)d, (void)error;
        g_string_append(asked, force ? " force" : " gently");
        return true;
}

/* ---- a run ---- */

static char *said; /* on stdout and stderr by the last run */

static char *file_take(const char *path)
{
        char *text = NULL;

        g_file_get_contents(path, &text, NULL, NULL);
        unlink(path);
        return text;
}

/* words: with blanks between them. The exit code. */
static int run_words(const char *words)
{
        g_autofree char *line = g_strdup_printf("aoefs %s", words);
        g_auto(GStrv) argv = g_strsplit(g_strstrip(line), " ", -1);
        char path[] = "/tmp/aoefs-main.XXXXXX";
        int fd = mkstemp(path);
        int out = dup(STDOUT_FILENO);
        int err = dup(STDERR_FILENO);
        int result;

        asked = asked ? g_string_truncate(asked, 0) : g_string_new(NULL);
        fflush(NULL);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        result = aoefs_main((int)g_strv_length(argv), argv);
        fflush(NULL);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        close(fd);
        close(out);
        close(err);
        g_free(said);
        said = file_take(path);
        return result;
}

static void teardown(void)
{
        g_free(said);
        if (asked)
                g_string_free(asked, TRUE);
}

TestSuite(cli_main, .fini = teardown);

struct wrong {
        const char *words;
        const char *line; /* part of what is said */
};

/* ---- wrong usage ---- */

static const struct wrong wrongs[] = {
        {"", "a command is missing"},
        {"lst", "lst: no such command"},
        {"lst e7.1", "lst: no such command"},
        {"--lst", "--lst: no such option"},
        {"list --foo", "unknown option --foo"},
        {"list e7", "e7: is not the name of a device"},
        {"list e7.1 e07.1", "e07.1: is not the name of a device"},
        {"list e65535.1", "e65535.1: is not the name of a device"},
        {"list -o foo", "foo: no such column"},
        {"list --json -o size", "leave one of them out"},
        {"list --json=yes", "takes no value"},
        {"list --timeout 0", "--timeout=0: is not a time"},
        {"list --timeout -1", "--timeout=-1: is not a time"},
        {"list --timeout 1e3", "--timeout=1e3: is not a time"},
        {"list --timeout nan", "--timeout=nan: is not a time"},
        {"list --timeout .", "--timeout=.: is not a time"},
        {"list --timeout 1.2.3", "--timeout=1.2.3: is not a time"},
        {"list --timeout 31536001", "is not a time"},
        {"list --timeout", "missing argument for --timeout"},
        {"list -i", "missing argument for -i"},
        {"list -i a/b", "interface=a/b: is not a list of interfaces"},
        {"list --mode=0600", "unknown option --mode"},
        {"list --config /nonexistent", "/nonexistent: No such file"},
        {"wait", "an argument is missing"},
        {"wait e7.1 e7.2", "too many arguments"},
        {"wait 7.1", "7.1: is not the name of a device"},
        {"wait e7.1 --timeout x", "--timeout=x: is not a time"},
        {"umount", "an argument is missing"},
        {"umount /a /b", "too many arguments"},
        {"umount --lazy /a", "unknown option --lazy"},
        {"umount --config x /a", "unknown option --config"},
        {"mount", "an argument is missing"},
        {"mount /tmp /tmp", "too many arguments"},
        {"mount -o mode=9 /tmp", "mode=9: is not a set of permission bits"},
        {"mount -oro,foo /tmp", "foo: no such option"},
        {"mount --mode=9 /tmp", "mode=9: is not a set of permission bits"},
        {"mount --on_loss=x /tmp", "on_loss=x: "},
        {"mount --cache=writeback /tmp", "cache=writeback: is not a known kind of cache"},
        {"mount -o cache=read,nbd=/s /tmp", "cache=read with nbd=: "},
        {"mount --ro=x /tmp", "--ro=x: takes no value"},
        {"mount --threads=2 /tmp", "unknown option --threads"},
        {"any /tmp -o window=0", "window=0: "},
        {"any /tmp /tmp -o ro", "too many arguments"},
        {"a/b /tmp -o ro", "interface=a/b: "},
};

Test(cli_main, wrong_usage_is_one_line_and_2)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
                const char *words = wrongs[i].words;

                cr_assert_eq(run_words(words), 2, "%s", words);
                cr_assert(g_str_has_prefix(said, "aoefs: "), "%s: %s", words, said);
                cr_assert_not_null(strstr(said, wrongs[i].line), "%s: %s", words, said);
                cr_assert_eq(strchr(said, '\n'), said + strlen(said) - 1, "%s: %s", words, said);
                cr_assert_str_eq(asked->str, "", "%s", words);
        }
}

Test(cli_main, lines_cannot_steer_a_terminal)
{
        cr_assert_eq(run_words("list \x1b[2J\n\x9b"), 2);
        cr_assert_not_null(strstr(said, "\\x1b[2J\\x0a\\x9b"), "%s", said);
}

/* ---- help and version ---- */

Test(cli_main, help)
{
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
                g_autofree char *words = g_strdup_printf("%s --help", commands[i].name);

                cr_assert_eq(run_words("--help"), 0);
                cr_assert_not_null(strstr(said, commands[i].summary));
                cr_assert_eq(run_words(words), 0);
                cr_assert_not_null(strstr(said, commands[i].summary));
                cr_assert_not_null(strstr(said, "-h, --help"));
                for (const char *at = said; *at; at++)
                        cr_assert(*at == '\n' || g_ascii_isprint(*at), "%s", said);
        }
}

Test(cli_main, version)
{
        cr_assert_eq(run_words("--version"), 0);
        cr_assert_str_eq(said, "aoefs " AOEFS_VERSION "\n");
}

Test(cli_main, full_disk_is_a_failure)
{
        if (access("/dev/full", W_OK) != 0)
                cr_skip_test("no /dev/full");
        cr_assert_not_null(freopen("/dev/full", "w", stdout));
        cr_assert_eq(cli_print("text\n"), 1);
}

/* ---- what is understood ---- */

#define MOUNT_WORDS "aoefs mount --config=/dev/null "

static bool is_asked(const char *part)
{
        return strstr(asked->str, part);
}

Test(cli_main, mount_hands_over_a_whole_command_line)
{
        cr_assert_eq(run_words("mount -fdoro,mode=0400 -iveth0,eth* --uid 5 -P x -- /tmp/../tmp"),
                     0);
        cr_assert(g_str_has_prefix(asked->str, MOUNT_WORDS), "%s", asked->str);
        cr_assert(is_asked(" --interface=veth0 --interface=eth* "), "%s", asked->str);
        cr_assert(is_asked(" --foreground --debug --ro --uid=5 "), "%s", asked->str);
        cr_assert(is_asked(" --mode=0400 "), "%s", asked->str);
        cr_assert(is_asked("/x "), "%s", asked->str);
        cr_assert(is_asked(" --fsname=veth0,eth* -- /tmp "), "%s", asked->str);
        cr_assert_str_eq(said, "");
}

Test(cli_main, nbd_hands_over_a_whole_command_line)
{
        cr_assert_eq(run_words("nbd --socket=/tmp/../tmp/s -fdoro,mode=0400 -iveth0 e7.1 e7.2"), 0);
        cr_assert(g_str_has_prefix(asked->str, "aoefs nbd --config=/dev/null "), "%s", asked->str);
        cr_assert(is_asked(" --interface=veth0 --only=e7.1 --only=e7.2 --foreground --debug --ro "),
                  "%s", asked->str);
        cr_assert(is_asked(" --mode=0400 "), "%s", asked->str);
        cr_assert(is_asked(" --socket=/tmp/"), "%s", asked->str);
        cr_assert_not(is_asked("--fsname") || is_asked(" -- "), "%s", asked->str);
        cr_assert_str_eq(said, "");
        cr_assert_eq(run_words("mount -onbd=/tmp/s -iveth0 /tmp"), 0);
        cr_assert(is_asked(" --nbd=/tmp/s "), "%s", asked->str);
}

Test(cli_main, nbd_wants_a_socket_and_devices)
{
        cr_assert_eq(run_words("nbd -iveth0"), 2);
        cr_assert_not_null(strstr(said, "give --socket=PATH"), "%s", said);
        cr_assert_eq(run_words("nbd --socket=/tmp/s disk"), 2);
        cr_assert_str_eq(asked->str, "");
}

Test(cli_main, fstab_form)
{
        cr_assert_eq(run_words("any /tmp -o rw,_netdev,noatime,x-systemd.automount,ro"), 0);
        cr_assert(is_asked(" --ro ") && is_asked(" --fsname=any -- /tmp "), "%s", asked->str);
        cr_assert_not(is_asked("--interface"));
        cr_assert_eq(run_words("eth1,veth* /tmp"), 0);
        cr_assert(is_asked("--interface=eth1 --interface=veth* "), "%s", asked->str);
        cr_assert(is_asked("--fsname=eth1,veth* "), "%s", asked->str);
        cr_assert_eq(run_words("eth1 /tmp -o fsname=mine"), 0);
        cr_assert(is_asked("--fsname=mine "), "%s", asked->str);
}

Test(cli_main, worker_touches_no_mount_point)
{
        setenv("AOEFS_WORKER", "7", 1);
        cr_assert_eq(run_words("mount --config=/dev/null /no/such/folder"), 1);
        cr_assert_str_eq(asked->str, "worker /no/such/folder");
}

Test(cli_main, mount_point_must_be_there)
{
        cr_assert_eq(run_words("mount /no/such/folder"), 1);
        cr_assert_str_eq(asked->str, "");
        cr_assert_not_null(strstr(said, "/no/such/folder: No such file"));
        cr_assert_eq(run_words("mount /dev/fd/9"), 0);
        cr_assert(is_asked(" -- /dev/fd/9 "), "%s", asked->str);
}

Test(cli_main, failures_are_1)
{
        is_failing = true;
        cr_assert_eq(run_words("mount /tmp"), 1);
        cr_assert_str_eq(said, "aoefs: /tmp: it did not work: mend it\n");
        cr_assert_eq(run_words("list"), 1);
        cr_assert_eq(run_words("wait e7.1"), 1);
        cr_assert_eq(run_words("umount /tmp"), 1);
        cr_assert_str_eq(asked->str, "find /tmp");
}

Test(cli_main, timeouts)
{
        cr_assert_eq(run_words("list"), 0);
        cr_assert(g_str_has_prefix(asked->str, "probe 0 "));
        cr_assert_eq(run_words("list --timeout 0.25 -i eth0 -i eth1"), 0);
        cr_assert(g_str_has_prefix(asked->str, "probe 2 "));
        cr_assert_eq(run_words("wait e7.1 --timeout=2"), 1);
        cr_assert_str_eq(asked->str, "probe 0 2000 ms");
        cr_assert_eq(run_words("wait e7.1"), 1);
        cr_assert_str_eq(asked->str, "probe 0 30000 ms");
}

Test(cli_main, missing_devices_are_4)
{
        cr_assert_eq(run_words("list e7.1 e7.2"), 4);
        cr_assert_not_null(strstr(said, "aoefs: e7.1: no such device"));
        cr_assert_not_null(strstr(said, "aoefs: e7.2: no such device"));
}

Test(cli_main, umount)
{
        cr_assert_eq(run_words("umount /no/../no/mount"), 0);
        cr_assert_str_eq(asked->str, "find /no/mount gently");
        cr_assert_eq(run_words("umount --force /no/mount"), 0);
        cr_assert_str_eq(asked->str, "find /no/mount force");
}
