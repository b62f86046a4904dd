/* SPDX-License-Identifier: MIT */
/* Chained hashing; entries are handed out in order, so that an idle table touches few pages. */
#include "front/fuse_devices.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

int fuse_devices_init(struct fuse_devices *t, size_t count)
{
        *t = (struct fuse_devices){.count = count};
        t->buckets = malloc(FUSE_DEVICES_BUCKETS * sizeof(*t->buckets));
        t->entries = malloc(count * sizeof(*t->entries));
        list_init(&t->free);
        list_init(&t->recent);
        list_init(&t->pending);
        if (!t->buckets || !t->entries) {
                fuse_devices_fini(t);
                return -ENOMEM;
        }
        for (size_t i = 0; i < FUSE_DEVICES_BUCKETS; i++)
                list_init(&t->buckets[i]);
        return 0;
}

void fuse_devices_fini(struct fuse_devices *t)
{
        free(t->buckets);
        free(t->entries);
        t->buckets = NULL;
        t->entries = NULL;
}

static struct list *fuse_devices_bucket(const struct fuse_devices *t, aoe_addr addr)
{
        uint32_t mixed = addr * UINT32_C(2654435769); /* golden ratio: neighbours part */

        return &t->buckets[(mixed >> 16) % FUSE_DEVICES_BUCKETS];
}

struct fuse_device *fuse_devices_find(const struct fuse_devices *t, aoe_addr addr)
{
        LIST_FOREACH (pos, fuse_devices_bucket(t, addr)) {
                struct fuse_device *d = LIST_ENTRY(pos, struct fuse_device, bucket);

                if (d->addr == addr)
                        return d;
        }
        return NULL;
}

static bool fuse_device_is_needed(const struct fuse_device *d)
{
        return d->opens > 0 || d->notices != 0 || !list_is_empty(&d->requests);
}

/* Out of the table; what is still linked elsewhere would make it needed. */
static void fuse_device_forget(struct fuse_devices *t, struct fuse_device *d)
{
        CHECK(!fuse_device_is_needed(d));
        list_del(&d->bucket);
        list_del(&d->recent);
        list_add_tail(&t->free, &d->bucket);
}

static struct fuse_device *fuse_devices_take(struct fuse_devices *t)
{
        struct list *node = list_pop(&t->free);

        if (node)
                return LIST_ENTRY(node, struct fuse_device, bucket);
        if (t->touched < t->count)
                return &t->entries[t->touched++];
        LIST_FOREACH (pos, &t->recent) {
                struct fuse_device *d = LIST_ENTRY(pos, struct fuse_device, recent);

                if (fuse_device_is_needed(d))
                        continue;
                fuse_device_forget(t, d);
                return LIST_ENTRY(list_pop(&t->free), struct fuse_device, bucket);
        }
        return NULL;
}

struct fuse_device *fuse_devices_get(struct fuse_devices *t, aoe_addr addr)
{
        struct fuse_device *d = fuse_devices_find(t, addr);

        if (d) {
                list_del(&d->recent);
                list_add_tail(&t->recent, &d->recent);
                return d;
        }
        d = fuse_devices_take(t);
        if (!d)
                return NULL;
        *d = (struct fuse_device){.addr = addr};
        list_init(&d->bucket);
        list_init(&d->recent);
        list_init(&d->requests);
        list_init(&d->queue);
        list_init(&d->busy);
        list_init(&d->refused);
        list_init(&d->pending);
        list_add_head(fuse_devices_bucket(t, addr), &d->bucket);
        list_add_tail(&t->recent, &d->recent);
        return d;
}

void fuse_devices_note(struct fuse_devices *t, struct fuse_device *d, enum front_notice_kind kind)
{
        if (!d->notices)
                list_add_tail(&t->pending, &d->pending);
        d->notices |= 1u << kind;
}

/* false: the host is full. */
static bool fuse_device_tell(struct fuse_device *d, const struct front_host *host)
{
        for (unsigned kind = 0; d->notices; kind++) {
                struct front_notice n = {.kind = (enum front_notice_kind)kind, .addr = d->addr};

                if (!(d->notices & 1u << kind))
                        continue;
                if (!host->notify(host->arg, &n))
                        return false;
                d->notices &= ~(1u << kind);
        }
        return true;
}

void fuse_devices_tell(struct fuse_devices *t, const struct front_host *host)
{
        LIST_FOREACH_SAFE (pos, &t->pending) {
                if (!fuse_device_tell(LIST_ENTRY(pos, struct fuse_device, pending), host))
                        return;
                list_del(pos);
        }
}
