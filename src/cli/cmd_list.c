/* SPDX-License-Identifier: MIT */
/* aoefs list: one discovery round, then one line a device, or JSON. */
#include <string.h>

#include "app/probe.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/options.h"

#define LIST_TIMEOUT_SEC_DEFAULT 5

struct lister {
        struct options options;
        int json; /* GOption's booleans are int */
        int bytes;
        int noheadings;
        char *columns;    /* owned, or NULL */
        char *timeout;    /* owned, or NULL: as the user wrote it */
        nsec span;        /* the same, in time */
        nsec end;         /* when that has passed; 0: not begun */
        bool complete;    /* everybody had time to answer */
        GArray *wanted;   /* owned: aoe_addr; empty: all */
        GPtrArray *found; /* owned: ListingDevice */
};

static void lister_fini(struct lister *l)
{
        options_fini(&l->options);
        g_free(l->columns);
        g_free(l->timeout);
        g_array_unref(l->wanted);
        g_ptr_array_unref(l->found);
}

static bool lister_parse_columns(const struct lister *l)
{
        g_autofree char *wrong = l->columns ? listing_check_columns(l->columns) : NULL;

        if (l->columns && l->json)
                cli_error("list: -o and --json: JSON always has every key: leave one of them out");
        else if (wrong)
                cli_error("list: -o: %s", wrong);
        return !wrong && !(l->columns && l->json);
}

/* false: *ret_exit is the end. */
static bool lister_parse(struct lister *l, const struct command *self, char **argv, int *ret_exit)
{
        const GOptionEntry own[] = {
                {"json", 0, 0, G_OPTION_ARG_NONE, &l->json, "Print JSON", NULL},
                {"noheadings", 0, 0, G_OPTION_ARG_NONE, &l->noheadings, "No line of headings",
                 NULL},
                {"bytes", 0, 0, G_OPTION_ARG_NONE, &l->bytes, "Sizes as exact numbers", NULL},
                {"output", 'o', 0, G_OPTION_ARG_STRING, &l->columns, "Print these columns",
                 "COLUMN[,...]"},
                {"timeout", 0, 0, G_OPTION_ARG_STRING, &l->timeout, "Take no longer than this (5)",
                 "SEC"},
                {0},
        };

        if (!options_parse(&l->options, OPTIONS_PROBE, self, own, 0, UINT32_MAX, argv, ret_exit))
                return false;
        *ret_exit = CLI_USAGE;
        l->span = LIST_TIMEOUT_SEC_DEFAULT * NSEC_SEC;
        if (l->timeout && !options_seconds(self->name, l->timeout, false, &l->span))
                return false;
        for (char **arg = l->options.args; *arg; arg++) {
                aoe_addr addr;

                if (!options_address(self->name, *arg, &addr))
                        return false;
                g_array_append_val(l->wanted, addr);
        }
        return lister_parse_columns(l);
}

static bool lister_wants(const struct lister *l, aoe_addr addr)
{
        for (unsigned i = 0; i < l->wanted->len; i++)
                if (g_array_index(l->wanted, aoe_addr, i) == addr)
                        return true;
        return l->wanted->len == 0;
}

/* Somebody who answers to queries but has no identity yet is nothing to show. */
static void lister_take(struct lister *l, const struct engine *e)
{
        struct device_info i;

        for (aoe_addr at = AOE_ADDR_ALL; engine_device_next(e, at, &i); at = i.addr)
                if (i.state != DEVICE_NEW && lister_wants(l, i.addr))
                        g_ptr_array_add(l->found, listing_device_new(e, &i, probe_link_name));
}

/* The engine is ours only while this runs: what is to be shown is copied on the last turn. Named
 * devices wait for the end of the round as well: only then are all their paths known. */
static bool on_turn(struct engine *e, nsec now, void *arg)
{
        struct lister *l = arg;

        if (l->end == 0)
                l->end = nsec_add(now, l->span);
        l->complete = engine_is_settled(e, now);
        if (!l->complete && now < l->end)
                return false;
        lister_take(l, e);
        return true;
}

/* Each device that was asked for and is not there gets its line. */
static int lister_missing(const struct lister *l)
{
        int result = CLI_DONE;

        for (unsigned i = 0; i < l->wanted->len; i++) {
                aoe_addr addr = g_array_index(l->wanted, aoe_addr, i);
                char name[AOE_NAME_BYTES];
                unsigned n = 0;

                while (n < l->found->len &&
                       ((ListingDevice *)g_ptr_array_index(l->found, n))->addr != addr)
                        n++;
                if (n < l->found->len)
                        continue;
                aoe_addr_format(addr, name);
                cli_error("%s: no such device: nobody answered: check the target and the "
                          "interfaces, or use aoefs wait",
                          name);
                result = CLI_NO_DEVICE;
        }
        return result;
}

static int lister_print(const struct lister *l)
{
        struct listing_options o = {
                .columns = l->columns, .headings = !l->noheadings, .exact = l->bytes};
        g_autofree char *text = l->json ? listing_json(l->found) : listing_table(l->found, &o);

        if (!text) {
                cli_error("list: no memory for the table: use --json");
                return CLI_FAILED;
        }
        return cli_print(text);
}

int cmd_list(const struct command *self, char **argv)
{
        __attribute__((cleanup(lister_fini))) struct lister l = {
                .wanted = g_array_new(FALSE, FALSE, sizeof(aoe_addr)),
                .found = g_ptr_array_new_with_free_func((GDestroyNotify)listing_device_free),
        };
        g_autoptr(GError) why = NULL;
        bool finished;
        int result;

        options_init(&l.options);
        if (!lister_parse(&l, self, argv, &result))
                return result;
        if (!probe_run(l.options.config, NSEC_NEVER, on_turn, &l, &finished, &why)) {
                cli_error("list: %s", why->message);
                return CLI_FAILED;
        }
        result = lister_print(&l);
        if (!l.complete && !l.options.config->quiet)
                cli_error("list: not every device has answered in time: give a longer --timeout");
        return result ? result : lister_missing(&l);
}
