/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>

void frame_pool_init(struct frame_pool *p)
{
        *p = (struct frame_pool){.left = FRAME_COUNT};
        p->frames = calloc(FRAME_COUNT, sizeof *p->frames);
        if (!p->frames) {
                perror("relay: memory for frames");
                exit(1);
        }
}

void frame_pool_fini(struct frame_pool *p)
{
        free(p->frames);
}

struct frame *frame_get(struct frame_pool *p)
{
        struct frame *f = p->free;

        if (p->left == 0)
                return NULL;
        if (f)
                p->free = f->next;
        else
                f = &p->frames[p->fresh++];
        p->left--;
        return f;
}

void frame_put(struct frame_pool *p, struct frame *f)
{
        f->next = p->free;
        p->free = f;
        p->left++;
}
