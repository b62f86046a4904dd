/* SPDX-License-Identifier: MIT */
/*
 * A bounded cursor over foreign bytes, and big and little endian stores into our own. A read past
 * the end returns false and moves nothing: hostile input is parsed with these and never by casts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
        const uint8_t *at; /* borrowed from the caller's buffer */
        size_t left;
};

static inline bool bytes_take(struct bytes *in, size_t n, const uint8_t **ret)
{
        if (in->left < n)
                return false;
        *ret = in->at;
        in->at += n;
        in->left -= n;
        return true;
}

static inline bool bytes_skip(struct bytes *in, size_t n)
{
        const uint8_t *p;

        return bytes_take(in, n, &p);
}

static inline bool bytes_u8(struct bytes *in, uint8_t *ret)
{
        const uint8_t *p;

        if (!bytes_take(in, 1, &p))
                return false;
        *ret = p[0];
        return true;
}

static inline bool bytes_copy(struct bytes *in, void *ret, size_t n)
{
        const uint8_t *p;

        if (!bytes_take(in, n, &p))
                return false;
        memcpy(ret, p, n);
        return true;
}

static inline uint16_t be16_load(const uint8_t *p)
{
        return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_load(const uint8_t *p)
{
        return (uint32_t)be16_load(p) << 16 | be16_load(p + 2);
}

static inline uint16_t le16_load(const uint8_t *p)
{
        return (uint16_t)(p[1] << 8 | p[0]);
}

static inline bool bytes_be16(struct bytes *in, uint16_t *ret)
{
        const uint8_t *p;

        if (!bytes_take(in, 2, &p))
                return false;
        *ret = be16_load(p);
        return true;
}

static inline bool bytes_be32(struct bytes *in, uint32_t *ret)
{
        const uint8_t *p;

        if (!bytes_take(in, 4, &p))
                return false;
        *ret = be32_load(p);
        return true;
}

static inline bool bytes_le48(struct bytes *in, uint64_t *ret)
{
        const uint8_t *p;

        if (!bytes_take(in, 6, &p))
                return false;
        *ret = (uint64_t)le16_load(p) | (uint64_t)le16_load(p + 2) << 16 |
               (uint64_t)le16_load(p + 4) << 32;
        return true;
}

static inline void be16_store(uint8_t *p, uint16_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static inline void be32_store(uint8_t *p, uint32_t v)
{
        be16_store(p, (uint16_t)(v >> 16));
        be16_store(p + 2, (uint16_t)v);
}

static inline void le48_store(uint8_t *p, uint64_t v)
{
        for (int i = 0; i < 6; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

/* Sums and products of foreign numbers: false on overflow, *ret untouched. */
static inline bool add_checked(uint64_t a, uint64_t b, uint64_t *ret)
{
        uint64_t sum;

        if (__builtin_add_overflow(a, b, &sum))
                return false;
        *ret = sum;
        return true;
}

static inline bool mul_checked(uint64_t a, uint64_t b, uint64_t *ret)
{
        uint64_t product;

        if (__builtin_mul_overflow(a, b, &product))
                return false;
        *ret = product;
        return true;
}
