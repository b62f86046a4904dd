/* SPDX-License-Identifier: MIT */
#include "wire/aoe.h"

#include "base/check.h"

const char *drop_name(enum drop d)
{
        switch (d) {
        case DROP_NONE: return "none";
        case DROP_SHORT: return "short";
        case DROP_ETHERTYPE: return "ethertype";
        case DROP_VERSION: return "version";
        case DROP_REQUEST: return "request";
        case DROP_ADDRESS: return "address";
        case DROP_TAG: return "tag";
        case DROP_COMMAND: return "command";
        case DROP_MAC: return "mac";
        case DROP_LENGTH: return "length";
        case DROP_LATE: return "late";
        case DROP_LIMIT: return "limit";
        case DROP_DENIED: return "denied";
        case DROP_LINK: return "link";
        }
        CHECK(!"a drop reason");
        return NULL;
}

enum drop aoe_parse_header(struct bytes *in, struct aoe_header *ret)
{
        struct aoe_header h;
        uint16_t ethertype;
        uint8_t ver_flags;

        if (in->left < AOE_HEADER_BYTES)
                return DROP_SHORT;
        CHECK(bytes_copy(in, h.dst, 6) && bytes_copy(in, h.src, 6));
        CHECK(bytes_be16(in, &ethertype) && bytes_u8(in, &ver_flags) && bytes_u8(in, &h.error));
        CHECK(bytes_be16(in, &h.shelf) && bytes_u8(in, &h.slot) && bytes_u8(in, &h.command));
        CHECK(bytes_be32(in, &h.tag));
        h.version = ver_flags >> 4;
        h.flags = ver_flags & 0xf;
        if (ethertype != AOE_ETHERTYPE)
                return DROP_ETHERTYPE;
        if (h.version > 1) /* (2) the version is 1; vblade's beacon says 0 (aoe.c:43) */
                return DROP_VERSION;
        *ret = h;
        return DROP_NONE;
}

enum drop aoe_parse_ata(struct bytes *in, struct aoe_ata *ret)
{
        struct aoe_ata a;

        if (in->left < AOE_ATA_BYTES - AOE_HEADER_BYTES)
                return DROP_SHORT;
        CHECK(bytes_u8(in, &a.aflags) && bytes_u8(in, &a.feature));
        CHECK(bytes_u8(in, &a.sectors) && bytes_u8(in, &a.status));
        CHECK(bytes_le48(in, &a.lba) && bytes_skip(in, 2));
        *ret = a;
        return DROP_NONE;
}

enum drop aoe_parse_config(struct bytes *in, struct aoe_config *ret)
{
        struct aoe_config c;
        uint8_t version_command;

        if (in->left < AOE_CONFIG_BYTES - AOE_HEADER_BYTES)
                return DROP_SHORT;
        CHECK(bytes_be16(in, &c.buffers) && bytes_be16(in, &c.firmware));
        CHECK(bytes_u8(in, &c.sectors) && bytes_u8(in, &version_command));
        CHECK(bytes_be16(in, &c.string_bytes));
        c.command =
                version_command & 0xf; /* the high nibble is a version; kvblade has its own idea */
        if (c.string_bytes > AOE_STRING_BYTES_MAX)
                return DROP_LENGTH;
        if (!bytes_take(in, c.string_bytes, &c.string))
                return DROP_LENGTH;
        *ret = c;
        return DROP_NONE;
}

void aoe_build_header(uint8_t *p, const struct aoe_header *h)
{
        memcpy(p, h->dst, 6);
        memcpy(p + 6, h->src, 6);
        be16_store(p + 12, AOE_ETHERTYPE);
        p[14] = (uint8_t)(h->version << 4 | (h->flags & 0xf));
        p[15] = h->error;
        be16_store(p + 16, h->shelf);
        p[18] = h->slot;
        p[19] = h->command;
        be32_store(p + 20, h->tag);
}

void aoe_build_ata(uint8_t *p, const struct aoe_ata *a)
{
        p[24] = a->aflags;
        p[25] = a->feature;
        p[26] = a->sectors;
        p[27] = a->status;
        le48_store(p + 28, a->lba);
        p[34] = 0;
        p[35] = 0;
}

void aoe_build_config(uint8_t *p, const struct aoe_config *c)
{
        be16_store(p + 24, c->buffers);
        be16_store(p + 26, c->firmware);
        p[28] = c->sectors;
        p[29] = (uint8_t)(1 << 4 | (c->command & 0xf));
        be16_store(p + 30, c->string_bytes);
        if (c->string_bytes > 0)
                memcpy(p + AOE_CONFIG_BYTES, c->string, c->string_bytes);
}

/* One decimal number without sign or leading zero, at most max. */
static bool aoe_parse_number(const char **at, uint32_t max, uint32_t *ret)
{
        const char *p = *at;
        uint32_t n = 0;

        if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
                return false;
        for (; *p >= '0' && *p <= '9'; p++) {
                n = n * 10 + (uint32_t)(*p - '0');
                if (n > max)
                        return false;
        }
        if (p == *at)
                return false;
        *at = p;
        *ret = n;
        return true;
}

bool aoe_addr_parse(const char *name, aoe_addr *ret)
{
        uint32_t shelf, slot;

        if (*name++ != 'e' || !aoe_parse_number(&name, AOE_SHELF_ALL - 1, &shelf))
                return false;
        if (*name++ != '.' || !aoe_parse_number(&name, AOE_SLOT_ALL - 1, &slot))
                return false;
        if (*name)
                return false;
        *ret = aoe_addr_make((uint16_t)shelf, (uint8_t)slot);
        return true;
}

static char *aoe_format_number(char *p, uint32_t n)
{
        char digits[10];
        int count = 0;

        do {
                digits[count++] = (char)('0' + n % 10);
                n /= 10;
        } while (n);
        while (count)
                *p++ = digits[--count];
        return p;
}

void aoe_addr_format(aoe_addr addr, char name[AOE_NAME_BYTES])
{
        char *p = name;

        *p++ = 'e';
        p = aoe_format_number(p, aoe_addr_shelf(addr));
        *p++ = '.';
        p = aoe_format_number(p, aoe_addr_slot(addr));
        *p = '\0';
}
