/* SPDX-License-Identifier: MIT */
#include "app/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/logging.h"

#define WORDS_MAC       "%02x:%02x:%02x:%02x:%02x:%02x"
#define WORDS_OF_MAC(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

void words_of_size(uint64_t size, char *buf, size_t bytes)
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        unsigned idx = 0;
        uint64_t rest = 0;

        while (size >= 1024 && idx + 1 < sizeof(units) / sizeof(units[0])) {
                rest = size % 1024;
                size /= 1024;
                idx++;
        }
        if (rest * 10 / 1024 > 0)
                snprintf(buf, bytes, "%" PRIu64 ".%" PRIu64 " %s", size, rest * 10 / 1024,
                         units[idx]);
        else
                snprintf(buf, bytes, "%" PRIu64 " %s", size, units[idx]);
}

/* Appends at *at, which never passes the end. */
__attribute__((format(printf, 4, 5))) static void words_add(char *buf, size_t bytes, size_t *at,
                                                            const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(buf + *at, bytes - *at, format, args);
        va_end(args);
        if (n > 0)
                *at = (size_t)n < bytes - *at ? *at + (size_t)n : bytes - 1;
}

static void words_of_paths(const struct words_source *w, aoe_addr addr, char *buf, size_t bytes)
{
        struct path_info p;
        size_t at = 0;

        words_add(buf, bytes, &at, "paths:");
        for (unsigned i = 0; engine_path_info(w->engine, addr, i, &p); i++)
                words_add(buf, bytes, &at, "%s %s " WORDS_MAC " %s", i > 0 ? "," : "",
                          w->link_name(w->arg, p.link), WORDS_OF_MAC(p.mac),
                          path_state_name(p.state));
}

static int words_of_state(const struct device_info *d, char *buf, size_t bytes)
{
        switch (d->state) {
        case DEVICE_NEW: return -1;
        case DEVICE_UP: snprintf(buf, bytes, "answers again"); return LOGGING_NOTICE;
        case DEVICE_STALE:
        case DEVICE_DOWN:
        case DEVICE_SWAPPED:
                snprintf(buf, bytes, "%s: %s", device_state_name(d->state), d->reason);
                return LOGGING_WARNING;
        }
        return -1;
}

static int words_of_config(const struct device_info *d, char *buf, size_t bytes)
{
        int cut = d->config_bytes > 100 ? 100 : (int)d->config_bytes;

        if (cut == 0)
                snprintf(buf, bytes, "the config string is empty now");
        else
                snprintf(buf, bytes, "the config string is now \"%.*s\"", cut,
                         (const char *)d->config);
        return LOGGING_INFO;
}

int words_of_change(const struct words_source *w, const struct event *ev, enum event_change change,
                    char *buf, size_t bytes)
{
        struct device_info d = {.addr = ev->addr};
        bool known = engine_device_info(w->engine, ev->addr, &d);
        char size[32];

        if (!known && change != EVENT_GONE)
                return -1;
        words_of_size(d.bytes, size, sizeof(size));
        switch (change) {
        case EVENT_APPEARED:
                snprintf(buf, bytes, "found: %s, %s, serial %s", size,
                         d.identity.model[0] ? d.identity.model : "no model name",
                         d.identity.serial[0] ? d.identity.serial : "none");
                return LOGGING_NOTICE;
        case EVENT_GONE: snprintf(buf, bytes, "gone"); return LOGGING_NOTICE;
        case EVENT_STATE: return ev->changes & EVENT_APPEARED ? -1 : words_of_state(&d, buf, bytes);
        case EVENT_SIZE:
                if (ev->changes & EVENT_APPEARED)
                        return -1;
                snprintf(buf, bytes, "its size is %s now", size);
                return LOGGING_NOTICE;
        case EVENT_PATHS:
                words_of_paths(w, ev->addr, buf, bytes);
                return ev->changes & EVENT_APPEARED ? LOGGING_INFO : LOGGING_NOTICE;
        case EVENT_DUPLICATE:
                snprintf(buf, bytes,
                         "another disk claims this address: " WORDS_MAC " gets no I/O; give one of "
                         "the two targets another shelf or slot",
                         WORDS_OF_MAC(d.duplicate_mac));
                return LOGGING_WARNING;
        case EVENT_CONFIG: return words_of_config(&d, buf, bytes);
        case EVENT_FLUSH_NONE:
                snprintf(buf, bytes,
                         "the disk does not answer FLUSH CACHE in any form: fsync succeeds, but "
                         "what is in the target's cache may be lost when its power fails");
                return LOGGING_WARNING;
        case EVENT_REFUSED:
                snprintf(buf, bytes,
                         "the target refuses writes: they fail with EIO; is it "
                         "exported read-only?");
                return LOGGING_WARNING;
        case EVENT_RESTARTED:
                snprintf(buf, bytes, "the target was restarted");
                return LOGGING_NOTICE;
        case EVENT_PAYLOAD:
                snprintf(buf, bytes, "a frame carries up to %" PRIu32 " bytes now",
                         d.payload_bytes);
                return LOGGING_INFO;
        }
        return -1;
}
