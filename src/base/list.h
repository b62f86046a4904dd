/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked ring. A node that is in no list points at itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct list {
        struct list *next;
        struct list *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define LIST_FOREACH(pos, head)                                                                    \
        for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* pos may be taken out of the list in the body. */
#define LIST_FOREACH_SAFE(pos, head)                                                               \
        for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);              \
             pos = pos##_next, pos##_next = pos->next)

static inline void list_init(struct list *l)
{
        l->next = l;
        l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
        return l->next == l;
}

/* A node that was list_init'ed and is in no list. */
static inline bool list_is_linked(const struct list *l)
{
        return l->next != l;
}

static inline void list_insert_before(struct list *at, struct list *node)
{
        CHECK(node->next == node);
        node->prev = at->prev;
        node->next = at;
        at->prev->next = node;
        at->prev = node;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
        list_insert_before(head, node);
}

static inline void list_add_head(struct list *head, struct list *node)
{
        list_insert_before(head->next, node);
}

/* Harmless on a node that is in no list. */
static inline void list_del(struct list *node)
{
        node->prev->next = node->next;
        node->next->prev = node->prev;
        list_init(node);
}

static inline struct list *list_first(const struct list *head)
{
        return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_pop(struct list *head)
{
        struct list *node = list_first(head);

        if (node)
                list_del(node);
        return node;
}

/* Everything in from goes to the end of to, in order; from is empty afterwards. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
        if (list_is_empty(from))
                return;
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
}
