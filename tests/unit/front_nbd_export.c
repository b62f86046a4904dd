/* SPDX-License-Identifier: MIT */
/* nbd_export: which devices are exports, under which names, with which promises. */
#include "front/nbd_export.h"

#include <criterion/criterion.h>

#include "front/nbd_proto.h"
#include "front_fake.h"

#define MIB ((uint64_t)1 << 20)

TestSuite(front_nbd_export);

static struct nbd_export x;

static enum nbd_export_found find(const char *name)
{
        return nbd_export_find(&fake_engine, name, strlen(name), false, &x);
}

Test(front_nbd_export, by_name)
{
        fake_add(7, 1, 64 * MIB);
        fake_add(7, 2, MIB);
        cr_assert_eq(find("e7.2"), NBD_EXPORT_FOUND);
        cr_expect_eq(x.addr, aoe_addr_make(7, 2));
        cr_expect_eq(x.bytes, MIB);
        cr_expect_str_eq(x.name, "e7.2");
        cr_expect_str_eq(x.text, "Model, serial number Serial");
        cr_expect_eq(find("e7.3"), NBD_EXPORT_UNHEARD);
        cr_expect_eq(x.addr, aoe_addr_make(7, 3), "that one can be asked for");
}

Test(front_nbd_export, what_is_no_name)
{
        fake_add(7, 1, MIB);
        cr_expect_eq(find("disk"), NBD_EXPORT_NONE);
        cr_expect_eq(find("e7."), NBD_EXPORT_NONE);
        cr_expect_eq(find("e7.1/"), NBD_EXPORT_NONE);
        cr_expect_eq(find("e7.1e7.1e7.1e7.1e7.1e7.1e7.1e7.1"), NBD_EXPORT_NONE, "longer than any");
        cr_expect_eq(nbd_export_find(&fake_engine, "e7.1", 5, false, &x), NBD_EXPORT_NONE,
                     "with its NUL");
        cr_expect_eq(nbd_export_find(&fake_engine, "\0", 1, false, &x), NBD_EXPORT_NONE);
}

Test(front_nbd_export, default_export_when_there_is_exactly_one)
{
        cr_expect_eq(find(""), NBD_EXPORT_NONE);
        fake_add(7, 1, MIB)->state = DEVICE_NEW;
        cr_expect_eq(find(""), NBD_EXPORT_NONE, "it has not said what it is");
        fake_add(7, 2, MIB);
        cr_assert_eq(find(""), NBD_EXPORT_FOUND);
        cr_expect_str_eq(x.name, "e7.2");
        fake_add(7, 3, MIB);
        cr_expect_eq(find(""), NBD_EXPORT_NONE, "which one?");
}

Test(front_nbd_export, one_that_was_not_identified_is_asked_for)
{
        fake_add(7, 1, MIB)->state = DEVICE_NEW;
        cr_expect_eq(find("e7.1"), NBD_EXPORT_UNHEARD);
        fake_engine.devices[0].state = DEVICE_DOWN;
        cr_expect_eq(find("e7.1"), NBD_EXPORT_FOUND, "it may come back");
}

Test(front_nbd_export, next_in_order)
{
        fake_add(7, 1, MIB);
        fake_add(7, 2, MIB)->state = DEVICE_NEW;
        fake_add(8, 0, MIB);
        cr_assert(nbd_export_next(&fake_engine, AOE_ADDR_ALL, false, &x));
        cr_expect_str_eq(x.name, "e7.1");
        cr_assert(nbd_export_next(&fake_engine, x.addr, false, &x));
        cr_expect_str_eq(x.name, "e8.0");
        cr_expect_not(nbd_export_next(&fake_engine, x.addr, false, &x));
        cr_expect_str_eq(x.name, "e8.0", "untouched");
}

Test(front_nbd_export, flags)
{
        const uint16_t always = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
                                NBD_FLAG_SEND_DF | NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_SEND_CACHE;
        const uint16_t zeroes = NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO;
        struct device_info *d = fake_add(7, 1, MIB);

        find("e7.1");
        cr_expect_eq(x.flags, always | zeroes, "%#x", x.flags);
        d->trims = true;
        d->identity.rotational = true;
        find("e7.1");
        cr_expect_eq(x.flags, always | zeroes | NBD_FLAG_SEND_TRIM | NBD_FLAG_ROTATIONAL, "%#x",
                     x.flags);
        nbd_export_find(&fake_engine, "e7.1", 4, true, &x);
        cr_expect_eq(x.flags, always | NBD_FLAG_READ_ONLY | NBD_FLAG_ROTATIONAL, "%#x", x.flags);
}

Test(front_nbd_export, preferred_block_is_a_power_of_two_that_a_frame_holds)
{
        static const uint32_t cases[][2] = {{0, 512},     {512, 512},   {1023, 512},
                                            {1024, 1024}, {8704, 8192}, {65024, 32768}};
        struct device_info *d = fake_add(7, 1, MIB);

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                d->payload_bytes = cases[i][0];
                find("e7.1");
                cr_expect_eq(x.block_preferred, cases[i][1], "%u of %u", x.block_preferred,
                             cases[i][0]);
        }
}

Test(front_nbd_export, longest_description_fits)
{
        struct device_info *d = fake_add(7, 1, MIB);

        memset(d->identity.model, 'm', sizeof(d->identity.model) - 1);
        memset(d->identity.serial, 's', sizeof(d->identity.serial) - 1);
        find("e7.1");
        cr_expect_eq(strlen(x.text), strlen(d->identity.model) + strlen(d->identity.serial) +
                                             strlen(", serial number "));
}
