/* SPDX-License-Identifier: MIT */
/*
 * Foreign bytes -> text. Serials, models, config strings and interface names are whatever somebody
 * on the wire says; escape sequences in them must reach neither a terminal nor a script.
 */
#include "cli/text.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* C0, DEL and C1: what a terminal may obey. */
static bool is_control(gunichar c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static char *text_escape(const char *at, size_t n, bool controls_too)
{
        GString *out = g_string_sized_new(n + 1);
        const char *end = at + n;

        while (at < end) {
                gunichar c = g_utf8_get_char_validated(at, end - at);
                bool bad = c == (gunichar)-1 || c == (gunichar)-2 || c == 0;

                if (bad) {
                        g_string_append_printf(out, "\\x%02x", (unsigned char)*at++);
                        continue;
                }
                if (controls_too && is_control(c))
                        g_string_append_printf(out, "\\x%02x", c);
                else
                        g_string_append_unichar(out, c);
                at = g_utf8_next_char(at);
        }
        return g_string_free(out, FALSE);
}

char *text_safe(const void *bytes, size_t n)
{
        return text_escape(bytes, n, true);
}

char *text_utf8(const void *bytes, size_t n)
{
        return text_escape(bytes, n, false);
}

char *text_json_safe(const char *json)
{
        GString *out = g_string_sized_new(strlen(json) + 1);

        /* Outside of strings JSON is ASCII, so that what is replaced here lies inside of one. */
        for (const char *at = json; *at; at = g_utf8_next_char(at)) {
                gunichar c = g_utf8_get_char(at);

                if (c >= 0x7f && c < 0xa0)
                        g_string_append_printf(out, "\\u%04x", c);
                else
                        g_string_append_unichar(out, c);
        }
        return g_string_free(out, FALSE);
}

char *text_size(uint64_t bytes)
{
        static const char units[] = "BKMGTPE";
        uint64_t tenths;
        unsigned unit = 0;
        unsigned shift = 0;

        while (unit + 2 < sizeof(units) && bytes >> shift >= 1024) {
                unit++;
                shift += 10;
        }
        if (unit == 0)
                return g_strdup_printf("%" G_GUINT64_FORMAT "B", bytes);
        /* Rounded to tenths; two parts, since bytes * 10 need not fit. */
        tenths = (bytes >> shift) * 10;
        tenths += (((bytes & ((UINT64_C(1) << shift) - 1)) >> (shift - 10)) * 10 + 512) >> 10;
        if (tenths >= 10240 && unit + 2 < sizeof(units)) {
                tenths = 10;
                unit++;
        }
        if (tenths % 10 == 0)
                return g_strdup_printf("%" G_GUINT64_FORMAT "%c", tenths / 10, units[unit]);
        return g_strdup_printf("%" G_GUINT64_FORMAT ".%u%c", tenths / 10, (unsigned)(tenths % 10),
                               units[unit]);
}

void text_mac(const uint8_t mac[6], char ret[TEXT_MAC_BYTES])
{
        snprintf(ret, TEXT_MAC_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                 mac[3], mac[4], mac[5]);
}
