/* SPDX-License-Identifier: MIT */
#include "app/links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/logging.h"
#include "base/check.h"

enum links_state { LINKS_SEEN, LINKS_ASKED, LINKS_OPEN, LINKS_FAILED };

struct links_entry {
        struct netmon_link at;
        enum links_state state;
        int error;         /* FAILED: -errno */
        struct link *link; /* owned until it is posted */
        uint32_t receive_bytes;
        bool posted; /* the shard has it */
        bool change; /* the shard has not heard the latest */
};

struct Links {
        const Config *config; /* borrowed */
        links_open open;
        void *arg;         /* borrowed, for open */
        GHashTable *table; /* owned: ifindex -> struct links_entry, owned */
        GArray *gone;      /* owned: int, ifindex of deleted ones that the shard still has */
};

static void links_entry_free(void *p)
{
        struct links_entry *en = p;

        if (en->link)
                en->link->ops->free(en->link);
        g_free(en);
}

Links *links_new(const Config *c, links_open open, void *arg)
{
        Links *l = g_new0(Links, 1);

        l->config = c;
        l->open = open;
        l->arg = arg;
        l->table = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, links_entry_free);
        l->gone = g_array_new(FALSE, FALSE, sizeof(int));
        return l;
}

void links_free(Links *l)
{
        if (!l)
                return;
        g_hash_table_unref(l->table);
        g_array_unref(l->gone);
        g_free(l);
}

static bool links_is_wanted(const Links *l, const struct netmon_link *at)
{
        return at->ethernet &&
               config_has_interface(l->config, at->name, at->fallback && at->running);
}

static struct links_entry *links_find(const Links *l, int ifindex)
{
        return g_hash_table_lookup(l->table, GINT_TO_POINTER(ifindex));
}

static void links_on_gone(Links *l, int ifindex)
{
        struct links_entry *en = links_find(l, ifindex);

        if (!en)
                return;
        if (en->posted)
                g_array_append_val(l->gone, ifindex);
        g_hash_table_remove(l->table, GINT_TO_POINTER(ifindex));
}

void links_on_event(Links *l, const struct netmon_event *ev)
{
        struct links_entry *en;

        switch (ev->kind) {
        case NETMON_OVERRUN: return; /* the events that follow tell all there is */
        case NETMON_GONE: links_on_gone(l, ev->link.ifindex); return;
        case NETMON_PRESENT: break;
        }
        en = links_find(l, ev->link.ifindex);
        if (!en) {
                en = g_new0(struct links_entry, 1);
                g_hash_table_insert(l->table, GINT_TO_POINTER(ev->link.ifindex), en);
        }
        if (en->state == LINKS_FAILED && !en->at.running && ev->link.running)
                en->state = LINKS_SEEN; /* it may work this time */
        en->at = ev->link;
        en->change = true;
        if (en->state == LINKS_SEEN && links_is_wanted(l, &en->at)) {
                en->state = LINKS_ASKED;
                l->open(l->arg, en->at.ifindex);
        }
}

void links_on_opened(Links *l, int ifindex, int fd)
{
        struct links_entry *en = links_find(l, ifindex);

        if (!en || en->state != LINKS_ASKED) {
                if (fd >= 0)
                        close(fd); /* deleted meanwhile */
                return;
        }
        if (fd >= 0) {
                en->receive_bytes = link_packet_receive_bytes(fd);
                en->link = link_packet_new(fd);
                if (!en->link) {
                        close(fd);
                        fd = -ENOMEM;
                }
        }
        en->state = fd >= 0 ? LINKS_OPEN : LINKS_FAILED;
        en->error = fd >= 0 ? 0 : fd;
        if (fd < 0)
                logging_say(LOGGING_INFO, "%s: no packet socket: %s", en->at.name, g_strerror(-fd));
}

bool links_is_waiting(const Links *l)
{
        GHashTableIter it;
        void *value;

        g_hash_table_iter_init(&it, l->table);
        while (g_hash_table_iter_next(&it, NULL, &value))
                if (((struct links_entry *)value)->state == LINKS_ASKED)
                        return true;
        return false;
}

uint32_t links_mtu_max(const Links *l)
{
        GHashTableIter it;
        uint32_t max = 0;
        void *value;

        g_hash_table_iter_init(&it, l->table);
        while (g_hash_table_iter_next(&it, NULL, &value)) {
                struct links_entry *en = value;

                if (en->state == LINKS_OPEN && en->at.mtu > max)
                        max = en->at.mtu;
        }
        return max;
}

