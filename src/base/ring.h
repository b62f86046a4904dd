/* SPDX-License-Identifier: MIT */
/*
 * One producer, one consumer, fixed entries: how threads meet. Full means "not now" to the
 * producer. It carries no wake-up: io/loop.h has the eventfd for that.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
        uint8_t *entries; /* borrowed: count entries of entry_bytes */
        size_t entry_bytes;
        size_t count;                    /* a power of two */
        _Alignas(64) atomic_size_t head; /* written by the consumer */
        _Alignas(64) atomic_size_t tail; /* written by the producer */
};

void ring_init(struct ring *r, void *entries, size_t entry_bytes, size_t count);
bool ring_push(struct ring *r, const void *entry);
bool ring_pop(struct ring *r, void *ret_entry);
