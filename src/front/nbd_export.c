/* SPDX-License-Identifier: MIT */
#include "front/nbd_export.h"

#include <stdio.h>
#include <string.h>

#include "front/nbd_proto.h"

/* Flush covers all connections, since there is one engine behind them all. */
static uint16_t nbd_export_flags(const struct device_info *d, bool read_only)
{
        uint16_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA |
                         NBD_FLAG_SEND_DF | NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_SEND_CACHE;

        if (d->identity.rotational)
                flags |= NBD_FLAG_ROTATIONAL;
        if (read_only)
                return flags | NBD_FLAG_READ_ONLY;
        if (d->trims)
                flags |= NBD_FLAG_SEND_TRIM;
        return flags | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO;
}

static void nbd_export_of(const struct device_info *d, bool read_only, struct nbd_export *ret)
{
        *ret = (struct nbd_export){
                .addr = d->addr,
                .bytes = d->bytes,
                .flags = nbd_export_flags(d, read_only),
                .block_preferred = AOE_SECTOR_BYTES,
        };
        while (2 * ret->block_preferred <= d->payload_bytes)
                ret->block_preferred *= 2;
        aoe_addr_format(d->addr, ret->name);
        snprintf(ret->serial, sizeof(ret->serial), "%s", d->identity.serial);
        snprintf(ret->text, sizeof(ret->text), "%s, serial number %s", d->identity.model,
                 d->identity.serial);
}

bool nbd_export_next(const struct engine *e, aoe_addr prev, bool read_only, struct nbd_export *ret)
{
        struct device_info d;

        do {
                if (!engine_device_next(e, prev, &d))
                        return false;
                prev = d.addr;
        } while (d.state == DEVICE_NEW);
        nbd_export_of(&d, read_only, ret);
        return true;
}

enum nbd_export_found nbd_export_find(const struct engine *e, const char *name, size_t bytes,
                                      bool read_only, struct nbd_export *ret)
{
        struct nbd_export first, second;
        char text[AOE_NAME_BYTES] = "";
        struct device_info d;
        aoe_addr addr;

        if (bytes == 0) {
                if (!nbd_export_next(e, AOE_ADDR_ALL, read_only, &first) ||
                    nbd_export_next(e, first.addr, read_only, &second))
                        return NBD_EXPORT_NONE;
                *ret = first;
                return NBD_EXPORT_FOUND;
        }
        if (bytes >= sizeof(text))
                return NBD_EXPORT_NONE;
        memcpy(text, name, bytes);
        if (strlen(text) != bytes || !aoe_addr_parse(text, &addr))
                return NBD_EXPORT_NONE;
        if (!engine_device_info(e, addr, &d) || d.state == DEVICE_NEW) {
                *ret = (struct nbd_export){.addr = addr};
                return NBD_EXPORT_UNHEARD;
        }
        nbd_export_of(&d, read_only, ret);
        return NBD_EXPORT_FOUND;
}
