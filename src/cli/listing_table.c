/* SPDX-License-Identifier: MIT */
/* Devices as a table, by libsmartcols. A column is a name and a function that makes its text. */
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/text.h"

struct column {
        const char *name;
        bool by_default;
        int flags; /* of libsmartcols */
        char *(*text)(const ListingDevice *d, bool exact);
};

static char *safe(const char *s)
{
        return text_safe(s, strlen(s));
}

static char *column_address(const ListingDevice *d, bool exact)
{
        char name[AOE_NAME_BYTES];

        (void)exact;
        aoe_addr_format(d->addr, name);
        return g_strdup(name);
}

static char *column_size(const ListingDevice *d, bool exact)
{
        return exact ? g_strdup_printf("%" G_GUINT64_FORMAT, d->bytes) : text_size(d->bytes);
}

static char *column_model(const ListingDevice *d, bool exact)
{
        (void)exact;
        return safe(d->model);
}

static char *column_serial(const ListingDevice *d, bool exact)
{
        (void)exact;
        return safe(d->serial);
}

static char *column_firmware(const ListingDevice *d, bool exact)
{
        (void)exact;
        return safe(d->firmware);
}

static char *column_config(const ListingDevice *d, bool exact)
{
        (void)exact;
        return safe(d->config);
}

static char *column_state(const ListingDevice *d, bool exact)
{
        (void)exact;
        return g_strdup(d->state);
}

static char *column_reason(const ListingDevice *d, bool exact)
{
        (void)exact;
        return safe(d->reason);
}

static char *column_payload(const ListingDevice *d, bool exact)
{
        (void)exact;
        return g_strdup_printf("%u", d->payload_bytes);
}

static char *column_buffers(const ListingDevice *d, bool exact)
{
        (void)exact;
        return g_strdup_printf("%u", d->buffers);
}

/* word joins list, once. */
static void list_add(GPtrArray *list, char *word)
{
        for (unsigned i = 0; i < list->len; i++) {
                if (g_str_equal(g_ptr_array_index(list, i), word)) {
                        g_free(word);
                        return;
                }
        }
        g_ptr_array_add(list, word);
}

static char *list_join(GPtrArray *list)
{
        g_ptr_array_add(list, NULL);
        return g_strjoinv(",", (char **)list->pdata);
}

static char *column_macs(const ListingDevice *d, bool exact)
{
        g_autoptr(GPtrArray) macs = g_ptr_array_new_with_free_func(g_free);
        char mac[TEXT_MAC_BYTES];

        (void)exact;
        for (unsigned i = 0; i < d->paths->len; i++) {
                text_mac(g_array_index(d->paths, struct listing_path, i).mac, mac);
                list_add(macs, g_strdup(mac));
        }
        return list_join(macs);
}

static char *column_interfaces(const ListingDevice *d, bool exact)
{
        g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func(g_free);

        (void)exact;
        for (unsigned i = 0; i < d->paths->len; i++)
                list_add(links, safe(g_array_index(d->paths, struct listing_path, i).link));
        return list_join(links);
}

static const struct column columns[] = {
        {"ADDRESS", true, 0, column_address},
        {"SIZE", true, SCOLS_FL_RIGHT, column_size},
        {"MODEL", true, 0, column_model},
        {"SERIAL", true, 0, column_serial},
        {"MACS", true, 0, column_macs},
        {"INTERFACES", true, 0, column_interfaces},
        {"PAYLOAD", true, SCOLS_FL_RIGHT, column_payload},
        {"STATE", true, 0, column_state},
        {"REASON", false, 0, column_reason},
        {"FIRMWARE", false, 0, column_firmware},
        {"BUFFERS", false, SCOLS_FL_RIGHT, column_buffers},
        {"CONFIG", false, 0, column_config},
};

static const struct column *column_find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                if (g_ascii_strcasecmp(columns[i].name, name) == 0)
                        return &columns[i];
        return NULL;
}

char *listing_check_columns(const char *names)
{
        g_auto(GStrv) list = g_strsplit(names, ",", -1);
        g_autoptr(GString) all = NULL;
        char **name = list;

        while (*name && column_find(*name))
                name++;
        if (list[0] && !*name)
                return NULL;
        all = g_string_new(NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                g_string_append_printf(all, "%s%s", i > 0 ? "," : "", columns[i].name);
        return g_strdup_printf("%s: no such column: give some of %s", list[0] ? *name : names,
                               all->str);
}

static GPtrArray *columns_chosen(const char *names)
{
        GPtrArray *chosen = g_ptr_array_new();
        g_auto(GStrv) list = names ? g_strsplit(names, ",", -1) : NULL;

        for (size_t i = 0; !names && i < G_N_ELEMENTS(columns); i++)
                if (columns[i].by_default)
                        g_ptr_array_add(chosen, (void *)&columns[i]);
        for (char **name = list; name && *name; name++)
                g_ptr_array_add(chosen, (void *)column_find(*name));
        return chosen;
}

static bool table_add_line(struct libscols_table *table, const GPtrArray *chosen,
                           const ListingDevice *d, bool exact)
{
        struct libscols_line *line = scols_table_new_line(table, NULL);

        for (unsigned i = 0; line && i < chosen->len; i++) {
                const struct column *column = g_ptr_array_index(chosen, i);
                g_autofree char *text = column->text(d, exact);

                if (scols_line_set_data(line, i, text) != 0)
                        return false;
        }
        return line;
}

static bool table_fill(struct libscols_table *table, const GPtrArray *devices,
                       const struct listing_options *o)
{
        g_autoptr(GPtrArray) chosen = columns_chosen(o->columns);

        for (unsigned i = 0; i < chosen->len; i++) {
                const struct column *column = g_ptr_array_index(chosen, i);

                if (!scols_table_new_column(table, column->name, 0, column->flags))
                        return false;
        }
        for (unsigned i = 0; i < devices->len; i++)
                if (!table_add_line(table, chosen, g_ptr_array_index(devices, i), o->exact))
                        return false;
        return true;
}

/* libsmartcols leaves the last line without its end. */
char *listing_table(const GPtrArray *devices, const struct listing_options *o)
{
        struct libscols_table *table = scols_new_table();
        g_autofree char *text = NULL;

        if (!table)
                return NULL;
        scols_table_enable_noheadings(table, !o->headings);
        /* Escaped already: its own escaping would double the backslashes of ours. */
        scols_table_enable_noencoding(table, true);
        if (table_fill(table, devices, o) && scols_print_table_to_string(table, &text) != 0)
                text = NULL;
        scols_unref_table(table);
        return text ? g_strconcat(text, *text ? "\n" : "", NULL) : NULL;
}
