/* SPDX-License-Identifier: MIT */
/* list: order, taking out while walking, splicing; a node in two lists is caught. */
#include <criterion/criterion.h>
#include <signal.h>

#include "base/list.h"

struct item {
        int value;
        struct list node;
};

static struct item item_of(int value)
{
        return (struct item){.value = value};
}

static void items_init(struct item *items, int count)
{
        for (int i = 0; i < count; i++) {
                items[i] = item_of(i);
                list_init(&items[i].node);
        }
}

/* Both directions at once; values 0..9 only. */
static void assert_order(const struct list *head, const char *digits)
{
        const struct list *back = head->prev;
        size_t count = strlen(digits), i = 0;

        LIST_FOREACH (pos, head) {
                cr_assert_lt(i, count, "too long");
                cr_assert_eq(LIST_ENTRY(pos, struct item, node)->value, digits[i++] - '0');
        }
        cr_assert_eq(i, count, "too short");
        for (; back != head; back = back->prev)
                cr_assert_eq(LIST_ENTRY(back, struct item, node)->value, digits[--i] - '0');
        cr_assert_eq(i, 0);
}

Test(list, starts_empty)
{
        struct list head;

        list_init(&head);
        cr_assert(list_is_empty(&head));
        cr_assert_null(list_first(&head));
        cr_assert_null(list_pop(&head));
        assert_order(&head, "");
}

Test(list, keeps_order)
{
        struct list head;
        struct item items[5];

        list_init(&head);
        items_init(items, 5);
        list_add_tail(&head, &items[2].node);
        list_add_tail(&head, &items[4].node);
        list_add_head(&head, &items[1].node);
        list_insert_before(&items[4].node, &items[3].node);
        list_add_head(&head, &items[0].node);
        assert_order(&head, "01234");
        cr_assert(list_is_linked(&items[3].node));
        cr_assert_eq(list_first(&head), &items[0].node);
        list_del(&items[0].node);
        list_del(&items[4].node);
        list_del(&items[2].node);
        assert_order(&head, "13");
        cr_assert(!list_is_linked(&items[2].node));
}

Test(list, pops_from_the_front)
{
        struct list head;
        struct item items[3];

        list_init(&head);
        items_init(items, 3);
        for (int i = 0; i < 3; i++)
                list_add_tail(&head, &items[i].node);
        for (int i = 0; i < 3; i++)
                cr_assert_eq(list_pop(&head), &items[i].node);
        cr_assert_null(list_pop(&head));
        cr_assert(!list_is_linked(&items[1].node));
}

Test(list, del_of_an_unlinked_node_is_harmless)
{
        struct list node;

        list_init(&node);
        list_del(&node);
        cr_assert(!list_is_linked(&node));
}

Test(list, walks_while_taking_out)
{
        struct list head;
        struct item items[6];

        list_init(&head);
        items_init(items, 6);
        for (int i = 0; i < 6; i++)
                list_add_tail(&head, &items[i].node);
        LIST_FOREACH_SAFE (pos, &head) {
                if (LIST_ENTRY(pos, struct item, node)->value % 2)
                        list_del(pos);
        }
        assert_order(&head, "024");
        LIST_FOREACH_SAFE (pos, &head)
                list_del(pos);
        cr_assert(list_is_empty(&head));
}

Test(list, splices)
{
        struct list to, from;
        struct item items[4];

        list_init(&to);
        list_init(&from);
        items_init(items, 4);
        list_splice_tail(&to, &from);
        cr_assert(list_is_empty(&to));
        list_add_tail(&from, &items[0].node);
        list_add_tail(&from, &items[1].node);
        list_splice_tail(&to, &from);
        assert_order(&to, "01");
        assert_order(&from, "");
        list_add_tail(&from, &items[2].node);
        list_add_tail(&from, &items[3].node);
        list_splice_tail(&to, &from);
        assert_order(&to, "0123");
        list_splice_tail(&to, &from);
        assert_order(&to, "0123");
}

Test(list, a_node_in_two_lists_traps, .signal = SIGILL)
{
        struct list a, b, node;

        list_init(&a);
        list_init(&b);
        list_init(&node);
        list_add_tail(&a, &node);
        list_add_tail(&b, &node);
}
