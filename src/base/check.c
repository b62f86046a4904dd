/* SPDX-License-Identifier: MIT */
#include "base/check.h"

struct check_site check_failed;

void check_fail(const char *expr, const char *file, int line)
{
        check_failed = (struct check_site){.expr = expr, .file = file, .line = line};
        __builtin_trap();
}
