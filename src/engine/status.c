/* SPDX-License-Identifier: MIT */
/* What the engine tells of itself, and the orders that are not requests. */
#include "engine/core.h"

const char *request_status_name(enum request_status s)
{
        switch (s) {
        case REQUEST_PENDING: return "pending";
        case REQUEST_OK: return "ok";
        case REQUEST_ERROR: return "error";
        case REQUEST_TIMEOUT: return "no answer";
        case REQUEST_NO_DEVICE: return "no such device";
        case REQUEST_SWAPPED: return "another disk";
        case REQUEST_RESERVED: return "reserved by another host";
        case REQUEST_RANGE: return "beyond the end";
        case REQUEST_CANCELLED: return "cancelled";
        case REQUEST_NO_MEMORY: return "request memory is full";
        case REQUEST_UNSUPPORTED: return "not supported by the disk";
        }
        CHECK(!"a request status");
        return NULL;
}

const char *device_state_name(enum device_state s)
{
        switch (s) {
        case DEVICE_NEW: return "new";
        case DEVICE_UP: return "up";
        case DEVICE_STALE: return "stale";
        case DEVICE_DOWN: return "down";
        case DEVICE_SWAPPED: return "down"; /* to users: its reason says why */
        }
        CHECK(!"a device state");
        return NULL;
}

const char *path_state_name(enum path_state s)
{
        switch (s) {
        case PATH_NEW: return "new";
        case PATH_UP: return "up";
        case PATH_DEAD: return "dead";
        case PATH_DUPLICATE: return "duplicate";
        }
        CHECK(!"a path state");
        return NULL;
}

const char *flush_class_name(enum flush_class c)
{
        switch (c) {
        case FLUSH_UNKNOWN: return "unknown";
        case FLUSH_DURABLE: return "durable";
        case FLUSH_ACCEPTED: return "accepted";
        case FLUSH_NONE: return "none";
        }
        CHECK(!"a flush class");
        return NULL;
}

static void status_of_device(const struct device *d, struct device_info *ret)
{
        *ret = (struct device_info){
                .addr = d->addr,
                .state = d->state,
                .reason = d->reason,
                .identity = d->identity,
                .bytes = d->identity.sectors * AOE_SECTOR_BYTES,
                .buffers = d->buffers,
                .firmware = d->firmware,
                .sectors_max = d->sectors_target,
                .flush_class = d->flush_class,
                .config = d->config,
                .config_bytes = d->config_bytes,
                .state_since = d->state_since,
                .holders = d->holders,
                .path_count = d->path_count,
                .duplicate = d->duplicate,
                .requests_read = d->requests_read,
                .requests_write = d->requests_write,
                .requests_flush = d->requests_flush,
                .requests_trim = d->requests_trim,
                .trims = d->identity.trim && !d->trim_refused,
                .trim_zeroes = d->identity.trim_zeroes && !d->trim_refused,
                .bytes_read = d->bytes_read,
                .bytes_written = d->bytes_written,
                .errors = d->errors,
                .requests_open = d->open_count,
                .copies = d->copies,
        };
        memcpy(ret->duplicate_mac, d->duplicate_mac, sizeof ret->duplicate_mac);
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);
                uint32_t payload = p->payload.sectors * AOE_SECTOR_BYTES;

                if (p->state != PATH_DUPLICATE && payload > ret->payload_bytes)
                        ret->payload_bytes = payload;
        }
}

bool engine_device_next(const struct engine *e, aoe_addr prev, struct device_info *ret)
{
        unsigned low = 0, high = e->device_count;

        while (prev != AOE_ADDR_ALL && low < high) {
                unsigned middle = (low + high) / 2;

                if (e->sorted[middle]->addr <= prev)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low < e->device_count && e->sorted[low]->gone)
                low++;
        if (low == e->device_count)
                return false;
        status_of_device(e->sorted[low], ret);
        return true;
}

bool engine_device_info(const struct engine *e, aoe_addr addr, struct device_info *ret)
{
        const struct device *d = device_find(e, addr);

        if (!d || d->gone)
                return false;
        status_of_device(d, ret);
        return true;
}

bool engine_path_info(const struct engine *e, aoe_addr addr, unsigned idx, struct path_info *ret)
{
        const struct device *d = device_find(e, addr);

        if (!d || d->gone)
                return false;
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);

                if (idx-- > 0)
                        continue;
                *ret = (struct path_info){
                        .link = p->link,
                        .state = p->state,
                        .payload_bytes = p->payload.sectors * AOE_SECTOR_BYTES,
                        .rtt = p->rtt.smoothed,
                        .rto = rtt_rto(&p->rtt),
                        .window = cc_window(&p->cc),
                        .in_flight = p->in_flight_count,
                        .sent = p->sent,
                        .resent = p->resent,
                        .received = p->received,
                        .late = p->late,
                        .lost = p->lost,
                        .probed = p->probed,
                        .probes = p->loss.probes,
                };
                memcpy(ret->mac, p->mac, sizeof ret->mac);
                return true;
        }
        return false;
}

