/* SPDX-License-Identifier: MIT */
/* Each failure is the engine's: the wire and the targets have no part in these. */
#include "host_check.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/aoe.h"
#include "wire/ata.h"
#include "world.h"

#define HOST_TAG_REST   (2 * NSEC_SEC) /* a tag does not come back sooner */
#define HOST_OFFER_REST (2 * NSEC_SEC) /* commands cut by the last offer may still be sent */

static bool host_is_broadcast(const uint8_t *mac)
{
        static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

        return memcmp(mac, broadcast, 6) == 0;
}

/* The port of the device's box with this MAC on this link; PLAN_PORTS_MAX: none. */
static unsigned host_find_port(struct world *w, const struct target_device *d, unsigned link,
                               const uint8_t *mac)
{
        const struct target *t = target_of_device(w, d->idx);

        for (unsigned i = 0; i < t->port_count; i++) {
                if (t->ports[i].link == link && memcmp(t->ports[i].mac, mac, 6) == 0)
                        return i;
        }
        return PLAN_PORTS_MAX;
}

void host_check_config(struct world *w, const struct packet *p)
{
        struct target_device *d = target_find(w, world_addr_of(p));
        unsigned port = d ? host_find_port(w, d, p->link, p->data + 6) : PLAN_PORTS_MAX;
        uint8_t sectors = p->data[28] ? p->data[28] : AOE_SECTORS_DEFAULT;
        struct target_queue *q;

        if (port == PLAN_PORTS_MAX || p->bytes < AOE_CONFIG_BYTES)
                return;
        q = &d->queues[port];
        if (q->offered != sectors) {
                q->offered_before = q->offered;
                q->offered_at = w->now;
        }
        q->offered = sectors;
}

static void host_check_tag(struct world *w, uint32_t tag)
{
        struct host_tag *seen = &w->host.tags[(tag ^ tag >> 12) % HOST_TAGS];

        if (seen->tag == tag && w->now - seen->at < HOST_TAG_REST)
                world_fail(w, "tag %08x was used %lu us ago", tag, (w->now - seen->at) / NSEC_US);
        *seen = (struct host_tag){.tag = tag, .at = w->now};
}

static void host_check_range(struct world *w, const struct target_device *d,
                             const struct target_queue *q, const struct aoe_ata *a,
                             const struct packet *p)
{
        bool is_ext = a->aflags & AOE_ATA_EXTENDED;
        bool is_write = a->aflags & AOE_ATA_WRITE;
        uint64_t lba = is_ext ? a->lba : a->lba & ((1 << 28) - 1);
        unsigned limit = q->offered;
        uint32_t data = is_write ? a->sectors * (uint32_t)DISK_SECTOR : 0;

        if (w->now - q->offered_at < HOST_OFFER_REST && q->offered_before > limit)
                limit = q->offered_before;
        if (is_ext != (a->status == ATA_READ_EXT || a->status == ATA_WRITE_EXT))
                world_fail(w, "command %02x with flags %02x", a->status, a->aflags);
        if (is_write != (a->status == ATA_WRITE || a->status == ATA_WRITE_EXT))
                world_fail(w, "command %02x with flags %02x", a->status, a->aflags);
        if (a->sectors == 0 || a->sectors > limit)
                world_fail(w, "a command of %u sectors, %u were offered", a->sectors, limit);
        if (lba + a->sectors > d->sectors_most)
                world_fail(w, "sectors %lu + %u lie beyond the end, %lu", lba, a->sectors,
                           d->sectors_most);
        if (is_ext && !d->disks[0].lba48)
                world_fail(w, "LBA48 to a disk that has none");
        if (is_write && p->bytes < AOE_ATA_BYTES + data)
                world_fail(w, "a write of %u sectors in %u bytes", a->sectors, p->bytes);
        if (w->plan.payload_max && a->sectors * DISK_SECTOR > w->plan.payload_max)
                world_fail(w, "%u sectors are more than payload_max", a->sectors);
}

static void host_check_ata(struct world *w, const struct packet *p, const struct aoe_header *h)
{
        struct target_device *d = target_find(w, aoe_addr_make(h->shelf, h->slot));
        struct bytes in = {.at = p->data + AOE_HEADER_BYTES, .left = p->bytes - AOE_HEADER_BYTES};
        unsigned port = d ? host_find_port(w, d, p->link, p->data) : PLAN_PORTS_MAX;
        struct aoe_ata a;

        if (port == PLAN_PORTS_MAX && w->plan.is_wild)
                return; /* an address was spoilt on its way to the engine */
        if (port == PLAN_PORTS_MAX)
                world_fail(w, "a command to e%u.%u at a MAC that is not its own", h->shelf,
                           h->slot);
        if (aoe_parse_ata(&in, &a) != DROP_NONE || be16_load(p->data + 34) != 0)
                world_fail(w, "a malformed ATA argument");
        host_check_tag(w, h->tag);
        switch (a.status) {
        case ATA_READ:
        case ATA_READ_EXT:
        case ATA_WRITE:
        case ATA_WRITE_EXT: host_check_range(w, d, &d->queues[port], &a, p); break;
        case ATA_IDENTIFY:
                if (a.sectors != 1)
                        world_fail(w, "IDENTIFY with count %u", a.sectors);
                break;
        case ATA_DSM:
                if (!d->disks[0].trim)
                        world_fail(w, "TRIM to a disk that offers none");
                break;
        case ATA_FLUSH:
        case ATA_FLUSH_EXT: break;
        default: world_fail(w, "ATA command %02x", a.status);
        }
}

