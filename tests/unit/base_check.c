/* SPDX-License-Identifier: MIT */
/* check: a failed CHECK leaves its place behind and traps; one that holds does nothing. */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <signal.h>

#include "base/check.h"

static sigjmp_buf check_escape;

static void on_trap(int signal)
{
        (void)signal;
        siglongjmp(check_escape, 1);
}

Test(check, holds_without_effect)
{
        volatile int calls = 0;

        CHECK(++calls == 1);
        cr_assert_eq(calls, 1, "the condition is evaluated once");
        cr_assert_null(check_failed.expr);
}

Test(check, records_its_place_and_traps)
{
        struct sigaction trap = {.sa_handler = on_trap};
        static volatile int line;

        sigaction(SIGILL, &trap, NULL);
        if (sigsetjmp(check_escape, 1) == 0) {
                line = __LINE__ + 1;
                CHECK(line < 0);
                cr_assert_fail("CHECK came back");
        }
        cr_assert_str_eq(check_failed.expr, "line < 0");
        cr_assert_str_eq(check_failed.file, __FILE__);
        cr_assert_eq(check_failed.line, line);
}

Test(check, kills_the_process, .signal = SIGILL)
{
        CHECK(check_failed.line != 0);
}