void engine_hold(struct engine *e, aoe_addr addr, int change)
{
        struct device *d = device_find(e, addr);

        if (!d || (change < 0 && d->holders == 0))
                return;
        d->holders = change > 0 ? d->holders + 1 : d->holders - 1;
        device_revive(e, d, d->state_since);
}

void engine_discover(struct engine *e, nsec now)
{
        discover_now(e, now);
}

static bool device_is_settled(const struct device *d)
{
        if (d->state == DEVICE_NEW)
                return false;
        LIST_FOREACH (node, &d->paths) {
                const struct path *p = LIST_ENTRY(node, struct path, node);

                if (p->state == PATH_NEW || p->payload.trial != PAYLOAD_TRIAL_NONE)
                        return false;
        }
        return true;
}

bool engine_is_settled(const struct engine *e, nsec now)
{
        nsec took = nsec_since(now, e->discover.started_at);

        if (e->discover.started_at == NSEC_NEVER || took < DISCOVER_SETTLE_MIN)
                return false;
        if (took >= DISCOVER_SETTLE_MAX)
                return true;
        for (unsigned i = 0; i < e->device_count; i++)
                if (!device_is_settled(e->sorted[i]))
                        return false;
        return true;
}

void engine_revalidate(struct engine *e, aoe_addr addr, nsec now)
{
        struct device *d = device_find(e, addr);

        if (!d || d->gone || d->state != DEVICE_SWAPPED)
                return;
        d->identified = false;
        LIST_FOREACH (node, &d->paths)
                path_ask(e, LIST_ENTRY(node, struct path, node), now);
}

static void device_fail_requests(struct engine *e, struct device *d, enum request_status status,
                                 nsec now)
{
        LIST_FOREACH_SAFE (node, &d->open)
                request_finish(e, LIST_ENTRY(node, struct request, open), status, now);
}

void engine_forget(struct engine *e, aoe_addr addr, nsec now)
{
        struct device *d = device_find(e, addr);

        if (!d || d->gone || d->state == DEVICE_UP)
                return;
        device_fail_requests(e, d, REQUEST_CANCELLED, now);
        if (d->state == DEVICE_SWAPPED)
                device_enter(e, d, DEVICE_STALE, "forgotten", now);
        d->state_since = 0;
        d->heard_at = 0;
        d->query_at = now;
        device_arm(e, d);
}

void engine_fail_silent(struct engine *e, nsec now)
{
        for (unsigned i = 0; i < e->device_count; i++)
                if (e->sorted[i]->state != DEVICE_UP)
                        device_fail_requests(e, e->sorted[i], REQUEST_TIMEOUT, now);
}

bool engine_is_quiet(const struct engine *e)
{
        return e->open_count == 0 && e->copies.used == 0;
}

void engine_counters(const struct engine *e, struct engine_counters *ret)
{
        *ret = e->counters;
}

/* Slow: for each station all paths. */
static void status_check_station(const struct engine *e, const struct station *st)
{
        unsigned paths = 0, busy = 0, in_flight = 0;

        for (unsigned i = 0; i < e->device_count; i++) {
                LIST_FOREACH (node, &e->sorted[i]->paths) {
                        const struct path *p = LIST_ENTRY(node, struct path, node);

                        if (p->station != st)
                                continue;
                        paths++;
                        busy += !list_is_empty(&p->loss.in_flight);
                        LIST_FOREACH (slot, &p->loss.in_flight)
                                in_flight++;
                }
        }
        CHECK(paths == st->paths && paths > 0);
        CHECK(busy == st->busy);
        CHECK(in_flight == st->in_flight);
        CHECK(in_flight > 0 || list_is_empty(&st->line.waiting) || !list_is_empty(&e->called));
}

static void status_check_stations(const struct engine *e)
{
        for (unsigned i = 0; i < STATION_BUCKETS; i++)
                LIST_FOREACH (node, &e->stations[i])
                        status_check_station(e, LIST_ENTRY(node, struct station, node));
}

void engine_check(const struct engine *e)
{
        unsigned slots = 0, free = 0;

        for (unsigned i = 0; i < e->options.slots; i++)
                slots += e->slots[i].state != SLOT_FREE;
        CHECK(slots == e->slots_used);
        LIST_FOREACH (node, &e->slots_free)
                free++;
        CHECK(slots + free == e->options.slots);
        for (unsigned i = 0; i < e->device_count; i++) {
                CHECK(i == 0 || e->sorted[i - 1]->addr < e->sorted[i]->addr);
                device_check(e, e->sorted[i]);
        }
        CHECK(e->frames_reserved <= e->options.frames_for_reads);
        status_check_stations(e);
}
