/* SPDX-License-Identifier: MIT */
/* Which devices and interfaces the user's globs choose. */
#include <fnmatch.h>

#include "app/config.h"

static bool glob_any(const GPtrArray *globs, const char *name)
{
        for (unsigned i = 0; i < globs->len; i++)
                if (fnmatch(g_ptr_array_index(globs, i), name, 0) == 0)
                        return true;
        return false;
}

bool config_is_allowed(void *arg, aoe_addr addr)
{
        const Config *c = arg;
        char name[AOE_NAME_BYTES];

        aoe_addr_format(addr, name);
        if (glob_any(c->deny, name))
                return false;
        return c->only->len == 0 || glob_any(c->only, name);
}

bool config_has_interface(const Config *c, const char *name, bool fallback)
{
        return c->interfaces->len == 0 ? fallback : glob_any(c->interfaces, name);
}
