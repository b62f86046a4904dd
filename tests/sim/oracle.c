/* SPDX-License-Identifier: MIT */
/*
 * Cells of a sector are in order and cover it; a write whose edge falls inside a cell cuts it.
 * Versions of a cell are newest first. A version that can never be seen again is dropped, and
 * cells that have become alike are joined.
 */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct oracle_version {
        struct oracle_version *next;
        uint32_t id;
        uint64_t seen_first; /* earliest end of a read that saw it, ORACLE_NEVER: none */
        uint64_t seen_last;  /* latest start of one, 0: none */
};

struct oracle_cell {
        struct oracle_cell *next;
        uint16_t from, to; /* bytes of the sector */
        struct oracle_version *versions;
};

/* What a read, or the disk itself, shows of one sector. */
struct oracle_look {
        unsigned device;
        uint64_t lba;
        uint64_t start, end; /* steps */
        bool is_disk;
};

static void *oracle_alloc(size_t bytes)
{
        void *p = calloc(1, bytes);

        CHECK(p);
        return p;
}

static struct oracle_version *oracle_version_new(uint32_t id, struct oracle_version *next)
{
        struct oracle_version *v = oracle_alloc(sizeof *v);

        *v = (struct oracle_version){.next = next, .id = id, .seen_first = ORACLE_NEVER};
        return v;
}

static void oracle_cell_free(struct oracle_cell *c)
{
        for (struct oracle_version *v = c->versions, *next; v; v = next) {
                next = v->next;
                free(v);
        }
        free(c);
}

static void oracle_detach(struct oracle_device *d)
{
        for (uint64_t i = 0; d->disk && i < d->disk->count; i++) {
                for (struct oracle_cell *c = d->cells[i], *next; c; c = next) {
                        next = c->next;
                        oracle_cell_free(c);
                }
        }
        free(d->cells);
        free(d->busy_until);
        free(d->open_writes);
        *d = (struct oracle_device){0};
}

void oracle_init(struct oracle *o)
{
        *o = (struct oracle){.step = 1};
}

void oracle_fini(struct oracle *o)
{
        for (unsigned i = 0; i < ORACLE_DEVICES_MAX; i++)
                oracle_detach(&o->devices[i]);
        free(o->writes);
        o->writes = NULL;
}

void oracle_attach(struct oracle *o, unsigned device, struct disk *disk)
{
        struct oracle_device *d = &o->devices[device];

        CHECK(device < ORACLE_DEVICES_MAX);
        oracle_detach(d);
        *d = (struct oracle_device){
                .disk = disk,
                .cells = oracle_alloc(disk->count * sizeof *d->cells),
                .busy_until = oracle_alloc(disk->count * sizeof *d->busy_until),
                .open_writes = oracle_alloc(disk->count * sizeof *d->open_writes),
        };
}

/* ---- zones ---- */

static uint64_t oracle_end_of(const struct oracle *o, uint32_t id)
{
        return id & DISK_ID_FIRST ? 0 : o->writes[id].end;
}

static uint64_t oracle_start_of(const struct oracle *o, uint32_t id)
{
        return id & DISK_ID_FIRST ? 0 : o->writes[id].start;
}

/* Earliest end of the cluster: from here on the version had taken effect. */
static uint64_t oracle_settled(const struct oracle *o, const struct oracle_version *v)
{
        uint64_t end = ORACLE_NEVER;

        if (v->id & DISK_ID_FIRST)
                end = 0;
        else if (o->writes[v->id].is_ok)
                end = o->writes[v->id].end;
        return end < v->seen_first ? end : v->seen_first;
}

/* Latest start of the cluster: until here it was still in effect. */
static uint64_t oracle_present(const struct oracle *o, const struct oracle_version *v)
{
        uint64_t start = oracle_start_of(o, v->id);

        return start > v->seen_last ? start : v->seen_last;
}

/* Is u a reason that v must not be seen any more? */
static bool oracle_is_conflict(const struct oracle *o, const struct oracle_version *v,
                               const struct oracle_version *u)
{
        uint64_t v_settled = oracle_settled(o, v), v_present = oracle_present(o, v);
        uint64_t u_settled = oracle_settled(o, u), u_present = oracle_present(o, u);
        bool v_forward = v_settled < v_present, u_forward = u_settled < u_present;

        /* v failed and had ended when u began: it may not come after u. */
        if (oracle_start_of(o, u->id) > oracle_end_of(o, v->id) && u_settled < v_present)
                return true;
        return (v_forward || u_forward) && u_settled < v_present && v_settled < u_present;
}

