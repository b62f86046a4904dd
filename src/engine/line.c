/* SPDX-License-Identifier: MIT */
#include "engine/line.h"

#include "engine/core.h"

void line_init(struct line *l)
{
        list_init(&l->waiting);
}

void line_join(struct line *l, struct device *d)
{
        CHECK(!d->line);
        list_add_tail(&l->waiting, &d->run);
        d->line = l;
}

void line_leave(struct device *d)
{
        if (!d->line)
                return;
        list_del(&d->run);
        d->line = NULL;
}

void line_call(struct engine *e, struct line *l, unsigned count)
{
        struct list *node;

        while (count-- > 0 && (node = list_first(&l->waiting))) {
                struct device *d = LIST_ENTRY(node, struct device, run);

                line_leave(d);
                list_add_tail(&e->called, &d->run);
                d->called = l;
        }
}
