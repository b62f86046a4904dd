/* SPDX-License-Identifier: MIT */
/* complaints: what an operator reads of a failed request, and how often. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "app/complaints.h"
#include "wire/ata.h"

static struct request failed(enum request_op op, uint8_t ata_status, uint8_t ata_error,
                             uint8_t aoe_error)
{
        return (struct request){
                .op = op,
                .addr = aoe_addr_make(7, 1),
                .offset = 1048576,
                .bytes = 8192,
                .status = aoe_error == AOE_ERROR_RESERVED ? REQUEST_RESERVED : REQUEST_ERROR,
                .ata_status = ata_status,
                .ata_error = ata_error,
                .aoe_error = aoe_error,
                .error_lba = 2056,
        };
}

static void expect_line(const struct request *rq, const char *want)
{
        struct complaints c = {0};
        char line[200];

        cr_assert(complaints_on_done(&c, rq, NSEC_SEC, line, sizeof line));
        cr_assert_str_eq(line, want);
}

Test(complaints, tell_where_and_what_the_target_said)
{
        struct request read = failed(REQUEST_READ, 0x41, 0x40, 0);
        struct request write = failed(REQUEST_WRITE, 0x41, 0x04, 0);
        struct request fault = failed(REQUEST_WRITE, 0x61, 0x00, 0);
        struct request reserved = failed(REQUEST_READ, 0x41, 0x04, 6); /* what follows is stale */
        struct request unknown = failed(REQUEST_READ, 0x24, 0, 200);
        struct request nothing = failed(REQUEST_READ, 0x40, 0, 0);
        struct request flush = failed(REQUEST_FLUSH, 0x41, 0x10, 0);

        expect_line(&read, "read of 8192 bytes at 1048576 failed at LBA 2056: ATA status 0x41, "
                           "error 0x40 (uncorrectable data)");
        expect_line(&write, "write of 8192 bytes at 1048576 failed at LBA 2056: ATA status 0x41, "
                            "error 0x04 (aborted)");
        expect_line(&fault, "write of 8192 bytes at 1048576 failed at LBA 2056: ATA status 0x61, "
                            "error 0x00 (device fault)");
        expect_line(&reserved, "read of 8192 bytes at 1048576 failed at LBA 2056: AoE error 6 "
                               "(reserved by another host)");
        expect_line(&unknown, "read of 8192 bytes at 1048576 failed at LBA 2056: AoE error 200 (a "
                              "code of its own)");
        expect_line(&nothing, "read of 8192 bytes at 1048576 failed at LBA 2056: AoE error 0 (no "
                              "reason given)");
        expect_line(&flush, "flush failed: ATA status 0x41, error 0x10 (no such sector)");
}

Test(complaints, one_line_a_device_in_ten_seconds_and_the_rest_is_counted)
{
        struct complaints c = {0};
        struct request rq = failed(REQUEST_READ, 0x41, 0x10, 0), other = rq;
        char line[200];

        other.addr++;
        cr_assert(complaints_on_done(&c, &rq, NSEC_SEC, line, sizeof line));
        for (unsigned i = 0; i < 41; i++)
                cr_assert(!complaints_on_done(&c, &rq, 2 * NSEC_SEC, line, sizeof line));
        cr_assert(complaints_on_done(&c, &other, 2 * NSEC_SEC, line, sizeof line),
                  "another device is not silenced");
        cr_assert(!complaints_on_done(&c, &rq, 11 * NSEC_SEC - 1, line, sizeof line));
        cr_assert(complaints_on_done(&c, &rq, 11 * NSEC_SEC, line, sizeof line));
        cr_assert(strstr(line, "; 42 such failures were not told"), "%s", line);
}

Test(complaints, what_is_no_failure_of_the_target_is_not_told)
{
        static const enum request_status statuses[] = {
                REQUEST_OK,    REQUEST_TIMEOUT,   REQUEST_NO_DEVICE, REQUEST_SWAPPED,
                REQUEST_RANGE, REQUEST_CANCELLED, REQUEST_NO_MEMORY};
        struct complaints c = {0};
        struct request rq = failed(REQUEST_READ, 0x41, 0x10, 0);
        char line[200];

        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
                rq.status = statuses[i];
                cr_assert(!complaints_on_done(&c, &rq, NSEC_SEC, line, sizeof line));
        }
}

Test(complaints, a_short_buffer_is_not_passed)
{
        struct request rq = failed(REQUEST_READ, 0x41, 0x10, 0);

        for (size_t bytes = 1; bytes < 120; bytes++) {
                struct complaints c = {0};
                char line[121];

                memset(line, '#', sizeof line);
                cr_assert(complaints_on_done(&c, &rq, NSEC_SEC, line, bytes));
                cr_assert_eq(line[bytes], '#');
                cr_assert_lt(strlen(line), bytes);
        }
}