/* No read that is open or comes later can see v any more. */
static bool oracle_is_dead(const struct oracle *o, const struct oracle_cell *c,
                           const struct oracle_version *v, uint64_t oldest)
{
        uint64_t end = oracle_end_of(o, v->id);

        for (const struct oracle_version *u = c->versions; u; u = u->next) {
                if (u != v && oracle_start_of(o, u->id) > end && oracle_settled(o, u) < oldest)
                        return true;
        }
        return false;
}

static void oracle_prune(const struct oracle *o, struct oracle_cell *c)
{
        uint64_t oldest = o->step;
        struct oracle_version **at = &c->versions;

        for (unsigned i = 0; i < o->read_count; i++) {
                if (o->reads[i] < oldest)
                        oldest = o->reads[i];
        }
        while (*at) {
                struct oracle_version *v = *at;

                if (oracle_is_dead(o, c, v, oldest)) {
                        *at = v->next;
                        free(v);
                } else {
                        at = &v->next;
                }
        }
}

/* ---- cells ---- */

static struct oracle_cell *oracle_cell_new(uint16_t from, uint16_t to, struct oracle_cell *next)
{
        struct oracle_cell *c = oracle_alloc(sizeof *c);

        *c = (struct oracle_cell){.from = from, .to = to, .next = next};
        return c;
}

/* Makes a cell begin at byte `at` of the sector. */
static void oracle_cut(struct oracle_cell *c, uint16_t at)
{
        struct oracle_version **to;
        struct oracle_cell *rest;

        while (c && c->to <= at)
                c = c->next;
        if (!c || c->from == at)
                return;
        rest = oracle_cell_new(at, c->to, c->next);
        to = &rest->versions;
        for (const struct oracle_version *v = c->versions; v; v = v->next) {
                *to = oracle_version_new(v->id, NULL);
                (*to)->seen_first = v->seen_first;
                (*to)->seen_last = v->seen_last;
                to = &(*to)->next;
        }
        c->to = at;
        c->next = rest;
}

/* Joins neighbours that have the same single version left. */
static void oracle_join(struct oracle_cell *c)
{
        while (c && c->next) {
                struct oracle_version *a = c->versions, *b = c->next->versions;
                struct oracle_cell *gone = c->next;

                if (a->next || b->next || a->id != b->id) {
                        c = c->next;
                        continue;
                }
                /* Both lie wholly in the past of whatever comes: the milder bounds do. */
                if (b->seen_first > a->seen_first)
                        a->seen_first = b->seen_first;
                if (b->seen_last < a->seen_last)
                        a->seen_last = b->seen_last;
                c->to = gone->to;
                c->next = gone->next;
                oracle_cell_free(gone);
        }
}

static void oracle_add_version(struct oracle *o, struct oracle_device *d, uint64_t idx,
                               uint16_t from, uint16_t to, uint32_t id)
{
        if (!d->cells[idx]) {
                d->cells[idx] = oracle_cell_new(0, DISK_SECTOR, NULL);
                d->cells[idx]->versions = oracle_version_new(d->disk->id, NULL);
        }
        for (struct oracle_cell *c = d->cells[idx]; c; c = c->next)
                oracle_prune(o, c);
        oracle_join(d->cells[idx]);
        oracle_cut(d->cells[idx], from);
        oracle_cut(d->cells[idx], to);
        for (struct oracle_cell *c = d->cells[idx]; c; c = c->next) {
                if (c->from >= from && c->to <= to)
                        c->versions = oracle_version_new(id, c->versions);
        }
}

/* ---- looking ---- */

/* Is this what version id has there? */
static bool oracle_is_of(const struct oracle *o, uint32_t id, uint64_t offset, const uint8_t *data,
                         size_t bytes)
{
        if ((id & DISK_ID_FIRST) || !o->writes[id].is_zero)
                return disk_is_pattern(id, offset, data, bytes);
        while (bytes > 0 && *data == 0) {
                data++;
                bytes--;
        }
        return bytes == 0;
}

static size_t oracle_describe(const struct oracle *o, char *to, size_t room,
                              const struct oracle_version *v)
{
        const struct oracle_write *w = &o->writes[v->id];
        int n;

        if (v->id & DISK_ID_FIRST)
                n = snprintf(to, room, " [first contents]");
        else if (w->end == ORACLE_NEVER)
                n = snprintf(to, room, " [write %u: step %lu, open]", v->id, w->start);
        else
                n = snprintf(to, room, " [write %u: steps %lu-%lu, %s]", v->id, w->start, w->end,
                             w->is_ok ? "ok" : "failed");
        return n < (int)room ? (size_t)n : room;
}