/* ---- what is wrong with the choice ---- */

static struct links_entry *links_find_name(const Links *l, const char *name)
{
        GHashTableIter it;
        void *value;

        g_hash_table_iter_init(&it, l->table);
        while (g_hash_table_iter_next(&it, NULL, &value))
                if (g_str_equal(((struct links_entry *)value)->at.name, name))
                        return value;
        return NULL;
}

/* A plain name must be there; a glob may wait for what comes. */
static char *links_problem_of_name(const Links *l, const char *name)
{
        struct links_entry *en = links_find_name(l, name);

        if (strpbrk(name, "*?["))
                return NULL;
        if (!en)
                return g_strdup_printf("no interface %s: ip link shows which there are", name);
        if (!en->at.ethernet)
                return g_strdup_printf("%s is no Ethernet interface: AoE needs one", name);
        return NULL;
}

static char *links_problem_of_open(const char *name, int error)
{
        g_autofree char *exe = NULL;

        if (error != -EPERM && error != -EACCES)
                return g_strdup_printf("%s: no packet socket: %s", name, g_strerror(-error));
        exe = g_file_read_link("/proc/self/exe", NULL);
        return g_strdup_printf("%s: no permission for packet sockets: run as root, or give the "
                               "program the right: setcap cap_net_raw+ep %s",
                               name, exe ? exe : "aoefs");
}

char *links_problem(Links *l, bool must_run, int *ret_errno)
{
        const struct links_entry *failed = NULL, *down = NULL;
        GHashTableIter it;
        void *value;

        *ret_errno = ENODEV;
        for (unsigned i = 0; i < l->config->interfaces->len; i++) {
                char *text = links_problem_of_name(l, g_ptr_array_index(l->config->interfaces, i));

                if (text)
                        return text;
        }
        g_hash_table_iter_init(&it, l->table);
        while (g_hash_table_iter_next(&it, NULL, &value)) {
                const struct links_entry *en = value;

                if (en->state == LINKS_OPEN && (!must_run || en->at.running))
                        return NULL;
                if (en->state == LINKS_OPEN)
                        down = en;
                if (en->state == LINKS_FAILED)
                        failed = en;
        }
        if (failed) {
                *ret_errno = -failed->error;
                return links_problem_of_open(failed->at.name, failed->error);
        }
        if (down) {
                *ret_errno = ENETDOWN;
                return g_strdup_printf("%s: the interface is down, or its cable is out: ip link "
                                       "set %s up",
                                       down->at.name, down->at.name);
        }
        if (l->config->interfaces->len > 0)
                return g_strdup("no Ethernet interface matches -i: ip link shows which there are");
        return g_strdup("no Ethernet interface is up: bring one up, or name one with -i");
}

/* ---- to the shard ---- */

static void links_fill(const struct links_entry *en, struct shard_command *ret)
{
        memcpy(ret->name, en->at.name, sizeof(ret->name));
        memcpy(ret->info.mac, en->at.mac, sizeof(ret->info.mac));
        ret->ifindex = en->at.ifindex;
        ret->info.running = en->at.running;
        ret->info.mtu = en->at.mtu;
        ret->info.receive_bytes = en->receive_bytes;
}

static bool links_post_entry(struct links_entry *en, struct shard *s)
{
        struct shard_command c = {.kind = SHARD_LINK_CHANGE};

        if (en->state != LINKS_OPEN || !en->change)
                return true;
        links_fill(en, &c);
        if (!en->posted) {
                c.kind = SHARD_LINK_ADD;
                c.link = en->link;
                c.is_packet = true;
        }
        if (!shard_post(s, &c))
                return false;
        if (!en->posted && !en->at.running)
                logging_say(LOGGING_WARNING, "%s: the interface is down: waiting for it",
                            en->at.name);
        en->link = NULL; /* the shard's now */
        en->posted = true;
        en->change = false;
        return true;
}

bool links_post(Links *l, struct shard *s)
{
        GHashTableIter it;
        void *value;

        while (l->gone->len > 0) {
                struct shard_command c = {
                        .kind = SHARD_LINK_GONE,
                        .ifindex = g_array_index(l->gone, int, 0),
                };

                if (!shard_post(s, &c))
                        return false;
                g_array_remove_index(l->gone, 0);
        }
        g_hash_table_iter_init(&it, l->table);
        while (g_hash_table_iter_next(&it, NULL, &value))
                if (!links_post_entry(value, s))
                        return false;
        return true;
}
