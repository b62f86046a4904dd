/* SPDX-License-Identifier: MIT */
#include "front/nbd_proto.h"

#include <string.h>

#define NBD_MAGIC         UINT64_C(0x4e42444d41474943) /* NBDMAGIC */
#define NBD_MAGIC_OPTION  UINT64_C(0x49484156454f5054) /* IHAVEOPT */
#define NBD_MAGIC_REPLY   UINT64_C(0x3e889045565a9)
#define NBD_MAGIC_REQUEST 0x25609513
#define NBD_MAGIC_SIMPLE  0x67446698
#define NBD_MAGIC_CHUNK   0x668e33ef

#define NBD_CHUNK_DONE        1
#define NBD_CHUNK_TYPE_DATA   1
#define NBD_CHUNK_TYPE_STATUS 5
#define NBD_CHUNK_TYPE_ERROR  0x8001
#define NBD_META_NAMESPACE    "base:"

static bool nbd_u64(struct bytes *in, uint64_t *ret)
{
        uint32_t high, low;

        if (!bytes_be32(in, &high) || !bytes_be32(in, &low))
                return false;
        *ret = (uint64_t)high << 32 | low;
        return true;
}

static size_t nbd_put16(uint8_t *p, uint16_t v)
{
        be16_store(p, v);
        return 2;
}

static size_t nbd_put32(uint8_t *p, uint32_t v)
{
        be32_store(p, v);
        return 4;
}

static size_t nbd_put64(uint8_t *p, uint64_t v)
{
        be32_store(p, (uint32_t)(v >> 32));
        be32_store(p + 4, (uint32_t)v);
        return 8;
}

/* ---- from the client ---- */

bool nbd_parse_option(struct bytes *in, struct nbd_option *ret)
{
        struct nbd_option o;
        uint64_t magic;

        if (!nbd_u64(in, &magic) || magic != NBD_MAGIC_OPTION || !bytes_be32(in, &o.code) ||
            !bytes_be32(in, &o.bytes))
                return false;
        *ret = o;
        return true;
}

/* A 32-bit length and so many bytes. */
static bool nbd_string(struct bytes *in, const char **ret, uint32_t *ret_bytes)
{
        const uint8_t *at;
        uint32_t bytes;

        if (!bytes_be32(in, &bytes) || bytes > NBD_NAME_BYTES_MAX || !bytes_take(in, bytes, &at))
                return false;
        *ret = (const char *)at;
        *ret_bytes = bytes;
        return true;
}

bool nbd_parse_go(struct bytes in, struct nbd_go *ret)
{
        struct nbd_go go = {0};
        uint16_t count, info;

        if (!nbd_string(&in, &go.name, &go.name_bytes) || !bytes_be16(&in, &count) ||
            in.left != 2 * (size_t)count)
                return false;
        while (bytes_be16(&in, &info)) {
                go.wants_name |= info == NBD_INFO_NAME;
                go.wants_description |= info == NBD_INFO_DESCRIPTION;
                go.wants_block_size |= info == NBD_INFO_BLOCK_SIZE;
        }
        *ret = go;
        return true;
}

static bool nbd_is(const char *s, uint32_t bytes, const char *what)
{
        return bytes == strlen(what) && memcmp(s, what, bytes) == 0;
}

bool nbd_parse_meta(struct bytes in, bool list, struct nbd_meta *ret)
{
        struct nbd_meta m = {0};
        uint32_t count, bytes;
        const char *query;

        if (!nbd_string(&in, &m.name, &m.name_bytes) || !bytes_be32(&in, &count))
                return false;
        m.wants_allocation = list && count == 0;
        while (count-- > 0) {
                if (!nbd_string(&in, &query, &bytes))
                        return false;
                m.wants_allocation |= nbd_is(query, bytes, NBD_META_CONTEXT) ||
                                      (list && nbd_is(query, bytes, NBD_META_NAMESPACE));
        }
        if (in.left > 0)
                return false;
        *ret = m;
        return true;
}

