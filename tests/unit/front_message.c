/* SPDX-License-Identifier: MIT */
/* fuse_message: what must never be believed, and the fields of what may be. */
#include <criterion/criterion.h>
#include <linux/fuse.h>
#include <string.h>

#include "base/prng.h"
#include "front/fuse_message.h"

static _Alignas(8) uint8_t message[8192];

/* A message whose header is right; the body is body_bytes of what is there. */
static size_t make(uint32_t opcode, size_t body_bytes)
{
        struct fuse_in_header h = {
                .len = (uint32_t)(sizeof(h) + body_bytes),
                .opcode = opcode,
                .unique = 42,
                .nodeid = 7,
        };

        memcpy(message, &h, sizeof(h));
        return h.len;
}

static void put(size_t offset, const void *p, size_t bytes)
{
        memcpy(message + sizeof(struct fuse_in_header) + offset, p, bytes);
}

static enum fuse_message_verdict parse(size_t bytes)
{
        struct fuse_message msg;

        return fuse_message_parse(message, bytes, &msg);
}

Test(front_message, names_must_end)
{
        put(0, "e7.1", 5);
        cr_expect_eq(parse(make(FUSE_LOOKUP, 5)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(FUSE_LOOKUP, 4)), FUSE_MESSAGE_BAD);
        cr_expect_eq(parse(make(FUSE_LOOKUP, 0)), FUSE_MESSAGE_BAD);
        put(0, "a\0b", 4);
        cr_expect_eq(parse(make(FUSE_SYMLINK, 4)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(FUSE_SYMLINK, 3)), FUSE_MESSAGE_BAD);
}

Test(front_message, the_header_says_its_length)
{
        size_t bytes = make(FUSE_STATFS, 0);

        cr_expect_eq(parse(bytes), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(bytes + 8), FUSE_MESSAGE_BAD);
        cr_expect_eq(parse(bytes - 1), FUSE_MESSAGE_SILENT);
        cr_expect_eq(parse(0), FUSE_MESSAGE_SILENT);
}

Test(front_message, a_write_holds_its_data)
{
        struct fuse_write_in in = {.offset = UINT64_MAX, .size = 512};
        struct fuse_message msg;

        put(0, &in, sizeof(in));
        cr_assert_eq(fuse_message_parse(message, make(FUSE_WRITE, sizeof(in) + 512), &msg),
                     FUSE_MESSAGE_GOOD);
        cr_expect_eq(msg.offset, UINT64_MAX);
        cr_expect_eq(msg.bytes, 512);
        cr_expect_eq(msg.data, message + sizeof(struct fuse_in_header) + sizeof(in));
        cr_expect_eq(msg.unique, 42);
        cr_expect_eq(msg.nodeid, 7);
        cr_expect_eq(parse(make(FUSE_WRITE, sizeof(in) + 511)), FUSE_MESSAGE_BAD);
        in.size = UINT32_MAX;
        put(0, &in, sizeof(in));
        cr_expect_eq(parse(make(FUSE_WRITE, sizeof(in) + 512)), FUSE_MESSAGE_BAD);
}

Test(front_message, what_a_read_and_an_interrupt_are_about)
{
        struct fuse_read_in read = {.offset = (uint64_t)1 << 40, .size = 4096};
        struct fuse_interrupt_in interrupt = {.unique = 4711};
        struct fuse_message msg;

        put(0, &read, sizeof(read));
        cr_assert_eq(fuse_message_parse(message, make(FUSE_READ, sizeof(read)), &msg),
                     FUSE_MESSAGE_GOOD);
        cr_expect_eq(msg.offset, read.offset);
        cr_expect_eq(msg.bytes, 4096);
        cr_expect_null(msg.data);
        put(0, &interrupt, sizeof(interrupt));
        cr_assert_eq(fuse_message_parse(message, make(FUSE_INTERRUPT, sizeof(interrupt)), &msg),
                     FUSE_MESSAGE_GOOD);
        cr_expect_eq(msg.interrupted, 4711);
        cr_expect_eq(msg.unique, 42);
        cr_expect_eq(msg.bytes, 0);
}

Test(front_message, a_batch_holds_its_records)
{
        struct fuse_batch_forget_in in = {.count = 3};

        put(0, &in, sizeof(in));
        cr_expect_eq(parse(make(FUSE_BATCH_FORGET, sizeof(in) + 48)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(FUSE_BATCH_FORGET, sizeof(in) + 47)), FUSE_MESSAGE_SILENT);
        in.count = UINT32_MAX;
        put(0, &in, sizeof(in));
        cr_expect_eq(parse(make(FUSE_BATCH_FORGET, sizeof(in) + 48)), FUSE_MESSAGE_SILENT);
}

Test(front_message, both_forms_of_init)
{
        struct fuse_init_in in = {.major = 7, .minor = 31, .flags = FUSE_ASYNC_READ};

        put(0, &in, sizeof(in));
        cr_expect_eq(parse(make(FUSE_INIT, 16)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(FUSE_INIT, 15)), FUSE_MESSAGE_BAD);
        in.flags |= FUSE_INIT_EXT;
        put(0, &in, sizeof(in));
        cr_expect_eq(parse(make(FUSE_INIT, 16)), FUSE_MESSAGE_BAD);
        cr_expect_eq(parse(make(FUSE_INIT, sizeof(in))), FUSE_MESSAGE_GOOD);
}

Test(front_message, what_wants_no_answer_gets_none)
{
        cr_expect_eq(parse(make(FUSE_FORGET, 7)), FUSE_MESSAGE_SILENT);
        cr_expect_eq(parse(make(FUSE_FORGET, 8)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(FUSE_INTERRUPT, 0)), FUSE_MESSAGE_SILENT);
        cr_expect_eq(parse(make(FUSE_NOTIFY_REPLY, 40)), FUSE_MESSAGE_SILENT);
}

Test(front_message, strangers_pass_to_enosys)
{
        cr_expect_eq(parse(make(FUSE_TMPFILE, 3)), FUSE_MESSAGE_GOOD);
        cr_expect_eq(parse(make(UINT32_MAX, 3)), FUSE_MESSAGE_GOOD);
}

/* A good verdict promises that libfuse reads nothing behind the end: one byte less of any fixed
 * part is never good. */
Test(front_message, every_form_has_a_shortest_body)
{
        for (uint32_t opcode = 1; opcode <= FUSE_COPY_FILE_RANGE; opcode++) {
                bool was_good = false;

                memset(message, 0, sizeof(message));
                for (size_t body = 0; body < 200; body++) {
                        bool good = parse(make(opcode, body)) == FUSE_MESSAGE_GOOD;

                        cr_expect(good || !was_good, "opcode %u body %zu", opcode, body);
                        was_good = good;
                }
        }
}

Test(front_message, random_bytes_never_trap)
{
        struct prng dice = {.state = 1};

        for (unsigned round = 0; round < 200000; round++) {
                size_t bytes = prng_below(&dice, 160);

                for (size_t i = 0; i < bytes; i += 8) {
                        uint64_t v = prng_next(&dice);

                        memcpy(message + i, &v, 8);
                }
                if (round % 2)
                        make((uint32_t)prng_below(&dice, 60), bytes);
                parse(bytes);
        }
}