void host_check_frame(struct world *w, const struct packet *p)
{
        const struct host_link *l = &w->host.links[p->link];
        struct bytes in = {.at = p->data, .left = p->bytes};
        struct aoe_header h;

        if (!l->info.running)
                world_fail(w, "a frame on link %u, which is down", p->link);
        if (p->bytes < AOE_FRAME_BYTES_MIN || p->bytes > l->info.mtu + 14)
                world_fail(w, "a frame of %u bytes, MTU %u", p->bytes, l->info.mtu);
        if (aoe_parse_header(&in, &h) != DROP_NONE || h.version != 1 || h.flags || h.error)
                world_fail(w, "a malformed header");
        if (memcmp(h.src, l->info.mac, 6) != 0)
                world_fail(w, "a source MAC that is not the link's");
        if ((h.tag & ENGINE_TAG_COOKIE_MASK) != ENGINE_TAG_COOKIE(w->plan.cookie))
                world_fail(w, "tag %08x is not of cookie %u", h.tag, w->plan.cookie);
        switch (h.command) {
        case AOE_COMMAND_CONFIG:
                if (p->bytes < AOE_CONFIG_BYTES || (p->data[29] & 0xf) != AOE_CONFIG_READ)
                        world_fail(w, "a Query Config that is no read");
                break;
        case AOE_COMMAND_ATA:
                if (host_is_broadcast(h.dst))
                        world_fail(w, "an ATA command to everybody");
                host_check_ata(w, p, &h);
                break;
        default: world_fail(w, "AoE command %u", h.command);
        }
}

/* Calls of each known path: device by device. */
static bool host_next_path(struct world *w, unsigned at, struct path_info *ret)
{
        return engine_path_info(w->host.engine, w->plan.devices[at / PLAN_PORTS_MAX].addr,
                                at % PLAN_PORTS_MAX, ret);
}

void host_check_before_emit(struct world *w)
{
        struct path_info p;

        for (unsigned i = 0; i < HOST_PATHS_MAX; i++) {
                bool is_known =
                        i < w->plan.device_count * PLAN_PORTS_MAX && host_next_path(w, i, &p);

                w->host.in_flight[i] = is_known ? p.in_flight : 0;
        }
}

/* No answer is faster than the wire and the target; a measured time that is must have been taken
 * from another transmission than the one that was answered. */
static void host_check_rtt(struct world *w, unsigned path, const struct path_info *p)
{
        nsec least = 2 * w->plan.link_delay[p->link] + TARGET_SERVICE_MIN;

        if (p->rtt > 0 && p->rtt < least)
                world_fail(w, "device %u path %u: an RTT of %lu us, the wire alone takes %lu",
                           path / PLAN_PORTS_MAX, path % PLAN_PORTS_MAX, p->rtt / NSEC_US,
                           least / NSEC_US);
}

void host_check_after_emit(struct world *w)
{
        struct engine_counters c;
        struct path_info p;

        engine_counters(w->host.engine, &c);
        if (c.frames_sent != w->host.frames_sent)
                world_fail(w, "the engine counts %lu frames sent, the link %lu", c.frames_sent,
                           w->host.frames_sent);

        for (unsigned i = 0; i < w->plan.device_count * PLAN_PORTS_MAX; i++) {
                unsigned cap = w->plan.devices[i / PLAN_PORTS_MAX].buffers;
                struct device_info d;

                if (!host_next_path(w, i, &p))
                        continue;
                CHECK(host_device_info(w, i / PLAN_PORTS_MAX, &d));
                if (p.state != PATH_UP || w->plan.is_wild)
                        continue;
                host_check_rtt(w, i, &p);
                cap = cap ? cap : 1;
                cap = cap < w->plan.window_max ? cap : w->plan.window_max;
                if (p.window == 0 || p.window > cap)
                        world_fail(w, "device %u path %u: window %u, cap %u", i / PLAN_PORTS_MAX,
                                   i % PLAN_PORTS_MAX, p.window, cap);
                if (p.in_flight > cap)
                        world_fail(w, "device %u path %u: %u in flight, cap %u", i / PLAN_PORTS_MAX,
                                   i % PLAN_PORTS_MAX, p.in_flight, cap);
                /* A window may shrink under what is in flight, but then nothing is added. */
                if (p.in_flight > w->host.in_flight[i] + p.probes && p.in_flight > p.window)
                        world_fail(w, "device %u path %u: %u in flight, window %u",
                                   i / PLAN_PORTS_MAX, i % PLAN_PORTS_MAX, p.in_flight, p.window);
        }
}
