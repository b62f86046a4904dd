/* SPDX-License-Identifier: MIT */
/* Memory is taken in chunks and given back when the world ends, wherever its packets are. */
#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define PACKET_CHUNK 64

struct packet_chunk {
        struct list node;
        struct packet packets[PACKET_CHUNK];
};

void packets_init(struct packets *ps)
{
        *ps = (struct packets){0};
        list_init(&ps->free);
        list_init(&ps->all);
}

void packets_fini(struct packets *ps)
{
        struct list *node;

        while ((node = list_pop(&ps->all)))
                free(LIST_ENTRY(node, struct packet_chunk, node));
}

static void packets_grow(struct packets *ps)
{
        struct packet_chunk *chunk = malloc(sizeof *chunk);

        CHECK(chunk);
        list_init(&chunk->node);
        list_add_tail(&ps->all, &chunk->node);
        for (int i = 0; i < PACKET_CHUNK; i++) {
                list_init(&chunk->packets[i].node);
                list_add_tail(&ps->free, &chunk->packets[i].node);
        }
}

struct packet *packet_get(struct packets *ps, nsec now)
{
        struct packet *p;

        if (list_is_empty(&ps->free))
                packets_grow(ps);
        p = LIST_ENTRY(list_pop(&ps->free), struct packet, node);
        p->sent_at = now;
        p->id = p->serial = ++ps->next_id;
        p->link = 0;
        p->bytes = 0;
        p->copies = 1;
        p->is_ours = true;
        ps->out++;
        return p;
}

struct packet *packet_copy(struct packets *ps, const struct packet *p)
{
        struct packet *twin = packet_get(ps, p->sent_at);

        twin->id = p->id;
        twin->serial = p->serial;
        twin->link = p->link;
        twin->bytes = p->bytes;
        twin->is_ours = p->is_ours;
        memcpy(twin->data, p->data, p->bytes);
        return twin;
}

void packet_put(struct packets *ps, struct packet *p)
{
        CHECK(!list_is_linked(&p->node));
        CHECK(ps->out > 0);
        ps->out--;
        list_add_head(&ps->free, &p->node);
}