/* Who wrote this? For the report only: any write ever made is tried. */
static void oracle_blame(struct oracle *o, const struct oracle_look *l, const struct oracle_cell *c,
                         const uint8_t *sector)
{
        uint64_t offset = l->lba * DISK_SECTOR + c->from;
        uint32_t disk = o->devices[l->device].disk->id;
        size_t used = strlen(o->fault);
        const char *who = "nobody";
        char buffer[32];

        for (uint32_t id = 0; id < o->write_count; id++) {
                if (oracle_is_of(o, id, offset, sector + c->from, c->to - c->from)) {
                        snprintf(buffer, sizeof buffer, "write %u", id);
                        who = buffer;
                }
        }
        if (disk_is_pattern(disk, offset, sector + c->from, c->to - c->from))
                who = "the first contents";
        used += (size_t)snprintf(o->fault + used, sizeof o->fault - used,
                                 "; seen: %s; known:", who);
        for (const struct oracle_version *v = c->versions; v && used < sizeof o->fault; v = v->next)
                used += oracle_describe(o, o->fault + used, sizeof o->fault - used, v);
}

static bool oracle_look_cell(struct oracle *o, const struct oracle_look *l, struct oracle_cell *c,
                             const uint8_t *sector)
{
        uint64_t offset = l->lba * DISK_SECTOR + c->from;
        struct oracle_version *match = NULL;
        const char *what = "nothing that may be there";

        for (struct oracle_version *v = c->versions; v; v = v->next) {
                if (!oracle_is_of(o, v->id, offset, sector + c->from, c->to - c->from))
                        continue;
                if (match)
                        return true; /* a few bytes that two writes have alike prove nothing */
                match = v;
        }
        if (match) {
                if (l->end < match->seen_first)
                        match->seen_first = l->end;
                if (l->start > match->seen_last)
                        match->seen_last = l->start;
                what = NULL;
                for (struct oracle_version *u = c->versions; u; u = u->next) {
                        if (u != match && oracle_is_conflict(o, match, u))
                                what = "a write that was undone, or an older one come back";
                }
        }
        if (!what)
                return true;
        snprintf(o->fault, sizeof o->fault,
                 "%s device %u sector %lu bytes %u-%u (step %lu-%lu): %s",
                 l->is_disk ? "disk of" : "read of", l->device, l->lba, c->from, c->to, l->start,
                 l->end, what);
        oracle_blame(o, l, c, sector);
        return false;
}

/* Bytes [from, to) of the sector are known. */
static bool oracle_look_sector(struct oracle *o, const struct oracle_look *l, uint16_t from,
                               uint16_t to, const uint8_t *sector)
{
        struct oracle_device *d = &o->devices[l->device];
        struct oracle_cell first = {.from = from, .to = to};
        struct oracle_version initial = {.id = d->disk->id};
        uint64_t idx = l->lba - d->disk->base;

        if (l->lba < d->disk->base || idx >= d->disk->count || !d->cells[idx]) {
                first.versions = &initial;
                return oracle_look_cell(o, l, &first, sector);
        }
        for (struct oracle_cell *c = d->cells[idx]; c; c = c->next) {
                struct oracle_cell part = *c;

                if (c->to <= from || c->from >= to)
                        continue;
                if (c->from >= from && c->to <= to) {
                        if (!oracle_look_cell(o, l, c, sector))
                                return false;
                        continue;
                }
                /* A part of a cell tells the same about the whole: the versions are shared. */
                part.from = c->from > from ? c->from : from;
                part.to = c->to < to ? c->to : to;
                if (!oracle_look_cell(o, l, &part, sector))
                        return false;
        }
        return true;
}

/* ---- public ---- */

uint32_t oracle_write_begin(struct oracle *o, unsigned device, uint64_t offset, uint32_t bytes)
{
        struct oracle_device *d = &o->devices[device];
        uint64_t end = offset + bytes;

        if (o->write_count == o->write_room) {
                o->write_room = o->write_room ? 2 * o->write_room : 256;
                o->writes = realloc(o->writes, o->write_room * sizeof *o->writes);
                CHECK(o->writes);
        }
        o->writes[o->write_count] = (struct oracle_write){
                .start = o->step++,
                .end = ORACLE_NEVER,
                .device = device,
                .offset = offset,
                .bytes = bytes,
        };
        for (uint64_t lba = offset / DISK_SECTOR; lba * DISK_SECTOR < end; lba++) {
                uint64_t at = lba * DISK_SECTOR, idx = lba - d->disk->base;
                uint16_t from = (uint16_t)(offset > at ? offset - at : 0);
                uint16_t to = (uint16_t)(end - at < DISK_SECTOR ? end - at : DISK_SECTOR);

                CHECK(lba >= d->disk->base && idx < d->disk->count);
                oracle_add_version(o, d, idx, from, to, o->write_count);
                d->open_writes[idx]++;
        }
        return o->write_count++;
}

