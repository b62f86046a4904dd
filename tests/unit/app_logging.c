/* SPDX-License-Identifier: MIT */
/* logging: what a line looks like, its limits, and the last words of a failed CHECK. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/logging.h"
#include "base/check.h"

Test(logging, device_comes_first)
{
        struct logging_entry e;
        char line[300];

        logging_fill(&e, LOGGING_NOTICE, aoe_addr_make(7, 3), "no answer for 3 s");
        logging_format(&e, 0, line, sizeof(line));
        cr_assert_str_eq(line, "e7.3: no answer for 3 s");
        logging_format(&e, 4, line, sizeof(line));
        cr_assert_str_eq(line, "e7.3: no answer for 3 s (4 lines before it were left out)");
        logging_fill(&e, LOGGING_NOTICE, AOE_ADDR_ALL, "eth1: up");
        logging_format(&e, 0, line, sizeof(line));
        cr_assert_str_eq(line, "eth1: up");
        logging_fill(&e, LOGGING_NOTICE, aoe_addr_make(65534, 254), "x");
        logging_format(&e, 0, line, sizeof(line));
        cr_assert_str_eq(line, "e65534.254: x");
}

Test(logging, foreign_text_cannot_forge_lines)
{
        struct logging_entry e;
        char text[LOGGING_TEXT_BYTES + 50];

        logging_fill(&e, LOGGING_NOTICE, AOE_ADDR_ALL, "a\nb\033[1mc\177");
        cr_assert_str_eq(e.text, "a?b?[1mc?");
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        logging_fill(&e, LOGGING_NOTICE, AOE_ADDR_ALL, text);
        cr_assert_eq(strlen(e.text), LOGGING_TEXT_BYTES - 1);
}

Test(logging, limiter_lets_a_burst_through)
{
        static struct logging_limiter l;
        nsec now = 1000 * NSEC_SEC;
        unsigned suppressed = 99, passed = 0;

        for (unsigned i = 0; i < 100; i++)
                passed += logging_limiter_pass(&l, 0x701, now, &suppressed);
        cr_assert_eq(passed, LOGGING_BURST);
        cr_assert_eq(suppressed, 0);
        cr_assert(logging_limiter_pass(&l, 0x702, now, &suppressed), "another device's line");
        now += LOGGING_EVERY;
        cr_assert(logging_limiter_pass(&l, 0x701, now, &suppressed));
        cr_assert_eq(suppressed, 100 - LOGGING_BURST, "the next line says what was left out");
        cr_assert(!logging_limiter_pass(&l, 0x701, now, &suppressed));
        now += LOGGING_BURST * LOGGING_EVERY;
        passed = 0;
        for (unsigned i = 0; i < 100; i++)
                passed += logging_limiter_pass(&l, 0x701, now, &suppressed);
        cr_assert_eq(passed, LOGGING_BURST, "the burst is whole again");
}

static void say_all(void)
{
        logging_say(LOGGING_ERROR, "an error of %d", 1);
        logging_say(LOGGING_WARNING, "a warning");
        logging_say(LOGGING_NOTICE, "a notice");
        logging_say(LOGGING_INFO, "an info");
        fflush(stderr);
}

/* What say_all() writes to standard error at this level. */
static void assert_said(int level, const char *want)
{
        char got[512] = "";
        int fds[2], saved;
        ssize_t n;

        cr_assert_eq(pipe(fds), 0);
        saved = dup(STDERR_FILENO);
        dup2(fds[1], STDERR_FILENO);
        logging_set(level, LOGGING_NOWHERE);
        say_all();
        dup2(saved, STDERR_FILENO);
        close(fds[1]);
        n = read(fds[0], got, sizeof(got) - 1);
        cr_assert_geq(n, 0);
        close(fds[0]);
        close(saved);
        cr_assert_str_eq(got, want);
}

Test(logging, levels)
{
        assert_said(LOGGING_INFO, "aoefs: an error of 1\naoefs: a warning\naoefs: a notice\n"
                                  "aoefs: an info\n");
        assert_said(LOGGING_NOTICE, "aoefs: an error of 1\naoefs: a warning\naoefs: a notice\n");
        assert_said(LOGGING_WARNING, "aoefs: an error of 1\naoefs: a warning\n");
        assert_said(LOGGING_ERROR, "aoefs: an error of 1\n");
        assert_said(LOGGING_NOWHERE, "");
}

static int two(void)
{
        return 2;
}

Test(logging, failed_check_says_where)
{
        char said[512] = "";
        int fds[2], status;
        pid_t pid;

        cr_assert_eq(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                dup2(fds[1], STDERR_FILENO);
                logging_catch_checks();
                CHECK(two() == 3);
                _exit(0);
        }
        close(fds[1]);
        cr_assert_gt(read(fds[0], said, sizeof(said) - 1), 0);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status), "it dies of it");
        cr_assert(strstr(said, "aoefs: CHECK failed at "), "%s", said);
        cr_assert(strstr(said, "app_logging.c:"), "%s", said);
        cr_assert(strstr(said, "two() == 3"), "%s", said);
        close(fds[0]);
}
