/* SPDX-License-Identifier: MIT */
/* fuse_ctl: what an order looks like, and what a write to .aoefs/ctl does and answers. */
#include "front_kernel.h"

#include <fcntl.h>

#include "front/fuse_ctl.h"

#define E71 aoe_addr_make(7, 1)
#define E81 aoe_addr_make(8, 1)
#define CTL 4 /* nodeid */

static void setup(void)
{
        struct front_fuse_options o = kernel_options(-1);

        fake_add(7, 1, 1 << 20);
        fake_add(8, 1, 1 << 20)->state = DEVICE_STALE;
        kernel_start(&o, 4);
        cr_assert_eq(kernel_open(CTL, O_WRONLY), 0);
}

TestSuite(front_ctl, .init = setup, .fini = kernel_stop);

/* The errno that writing this line ends with; an order that is done at once. */
static int order(const char *line)
{
        uint64_t unique = kernel_send_write(CTL, 0, line, (uint32_t)strlen(line));
        int error;

        kernel_turn();
        error = kernel_errno(unique);
        if (error == 0) {
                cr_assert_eq(answer_bytes, sizeof(struct fuse_write_out));
                cr_expect_eq(((const struct fuse_write_out *)answer_body)->size, strlen(line));
        }
        return error;
}

Test(fuse_ctl, orders)
{
        struct fuse_ctl_order o;

        cr_assert(fuse_ctl_parse("discover", 8, &o));
        cr_expect_eq(o.word, FUSE_CTL_DISCOVER);
        cr_expect_eq(o.addr, AOE_ADDR_ALL);
        cr_assert(fuse_ctl_parse("flush e7.1\n", 11, &o));
        cr_expect_eq(o.word, FUSE_CTL_FLUSH);
        cr_expect_eq(o.addr, E71);
        cr_assert(fuse_ctl_parse("revalidate e65534.254\n", 22, &o));
        cr_expect_eq(o.addr, aoe_addr_make(65534, 254));
        cr_assert(fuse_ctl_parse("forget e8.1", 11, &o));
        cr_expect_eq(o.word, FUSE_CTL_FORGET);
}

Test(fuse_ctl, everything_else_is_no_order)
{
        static const char *const bad[] = {
                "",
                "\n",
                " discover",
                "discover e7.1",
                "discover ",
                "flush",
                "flush ",
                "flush  e7.1",
                "flush e7.1 ",
                "flush e7",
                "flush e07.1",
                "Flush e7.1",
                "flush e7.1\n\n",
                "flushe7.1",
                "erase e7.1",
        };
        struct fuse_ctl_order o = {.addr = 4711};
        char line[200];

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                cr_expect_not(fuse_ctl_parse(bad[i], strlen(bad[i]), &o), "'%s'", bad[i]);
        cr_expect_not(fuse_ctl_parse("flush e7.1\0x", 12, &o), "a NUL inside");
        memset(line, 'x', sizeof(line));
        for (size_t bytes = 0; bytes < sizeof(line); bytes++)
                cr_expect_not(fuse_ctl_parse(line, bytes, &o));
        cr_expect_eq(o.addr, 4711, "nothing was changed");
}

Test(front_ctl, is_for_writing_only)
{
        cr_expect_eq(kernel_open(CTL, O_RDONLY), EACCES);
        cr_expect_eq(kernel_open(CTL, O_RDWR), EACCES);
        cr_expect_eq(order("nonsense\n"), EINVAL);
}

Test(front_ctl, echo_truncates_first)
{
        struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = 0};

        cr_expect_eq(kernel_call(FUSE_SETATTR, CTL, &in, sizeof(in)), 0);
        in.size = 1;
        cr_expect_eq(kernel_call(FUSE_SETATTR, CTL, &in, sizeof(in)), EINVAL);
}

Test(front_ctl, orders_reach_the_engine)
{
        cr_expect_eq(order("discover\n"), 0);
        cr_expect_eq(fake_engine.discover_count, 1);
        cr_expect_eq(order("revalidate e7.1\n"), 0);
        cr_expect_eq(fake_engine.revalidated, E71);
        cr_expect_eq(order("forget e8.1"), 0);
        cr_expect_eq(fake_engine.forgotten, E81);
}

Test(front_ctl, refusals)
{
        cr_expect_eq(order("forget e7.1"), EBUSY, "it is up");
        cr_expect_eq(order("flush e9.9"), ENXIO);
        cr_expect_eq(order("revalidate e9.9"), ENXIO);
        cr_expect_eq(fake_engine.forgotten, 0);
        cr_expect_eq(fake_engine.submit_count, 0);
}

Test(front_ctl, flush_is_answered_when_it_is_done)
{
        uint64_t unique = kernel_send_write(CTL, 0, "flush e7.1\n", 11);

        kernel_turn();
        cr_expect_not(kernel_receive(), "not yet");
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->op, REQUEST_FLUSH);
        cr_expect_eq(fake_engine.open[0]->addr, E71);
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_assert_eq(kernel_errno(unique), 0);
        cr_assert_eq(answer_bytes, sizeof(struct fuse_write_out));
        cr_expect_eq(((const struct fuse_write_out *)answer_body)->size, 11);
        unique = kernel_send_write(CTL, 0, "flush e7.1", 10);
        kernel_turn();
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_expect_eq(kernel_errno(unique), EIO);
}