uint32_t oracle_zero_begin(struct oracle *o, unsigned device, uint64_t offset, uint32_t bytes)
{
        uint32_t id = oracle_write_begin(o, device, offset, bytes);

        o->writes[id].is_zero = true;
        return id;
}

void oracle_fill(const struct oracle *o, uint32_t id, uint8_t *to)
{
        disk_pattern(id, o->writes[id].offset, to, o->writes[id].bytes);
}

void oracle_write_end(struct oracle *o, uint32_t id, bool is_ok)
{
        struct oracle_write *w = &o->writes[id];
        struct oracle_device *d = &o->devices[w->device];

        CHECK(w->end == ORACLE_NEVER);
        w->end = o->step++;
        w->is_ok = is_ok;
        for (uint64_t lba = w->offset / DISK_SECTOR; lba * DISK_SECTOR < w->offset + w->bytes;
             lba++) {
                uint64_t idx = lba - d->disk->base;

                CHECK(d->open_writes[idx] > 0);
                d->open_writes[idx]--;
                d->busy_until[idx] = w->end;
        }
}

bool oracle_has_open_write(const struct oracle *o, unsigned device, uint64_t before)
{
        for (uint32_t id = 0; id < o->write_count; id++) {
                const struct oracle_write *w = &o->writes[id];

                if (w->device == device && w->end == ORACLE_NEVER && w->start < before)
                        return true;
        }
        return false;
}

uint64_t oracle_read_begin(struct oracle *o)
{
        CHECK(o->read_count < ORACLE_READS_MAX);
        o->reads[o->read_count++] = o->step;
        return o->step++;
}

static void oracle_forget_read(struct oracle *o, uint64_t start)
{
        for (unsigned i = 0; i < o->read_count; i++) {
                if (o->reads[i] == start) {
                        o->reads[i] = o->reads[--o->read_count];
                        return;
                }
        }
        CHECK(!"a read that began");
}

bool oracle_read_end(struct oracle *o, uint64_t start, unsigned device, uint64_t offset,
                     uint32_t bytes, const uint8_t *data)
{
        struct oracle_look l = {.device = device, .start = start, .end = o->step++};
        uint64_t end = offset + bytes;
        uint8_t sector[DISK_SECTOR];
        bool is_well = true;

        for (l.lba = offset / DISK_SECTOR; data && is_well && l.lba * DISK_SECTOR < end; l.lba++) {
                uint64_t at = l.lba * DISK_SECTOR;
                uint16_t from = (uint16_t)(offset > at ? offset - at : 0);
                uint16_t to = (uint16_t)(end - at < DISK_SECTOR ? end - at : DISK_SECTOR);

                memcpy(sector + from, data + (at + from - offset), to - from);
                is_well = oracle_look_sector(o, &l, from, to, sector);
        }
        oracle_forget_read(o, start);
        return is_well;
}

bool oracle_see_disk(struct oracle *o, unsigned device, uint64_t lba)
{
        struct oracle_look l = {
                .device = device, .lba = lba, .start = o->step, .end = o->step, .is_disk = true};
        uint8_t sector[DISK_SECTOR];

        o->step++;
        disk_read(o->devices[device].disk, lba, sector);
        return oracle_look_sector(o, &l, 0, DISK_SECTOR, sector);
}

bool oracle_see_whole_disk(struct oracle *o, unsigned device)
{
        const struct disk *d = o->devices[device].disk;

        for (uint64_t i = 0; i < d->count; i++) {
                if (!oracle_see_disk(o, device, d->base + i))
                        return false;
        }
        return true;
}

bool oracle_is_idle_since(const struct oracle *o, unsigned device, uint64_t lba, uint64_t sectors,
                          uint64_t step)
{
        const struct oracle_device *d = &o->devices[device];
        uint64_t idx = lba - d->disk->base;

        if (lba < d->disk->base || idx + sectors > d->disk->count)
                return false;
        for (uint64_t i = idx; i < idx + sectors; i++) {
                if (d->open_writes[i] > 0 || d->busy_until[i] > step)
                        return false;
        }
        return true;
}

void oracle_alien_write(struct oracle *o, unsigned device, uint64_t lba, uint64_t sectors)
{
        struct disk *d = o->devices[device].disk;
        uint32_t id =
                oracle_write_begin(o, device, lba * DISK_SECTOR, (uint32_t)(sectors * DISK_SECTOR));
        uint8_t sector[DISK_SECTOR];

        for (uint64_t i = 0; i < sectors; i++) {
                disk_pattern(id, (lba + i) * DISK_SECTOR, sector, DISK_SECTOR);
                CHECK(disk_write(d, lba + i, sector));
        }
        oracle_write_end(o, id, true);
}
