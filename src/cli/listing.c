/* SPDX-License-Identifier: MIT */
/* Copies of devices out of an engine, and their JSON (face.md; keys are stable). */
#include "cli/listing.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "cli/text.h"

void listing_device_free(ListingDevice *d)
{
        if (!d)
                return;
        g_free(d->model);
        g_free(d->serial);
        g_free(d->firmware);
        g_free(d->config);
        g_array_unref(d->paths);
        g_free(d);
}

/* A path to another disk with the same address is no path of this device. */
static GArray *paths_take(const struct engine *e, aoe_addr addr, const char *(*link_name)(unsigned))
{
        GArray *paths = g_array_new(FALSE, TRUE, sizeof(struct listing_path));
        struct path_info i;

        for (unsigned idx = 0; engine_path_info(e, addr, idx, &i); idx++) {
                struct listing_path p = {.payload_bytes = i.payload_bytes, .rtt = i.rtt};
                const char *name = link_name(i.link);
                g_autofree char *text = text_utf8(name ? name : "", name ? strlen(name) : 0);

                if (i.state == PATH_DUPLICATE)
                        continue;
                g_strlcpy(p.link, text, sizeof(p.link));
                memcpy(p.mac, i.mac, sizeof(p.mac));
                g_array_append_val(paths, p);
        }
        return paths;
}

static char *text_take(const char *s)
{
        return text_utf8(s, strlen(s));
}

ListingDevice *listing_device_new(const struct engine *e, const struct device_info *i,
                                  const char *(*link_name)(unsigned))
{
        ListingDevice *d = g_new0(ListingDevice, 1);

        d->addr = i->addr;
        d->bytes = i->bytes;
        d->model = text_take(i->identity.model);
        d->serial = text_take(i->identity.serial);
        d->firmware = text_take(i->identity.firmware);
        d->config = text_utf8(i->config, i->config_bytes);
        d->state = device_state_name(i->state);
        d->reason = i->reason;
        d->payload_bytes = i->payload_bytes;
        d->buffers = i->buffers;
        d->paths = paths_take(e, i->addr, link_name);
        return d;
}

static void json_string(JsonBuilder *b, const char *key, const char *value)
{
        json_builder_set_member_name(b, key);
        json_builder_add_string_value(b, value);
}

static void json_number(JsonBuilder *b, const char *key, uint64_t value)
{
        json_builder_set_member_name(b, key);
        json_builder_add_int_value(b, (gint64)value);
}

static void json_path(JsonBuilder *b, const struct listing_path *p)
{
        char mac[TEXT_MAC_BYTES];

        text_mac(p->mac, mac);
        json_builder_begin_object(b);
        json_string(b, "link", p->link);
        json_string(b, "mac", mac);
        json_number(b, "payload", p->payload_bytes);
        json_number(b, "rtt_us", (p->rtt + NSEC_US / 2) / NSEC_US);
        json_builder_end_object(b);
}

static void json_device(JsonBuilder *b, const ListingDevice *d)
{
        char name[AOE_NAME_BYTES];

        aoe_addr_format(d->addr, name);
        json_builder_begin_object(b);
        json_string(b, "name", name);
        json_number(b, "shelf", aoe_addr_shelf(d->addr));
        json_number(b, "slot", aoe_addr_slot(d->addr));
        json_number(b, "size", d->bytes);
        json_number(b, "sector_size", AOE_SECTOR_BYTES);
        json_string(b, "model", d->model);
        json_string(b, "serial", d->serial);
        json_string(b, "firmware", d->firmware);
        json_string(b, "state", d->state);
        json_number(b, "payload", d->payload_bytes);
        json_number(b, "buffers", d->buffers);
        json_string(b, "config", d->config);
        json_builder_set_member_name(b, "paths");
        json_builder_begin_array(b);
        for (unsigned i = 0; i < d->paths->len; i++)
                json_path(b, &g_array_index(d->paths, struct listing_path, i));
        json_builder_end_array(b);
        json_builder_end_object(b);
}

char *listing_json(const GPtrArray *devices)
{
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonNode) root = NULL;
        g_autofree char *raw = NULL;
        g_autofree char *safe = NULL;

        json_builder_begin_object(b);
        json_builder_set_member_name(b, "devices");
        json_builder_begin_array(b);
        for (unsigned i = 0; i < devices->len; i++)
                json_device(b, g_ptr_array_index(devices, i));
        json_builder_end_array(b);
        json_builder_end_object(b);
        root = json_builder_get_root(b);
        raw = json_to_string(root, true);
        safe = text_json_safe(raw);
        return g_strconcat(safe, "\n", NULL);
}