bool nbd_parse_request(struct bytes in, struct nbd_request *ret)
{
        struct nbd_request r;
        uint32_t magic;

        if (!bytes_be32(&in, &magic) || magic != NBD_MAGIC_REQUEST || !bytes_be16(&in, &r.flags) ||
            !bytes_be16(&in, &r.type) || !nbd_u64(&in, &r.cookie) || !nbd_u64(&in, &r.offset) ||
            !bytes_be32(&in, &r.bytes))
                return false;
        *ret = r;
        return true;
}

/* ---- to the client ---- */

size_t nbd_build_greeting(uint8_t *p)
{
        size_t n = nbd_put64(p, NBD_MAGIC);

        n += nbd_put64(p + n, NBD_MAGIC_OPTION);
        return n + nbd_put16(p + n, NBD_CLIENT_FIXED_NEWSTYLE | NBD_CLIENT_NO_ZEROES);
}

size_t nbd_build_option_reply(uint8_t *p, uint32_t code, uint32_t type, uint32_t bytes)
{
        size_t n = nbd_put64(p, NBD_MAGIC_REPLY);

        n += nbd_put32(p + n, code);
        n += nbd_put32(p + n, type);
        return n + nbd_put32(p + n, bytes);
}

size_t nbd_build_info_export(uint8_t *p, uint64_t bytes, uint16_t flags)
{
        size_t n = nbd_put16(p, NBD_INFO_EXPORT);

        n += nbd_put64(p + n, bytes);
        return n + nbd_put16(p + n, flags);
}

size_t nbd_build_info_block_size(uint8_t *p, uint32_t least, uint32_t preferred, uint32_t most)
{
        size_t n = nbd_put16(p, NBD_INFO_BLOCK_SIZE);

        n += nbd_put32(p + n, least);
        n += nbd_put32(p + n, preferred);
        return n + nbd_put32(p + n, most);
}

size_t nbd_build_export(uint8_t *p, uint64_t bytes, uint16_t flags, bool zeroes)
{
        size_t n = nbd_put64(p, bytes);

        n += nbd_put16(p + n, flags);
        if (!zeroes)
                return n;
        memset(p + n, 0, NBD_EXPORT_REPLY_ZEROES);
        return n + NBD_EXPORT_REPLY_ZEROES;
}

size_t nbd_build_simple(uint8_t *p, uint64_t cookie, uint32_t error)
{
        size_t n = nbd_put32(p, NBD_MAGIC_SIMPLE);

        n += nbd_put32(p + n, error);
        return n + nbd_put64(p + n, cookie);
}

static size_t nbd_build_chunk(uint8_t *p, uint64_t cookie, uint16_t flags, uint16_t type,
                              uint32_t bytes)
{
        size_t n = nbd_put32(p, NBD_MAGIC_CHUNK);

        n += nbd_put16(p + n, flags);
        n += nbd_put16(p + n, type);
        n += nbd_put64(p + n, cookie);
        return n + nbd_put32(p + n, bytes);
}

size_t nbd_build_chunk_error(uint8_t *p, uint64_t cookie, uint32_t error)
{
        size_t n = nbd_build_chunk(p, cookie, NBD_CHUNK_DONE, NBD_CHUNK_TYPE_ERROR, 6);

        n += nbd_put32(p + n, error);
        return n + nbd_put16(p + n, 0); /* no text */
}

size_t nbd_build_chunk_data(uint8_t *p, uint64_t cookie, bool done, uint64_t offset, uint32_t bytes)
{
        size_t n = nbd_build_chunk(p, cookie, done ? NBD_CHUNK_DONE : 0, NBD_CHUNK_TYPE_DATA,
                                   8 + bytes);

        return n + nbd_put64(p + n, offset);
}

size_t nbd_build_chunk_status(uint8_t *p, uint64_t cookie, uint32_t bytes)
{
        size_t n = nbd_build_chunk(p, cookie, NBD_CHUNK_DONE, NBD_CHUNK_TYPE_STATUS, 12);

        n += nbd_put32(p + n, NBD_META_CONTEXT_ID);
        n += nbd_put32(p + n, bytes);
        return n + nbd_put32(p + n, 0); /* allocated, and not known to be zeroes */
}
