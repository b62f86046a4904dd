/* SPDX-License-Identifier: MIT */
/*
 * Prometheus wants all lines of a metric together, so the tables below have one row a metric, and
 * each row walks all devices. It runs when somebody reads the file, never by itself.
 */
#include "app/stats.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct stats_out {
        char *buf;
        size_t bytes;
        size_t at; /* may pass bytes: then only counts */
};

__attribute__((format(printf, 2, 3))) static void stats_add(struct stats_out *o, const char *format,
                                                            ...)
{
        size_t room = o->at < o->bytes ? o->bytes - o->at : 0;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(room > 0 ? o->buf + o->at : NULL, room, format, args);
        va_end(args);
        if (n > 0)
                o->at += (size_t)n;
}

/* A label's value: what the format does not allow plainly is escaped. */
static void stats_add_label(struct stats_out *o, const char *key, const char *value)
{
        stats_add(o, "%s=\"", key);
        for (const char *p = value; *p; p++) {
                if (*p == '"' || *p == '\\')
                        stats_add(o, "\\%c", *p);
                else
                        stats_add(o, "%c", (unsigned char)*p < ' ' ? '?' : *p);
        }
        stats_add(o, "\"");
}

static void stats_head(struct stats_out *o, const char *name, const char *type, const char *help)
{
        stats_add(o, "# HELP aoefs_%s %s\n# TYPE aoefs_%s %s\n", name, help, name, type);
}

/* ---- one row a device ---- */

struct stats_device_row {
        const char *name, *type, *help;
        uint64_t (*value)(const struct device_info *d);
};

#define STATS_OF_DEVICE(field, expression)                                                         \
        static uint64_t stats_##field(const struct device_info *d)                                 \
        {                                                                                          \
                return expression;                                                                 \
        }

STATS_OF_DEVICE(up, d->state == DEVICE_UP)
STATS_OF_DEVICE(size, d->bytes)
STATS_OF_DEVICE(requests_read, d->requests_read)
STATS_OF_DEVICE(requests_write, d->requests_write)
STATS_OF_DEVICE(requests_flush, d->requests_flush)
STATS_OF_DEVICE(bytes_read, d->bytes_read)
STATS_OF_DEVICE(bytes_written, d->bytes_written)
STATS_OF_DEVICE(errors, d->errors)
STATS_OF_DEVICE(requests_open, d->requests_open)
STATS_OF_DEVICE(copies, d->copies)

static const struct stats_device_row stats_device_rows[] = {
        {"device_up", "gauge", "1 while the device answers.", stats_up},
        {"device_bytes", "gauge", "Size of the device.", stats_size},
        {"requests_read", "counter", "Read requests completed.", stats_requests_read},
        {"requests_write", "counter", "Write requests completed.", stats_requests_write},
        {"requests_flush", "counter", "Flush requests completed.", stats_requests_flush},
        {"bytes_read", "counter", "Bytes read.", stats_bytes_read},
        {"bytes_written", "counter", "Bytes written.", stats_bytes_written},
        {"errors", "counter", "Requests that did not end well.", stats_errors},
        {"requests_open", "gauge", "Requests that are not answered yet.", stats_requests_open},
        {"copies", "gauge", "Copies of writes without an answer.", stats_copies},
};

static void stats_device_name(struct stats_out *o, aoe_addr addr)
{
        char name[AOE_NAME_BYTES];

        aoe_addr_format(addr, name);
        stats_add(o, "device=\"%s\"", name);
}

static void stats_devices(struct stats_out *o, const struct engine *e)
{
        for (size_t i = 0; i < sizeof(stats_device_rows) / sizeof(stats_device_rows[0]); i++) {
                const struct stats_device_row *row = &stats_device_rows[i];
                struct device_info d = {.addr = AOE_ADDR_ALL};

                stats_head(o, row->name, row->type, row->help);
                while (engine_device_next(e, d.addr, &d)) {
                        stats_add(o, "aoefs_%s{", row->name);
                        stats_device_name(o, d.addr);
                        stats_add(o, "} %" PRIu64 "\n", row->value(&d));
                }
        }
}

