/* SPDX-License-Identifier: MIT */
#include "app/complaints.h"

#include <inttypes.h>
#include <stdio.h>

#include "wire/ata.h"

static const char *complaints_aoe_error(uint8_t error)
{
        switch (error) {
        case AOE_ERROR_NONE: return "no reason given";
        case AOE_ERROR_COMMAND: return "unrecognised command";
        case AOE_ERROR_ARGUMENT: return "bad argument";
        case AOE_ERROR_UNAVAILABLE: return "device unavailable";
        case AOE_ERROR_PRESENT: return "config string present";
        case AOE_ERROR_VERSION: return "unsupported version";
        case AOE_ERROR_RESERVED: return "reserved by another host";
        default: return "a code of its own";
        }
}

/* (ATA8-ACS 6.3) */
static const char *complaints_ata_error(uint8_t status, uint8_t error)
{
        if (error & ATA_ERROR_UNC)
                return "uncorrectable data";
        if (error & ATA_ERROR_IDNF)
                return "no such sector";
        if (error & ATA_ERROR_ABRT)
                return "aborted";
        return status & ATA_STATUS_DF ? "device fault" : "unspecified";
}

static const char *complaints_op(enum request_op op)
{
        switch (op) {
        case REQUEST_READ: return "read";
        case REQUEST_WRITE: return "write";
        case REQUEST_ZERO: return "zeroing";
        case REQUEST_TRIM: return "trim";
        case REQUEST_FLUSH: return "flush";
        case REQUEST_LOOKUP: return "lookup";
        }
        return "request";
}

static size_t complaints_where(const struct request *rq, char *buf, size_t bytes)
{
        int n;

        if (rq->op == REQUEST_FLUSH)
                n = snprintf(buf, bytes, "flush failed: ");
        else
                n = snprintf(buf, bytes,
                             "%s of %" PRIu32 " bytes at %" PRIu64 " failed at LBA %" PRIu64 ": ",
                             complaints_op(rq->op), rq->bytes, rq->offset, rq->error_lba);
        return n < (int)bytes ? (size_t)n : bytes - 1;
}

static size_t complaints_what(const struct request *rq, char *buf, size_t bytes)
{
        int n;

        if (rq->aoe_error == AOE_ERROR_NONE && (rq->ata_status & ATA_STATUS_BAD))
                n = snprintf(buf, bytes, "ATA status 0x%02x, error 0x%02x (%s)", rq->ata_status,
                             rq->ata_error, complaints_ata_error(rq->ata_status, rq->ata_error));
        else
                n = snprintf(buf, bytes, "AoE error %u (%s)", rq->aoe_error,
                             complaints_aoe_error(rq->aoe_error));
        return n < (int)bytes ? (size_t)n : bytes - 1;
}

bool complaints_on_done(struct complaints *c, const struct request *rq, nsec now, char *buf,
                        size_t bytes)
{
        struct complaint *last = &c->devices[rq->addr % COMPLAINTS_DEVICES];
        size_t at;

        if (rq->status != REQUEST_ERROR && rq->status != REQUEST_RESERVED)
                return false;
        if (last->at != 0 && nsec_since(now, last->at) < COMPLAINTS_SPAN) {
                last->left_out++;
                return false;
        }
        at = complaints_where(rq, buf, bytes);
        at += complaints_what(rq, buf + at, bytes - at);
        if (last->left_out > 0)
                snprintf(buf + at, bytes - at, "; %" PRIu64 " such failures were not told",
                         last->left_out);
        *last = (struct complaint){.at = now > 0 ? now : 1};
        return true;
}
