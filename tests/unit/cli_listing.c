/* SPDX-License-Identifier: MIT */
/* cli/listing*.c: devices, hostile ones too, as JSON and as a table. */
#include "cli/listing.h"

#include <criterion/criterion.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "cli/text.h"

#define ESCAPES "\x1b]0;owned\x07\x7f\xc2\x9b"

static ListingDevice *device_make(uint16_t shelf, uint8_t slot, const char *model,
                                  const char *config)
{
        ListingDevice *d = g_new0(ListingDevice, 1);

        d->addr = aoe_addr_make(shelf, slot);
        d->bytes = 536870912;
        d->model = g_strdup(model);
        d->serial = g_strdup("S 1");
        d->firmware = g_strdup("v23");
        d->config = g_strdup(config);
        d->state = "up";
        d->reason = "";
        d->payload_bytes = 8704;
        d->buffers = 16;
        d->paths = g_array_new(FALSE, TRUE, sizeof(struct listing_path));
        return d;
}

static void path_add(ListingDevice *d, const char *link, uint8_t last, nsec rtt)
{
        struct listing_path p = {.mac = {2, 0, 0, 0, 0, last}, .payload_bytes = 8704, .rtt = rtt};

        g_strlcpy(p.link, link, sizeof(p.link));
        g_array_append_val(d->paths, p);
}

static GPtrArray *devices_make(void)
{
        GPtrArray *devices = g_ptr_array_new_with_free_func((GDestroyNotify)listing_device_free);
        ListingDevice *d = device_make(7, 1, "Coraid Vblade", "owner=a");

        path_add(d, "eth1", 1, 51499);
        path_add(d, "eth2", 1, 0);
        path_add(d, "eth1", 2, 1500);
        g_ptr_array_add(devices, d);
        g_ptr_array_add(devices, device_make(65534, 254, "M" ESCAPES, ESCAPES "\"\\"));
        return devices;
}

static void assert_safe(const char *text)
{
        cr_assert(g_utf8_validate(text, -1, NULL));
        for (const char *at = text; *at; at = g_utf8_next_char(at))
                cr_assert(*at == '\n' || !g_unichar_iscntrl(g_utf8_get_char(at)), "%s", text);
}

/* ---- JSON ---- */

Test(cli_listing, json_is_that_of_the_page)
{
        g_autoptr(GPtrArray) devices = devices_make();
        g_autofree char *text = NULL;

        g_ptr_array_set_size(devices, 1);
        text = listing_json(devices);
        cr_assert_str_eq(text, "{\n"
                               "  \"devices\" : [\n"
                               "    {\n"
                               "      \"name\" : \"e7.1\",\n"
                               "      \"shelf\" : 7,\n"
                               "      \"slot\" : 1,\n"
                               "      \"size\" : 536870912,\n"
                               "      \"sector_size\" : 512,\n"
                               "      \"model\" : \"Coraid Vblade\",\n"
                               "      \"serial\" : \"S 1\",\n"
                               "      \"firmware\" : \"v23\",\n"
                               "      \"state\" : \"up\",\n"
                               "      \"payload\" : 8704,\n"
                               "      \"buffers\" : 16,\n"
                               "      \"config\" : \"owner=a\",\n"
                               "      \"paths\" : [\n"
                               "        {\n"
                               "          \"link\" : \"eth1\",\n"
                               "          \"mac\" : \"02:00:00:00:00:01\",\n"
                               "          \"payload\" : 8704,\n"
                               "          \"rtt_us\" : 51\n"
                               "        },\n"
                               "        {\n"
                               "          \"link\" : \"eth2\",\n"
                               "          \"mac\" : \"02:00:00:00:00:01\",\n"
                               "          \"payload\" : 8704,\n"
                               "          \"rtt_us\" : 0\n"
                               "        },\n"
                               "        {\n"
                               "          \"link\" : \"eth1\",\n"
                               "          \"mac\" : \"02:00:00:00:00:02\",\n"
                               "          \"payload\" : 8704,\n"
                               "          \"rtt_us\" : 2\n"
                               "        }\n"
                               "      ]\n"
                               "    }\n"
                               "  ]\n"
                               "}\n");
}

/* Safe to look at, and the bytes come back when it is parsed. */
Test(cli_listing, json_keeps_hostile_strings)
{
        g_autoptr(GPtrArray) devices = devices_make();
        g_autofree char *text = listing_json(devices);
        g_autoptr(JsonParser) parser = json_parser_new();
        JsonObject *device;

        assert_safe(text);
        cr_assert(json_parser_load_from_data(parser, text, -1, NULL), "%s", text);
        device = json_array_get_object_element(
                json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)),
                                             "devices"),
                1);
        cr_assert_str_eq(json_object_get_string_member(device, "config"), ESCAPES "\"\\");
        cr_assert_str_eq(json_object_get_string_member(device, "model"), "M" ESCAPES);
        cr_assert_eq(json_object_get_int_member(device, "shelf"), 65534);
}

Test(cli_listing, json_of_nothing)
{
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        g_autofree char *text = listing_json(none);
        g_autoptr(JsonParser) parser = json_parser_new();

        cr_assert(json_parser_load_from_data(parser, text, -1, NULL));
        cr_assert_eq(json_array_get_length(json_object_get_array_member(
                             json_node_get_object(json_parser_get_root(parser)), "devices")),
                     0);
}

/* ---- the table ---- */

static char *table(const char *columns, bool headings, bool exact)
{
        g_autoptr(GPtrArray) devices = devices_make();
        const struct listing_options o = {.columns = columns, .headings = headings, .exact = exact};

        return listing_table(devices, &o);
}

Test(cli_listing, table_by_default)
{
        g_autofree char *text = table(NULL, true, false);

        assert_safe(text);
        cr_assert(g_str_has_prefix(text, "ADDRESS"), "%s", text);
        cr_assert_not_null(strstr(text, "512M"));
        cr_assert_not_null(strstr(text, "02:00:00:00:00:01,02:00:00:00:00:02 "));
        cr_assert_not_null(strstr(text, " eth1,eth2 "));
        cr_assert_not_null(strstr(text, "M\\x1b]0;owned\\x07\\x7f\\x9b"), "%s", text);
        cr_assert_null(strstr(text, "owner=a"), "CONFIG is not among the default columns");
}

Test(cli_listing, table_of_columns)
{
        g_autofree char *text = table("state,SIZE,Address", false, true);

        cr_assert_str_eq(text, "up    536870912 e7.1\n"
                               "up    536870912 e65534.254\n");
}

Test(cli_listing, table_of_config)
{
        g_autofree char *text = table("CONFIG", true, false);

        cr_assert_str_eq(text, "CONFIG\n"
                               "owner=a\n"
                               "\\x1b]0;owned\\x07\\x7f\\x9b\"\\\n");
}

Test(cli_listing, table_of_nothing)
{
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        const struct listing_options o = {.headings = true};
        g_autofree char *text = listing_table(none, &o);

        cr_assert_not_null(text);
        cr_assert_str_eq(text, "");
}

Test(cli_listing, columns_are_checked)
{
        static const char *const wrong[] = {"", "NAMES", "ADDRESS,", ",ADDRESS", "ADDRESS SIZE"};
        g_autofree char *all = listing_check_columns(
                "address,size,model,serial,macs,interfaces,payload,state,reason,firmware,buffers,"
                "config");

        cr_assert_null(all);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *why = listing_check_columns(wrong[i]);

                cr_assert_not_null(why, "%s", wrong[i]);
                cr_assert_not_null(strstr(why, "ADDRESS,SIZE"));
        }
}