static void stats_identities(struct stats_out *o, const struct engine *e)
{
        struct device_info d = {.addr = AOE_ADDR_ALL};

        stats_head(o, "device_info", "gauge", "Always 1: the device's identity.");
        while (engine_device_next(e, d.addr, &d)) {
                stats_add(o, "aoefs_device_info{");
                stats_device_name(o, d.addr);
                stats_add(o, ",");
                stats_add_label(o, "serial", d.identity.serial);
                stats_add(o, ",");
                stats_add_label(o, "model", d.identity.model);
                stats_add(o, ",");
                stats_add_label(o, "firmware", d.identity.firmware);
                stats_add(o, "} 1\n");
        }
        stats_head(o, "flush_class", "gauge", "Always 1: what a flush does on this device.");
        d.addr = AOE_ADDR_ALL;
        while (engine_device_next(e, d.addr, &d)) {
                stats_add(o, "aoefs_flush_class{");
                stats_device_name(o, d.addr);
                stats_add(o, ",class=\"%s\"} 1\n", flush_class_name(d.flush_class));
        }
}

/* ---- one row a path ---- */

struct stats_path_row {
        const char *name, *type, *help;
        uint64_t (*value)(const struct path_info *p);
};

#define STATS_OF_PATH(field, expression)                                                           \
        static uint64_t stats_path_##field(const struct path_info *p)                              \
        {                                                                                          \
                return expression;                                                                 \
        }

STATS_OF_PATH(sent, p->sent)
STATS_OF_PATH(resent, p->resent)
STATS_OF_PATH(received, p->received)
STATS_OF_PATH(late, p->late)
STATS_OF_PATH(lost, p->lost)
STATS_OF_PATH(probed, p->probed)
STATS_OF_PATH(window, p->window)
STATS_OF_PATH(in_flight, p->in_flight)
STATS_OF_PATH(payload, p->payload_bytes)
STATS_OF_PATH(rtt, p->rtt / NSEC_US)

static const struct stats_path_row stats_path_rows[] = {
        {"frames_sent", "counter", "Frames sent, resends included.", stats_path_sent},
        {"frames_resent", "counter", "Frames sent again.", stats_path_resent},
        {"frames_received", "counter", "Answers used.", stats_path_received},
        {"answers_late", "counter", "Answers to what was answered or given up.", stats_path_late},
        {"frames_lost", "counter", "Frames taken for lost.", stats_path_lost},
        {"frames_probed", "counter", "Frames sent again to see whether they are lost.",
         stats_path_probed},
        {"window", "gauge", "Frames allowed in flight.", stats_path_window},
        {"in_flight", "gauge", "Frames in flight.", stats_path_in_flight},
        {"payload_bytes", "gauge", "Data in a full frame.", stats_path_payload},
        {"rtt_us", "gauge", "Smoothed round-trip time.", stats_path_rtt},
};

static void stats_path_line(struct stats_out *o, const struct stats_source *s,
                            const struct stats_path_row *row, aoe_addr addr,
                            const struct path_info *p)
{
        const char *link = p->link < ENGINE_LINKS_MAX ? s->links[p->link].name : NULL;

        stats_add(o, "aoefs_%s{", row->name);
        stats_device_name(o, addr);
        stats_add(o, ",");
        stats_add_label(o, "link", link ? link : "");
        stats_add(o, ",mac=\"%02x:%02x:%02x:%02x:%02x:%02x\"} %" PRIu64 "\n", p->mac[0], p->mac[1],
                  p->mac[2], p->mac[3], p->mac[4], p->mac[5], row->value(p));
}

