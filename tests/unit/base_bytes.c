/* SPDX-License-Identifier: MIT */
/* bytes: a read past the end moves nothing and touches no output; loads mirror stores. */
#include <criterion/criterion.h>

#include "base/bytes.h"

static const uint8_t nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

Test(bytes, reads_in_order)
{
        struct bytes in = {.at = nine, .left = sizeof nine};
        uint8_t one;
        uint16_t two;
        uint8_t copy[2];
        uint32_t four;

        cr_assert(bytes_u8(&in, &one));
        cr_assert_eq(one, 1);
        cr_assert(bytes_be16(&in, &two));
        cr_assert_eq(two, 0x0203);
        cr_assert(bytes_copy(&in, copy, 2));
        cr_assert(copy[0] == 4 && copy[1] == 5);
        cr_assert(bytes_be32(&in, &four));
        cr_assert_eq(four, 0x06070809);
        cr_assert_eq(in.left, 0);
}

Test(bytes, little_endian_48)
{
        struct bytes in = {.at = nine, .left = sizeof nine};
        uint64_t v;

        cr_assert(bytes_skip(&in, 1));
        cr_assert(bytes_le48(&in, &v));
        cr_assert_eq(v, UINT64_C(0x070605040302));
        cr_assert_eq(in.left, 2);
}

/* Each reader at each length that is too short for it. */
Test(bytes, past_the_end_moves_nothing)
{
        for (size_t left = 0; left < 6; left++) {
                struct bytes in = {.at = nine, .left = left};
                const uint8_t *p = nine + 8;
                uint8_t u8 = 0xaa, copy[6] = {0xaa};
                uint16_t u16 = 0xaaaa;
                uint32_t u32 = 0xaaaaaaaa;
                uint64_t u48 = 0xaaaa;

                if (left < 1)
                        cr_assert(!bytes_u8(&in, &u8));
                if (left < 2)
                        cr_assert(!bytes_be16(&in, &u16));
                if (left < 4)
                        cr_assert(!bytes_be32(&in, &u32));
                cr_assert(!bytes_le48(&in, &u48));
                cr_assert(!bytes_copy(&in, copy, left + 1));
                cr_assert(!bytes_take(&in, left + 1, &p));
                cr_assert(!bytes_skip(&in, SIZE_MAX));
                cr_assert(in.at == nine && in.left == left);
                cr_assert(u8 == 0xaa && u16 == 0xaaaa && u32 == 0xaaaaaaaa && u48 == 0xaaaa);
                cr_assert(copy[0] == 0xaa && p == nine + 8);
        }
}

Test(bytes, nothing_of_nothing)
{
        struct bytes in = {.at = nine, .left = 0};
        const uint8_t *p;

        cr_assert(bytes_take(&in, 0, &p));
        cr_assert_eq(p, nine);
}

Test(bytes, stores)
{
        uint8_t p[8] = {0};

        be16_store(p, 0xfedc);
        cr_assert_arr_eq(p, ((uint8_t[]){0xfe, 0xdc}), 2);
        cr_assert_eq(be16_load(p), 0xfedc);
        cr_assert_eq(le16_load(p), 0xdcfe);
        be32_store(p, 0x12345678);
        cr_assert_arr_eq(p, ((uint8_t[]){0x12, 0x34, 0x56, 0x78}), 4);
        cr_assert_eq(be32_load(p), 0x12345678);
        le48_store(p, UINT64_C(0xffff060504030201));
        cr_assert_arr_eq(p, ((uint8_t[]){1, 2, 3, 4, 5, 6, 0, 0}), 8, "48 bits and no more");
}

Test(bytes, sums_and_products)
{
        uint64_t v = 5;

        cr_assert(add_checked(UINT64_MAX - 1, 1, &v));
        cr_assert_eq(v, UINT64_MAX);
        cr_assert(!add_checked(UINT64_MAX, 1, &v));
        cr_assert_eq(v, UINT64_MAX, "untouched on overflow");
        cr_assert(mul_checked(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &v));
        cr_assert_eq(v, UINT64_MAX - UINT32_MAX);
        cr_assert(!mul_checked(UINT64_C(1) << 32, UINT64_C(1) << 32, &v));
        cr_assert_eq(v, UINT64_MAX - UINT32_MAX, "untouched on overflow");
        cr_assert(mul_checked(0, UINT64_MAX, &v));
        cr_assert_eq(v, 0);
}
