/* SPDX-License-Identifier: MIT */
/* frame: each has its own room, comes out clean, and cannot go back while a list holds it. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "base/frame.h"

#define ROOM  1514
#define COUNT 5

static void *frames_init(struct frame_pool *fp)
{
        void *block = aligned_alloc(16, frame_pool_bytes(ROOM, COUNT));

        cr_assert_not_null(block);
        frame_pool_init(fp, block, ROOM, COUNT);
        return block;
}

Test(frame, has_room_of_its_own)
{
        struct frame_pool fp;
        struct frame *frames[COUNT];
        void *block = frames_init(&fp);

        for (int i = 0; i < COUNT; i++) {
                frames[i] = frame_get(&fp);
                cr_assert_not_null(frames[i]);
                cr_assert_eq(frames[i]->room_bytes, ROOM);
                memset(frames[i]->data, i, ROOM);
        }
        cr_assert_null(frame_get(&fp));
        for (int i = 0; i < COUNT; i++) {
                cr_assert_eq(frames[i]->data[0], i);
                cr_assert_eq(frames[i]->data[ROOM - 1], i);
                frame_put(&fp, frames[i]);
        }
        cr_assert_eq(fp.pool.used, 0);
        free(block);
}

Test(frame, comes_out_clean)
{
        struct frame_pool fp;
        void *block = frames_init(&fp);
        struct frame *f = frame_get(&fp);

        f->bytes = 60;
        f->at_byte = 512;
        f->part = f->data + 36;
        f->part_bytes = 24;
        frame_put(&fp, f);
        cr_assert_eq(frame_get(&fp), f, "the warm one first");
        cr_assert(f->bytes == 0 && f->at_byte == 0 && f->part_bytes == 0);
        cr_assert_null(f->part);
        cr_assert(!list_is_linked(&f->node));
        free(block);
}

Test(frame, still_in_a_list_traps, .signal = SIGILL)
{
        struct frame_pool fp;
        struct list head;
        struct frame *f;

        (void)frames_init(&fp);
        list_init(&head);
        f = frame_get(&fp);
        list_add_tail(&head, &f->node);
        frame_put(&fp, f);
}