static void stats_paths(struct stats_out *o, const struct stats_source *s)
{
        for (size_t i = 0; i < sizeof(stats_path_rows) / sizeof(stats_path_rows[0]); i++) {
                const struct stats_path_row *row = &stats_path_rows[i];
                struct device_info d = {.addr = AOE_ADDR_ALL};
                struct path_info p;

                stats_head(o, row->name, row->type, row->help);
                while (engine_device_next(s->engine, d.addr, &d))
                        for (unsigned k = 0; engine_path_info(s->engine, d.addr, k, &p); k++)
                                stats_path_line(o, s, row, d.addr, &p);
        }
}

/* ---- the daemon and its links ---- */

static void stats_one(struct stats_out *o, const char *name, const char *help, uint64_t value)
{
        stats_head(o, name, "counter", help);
        stats_add(o, "aoefs_%s %" PRIu64 "\n", name, value);
}

static void stats_daemon(struct stats_out *o, const struct stats_source *s)
{
        struct engine_counters c;

        engine_counters(s->engine, &c);
        stats_one(o, "daemon_frames_sent", "Frames sent on all paths.", c.frames_sent);
        stats_one(o, "daemon_frames_resent", "Frames sent again.", c.frames_resent);
        stats_one(o, "daemon_frames_received", "Frames that came in.", c.frames_received);
        stats_one(o, "daemon_answers_late", "Answers that came too late.", c.answers_late);
        stats_one(o, "daemon_queries_sent", "Query Config frames sent.", c.queries_sent);
        stats_one(o, "daemon_copies_lingered", "Writes that ended with a copy out.",
                  c.copies_lingered);
        stats_one(o, "daemon_no_memory", "Requests refused for want of memory.", c.no_memory);
        stats_one(o, "daemon_log_lost", "Log lines that found no room.", s->log_lost);
        stats_head(o, "frames_dropped", "counter", "Frames not used, by reason.");
        for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++)
                stats_add(o, "aoefs_frames_dropped{reason=\"%s\"} %" PRIu64 "\n", drop_name(i),
                          c.frames_dropped[i]);
}

struct stats_link_row {
        const char *name, *help;
        uint64_t (*value)(const struct link_counters *c);
};

#define STATS_OF_LINK(field)                                                                       \
        static uint64_t stats_link_##field(const struct link_counters *c)                          \
        {                                                                                          \
                return c->field;                                                                   \
        }

STATS_OF_LINK(received)
STATS_OF_LINK(sent)
STATS_OF_LINK(kernel_drops)
STATS_OF_LINK(truncated)
STATS_OF_LINK(refused)
STATS_OF_LINK(back_pressure)

static const struct stats_link_row stats_link_rows[] = {
        {"link_frames_received", "Frames that the socket gave us.", stats_link_received},
        {"link_frames_sent", "Frames that the socket took.", stats_link_sent},
        {"link_kernel_drops", "Frames lost as the socket was full.", stats_link_kernel_drops},
        {"link_truncated", "Frames too long for our buffers.", stats_link_truncated},
        {"link_refused", "Frames longer than the MTU of that moment.", stats_link_refused},
        {"link_back_pressure", "How often the queue out was full.", stats_link_back_pressure},
};

static void stats_links(struct stats_out *o, const struct stats_source *s)
{
        for (size_t i = 0; i < sizeof(stats_link_rows) / sizeof(stats_link_rows[0]); i++) {
                const struct stats_link_row *row = &stats_link_rows[i];

                stats_head(o, row->name, "counter", row->help);
                for (unsigned k = 0; k < ENGINE_LINKS_MAX; k++) {
                        if (!s->links[k].name)
                                continue;
                        stats_add(o, "aoefs_%s{", row->name);
                        stats_add_label(o, "link", s->links[k].name);
                        stats_add(o, "} %" PRIu64 "\n", row->value(s->links[k].counters));
                }
        }
}

size_t stats_text(const struct stats_source *s, char *buf, size_t bytes)
{
        struct stats_out o = {.buf = buf, .bytes = bytes};

        /* What there is only once comes first: the text of very many devices may be cut. */
        stats_daemon(&o, s);
        stats_links(&o, s);
        stats_identities(&o, s->engine);
        stats_devices(&o, s->engine);
        stats_paths(&o, s);
        return o.at;
}
