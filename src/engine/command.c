/* SPDX-License-Identifier: MIT */
#include "engine/command.h"

#include "engine/core.h"

#define COMMAND_FRAMES_SPARE 4 /* pieces that a change of path or payload may add to a read */

/* ---- edges: the partial sectors of a write ---- */

static bool edge_at_head(const struct request *rq)
{
        bool one = rq->lba_end - rq->lba_first == 1;

        return rq->offset % AOE_SECTOR_BYTES != 0 ||
               (one && (rq->offset + rq->bytes) % AOE_SECTOR_BYTES != 0);
}

static bool edge_at_tail(const struct request *rq)
{
        return rq->lba_end - rq->lba_first > 1 && (rq->offset + rq->bytes) % AOE_SECTOR_BYTES != 0;
}

static uint8_t *edge_at(struct request *rq, uint64_t lba)
{
        bool tail = edge_at_tail(rq) && lba == rq->lba_end - 1;

        return tail ? rq->edges + AOE_SECTOR_BYTES : rq->edges;
}

/* The user's bytes, or his zeroes. */
static void edge_put(const struct request *rq, uint8_t *to, uint32_t at, uint32_t bytes)
{
        if (rq->op == REQUEST_ZERO)
                memset(to, 0, bytes);
        else
                memcpy(to, rq->data + at, bytes);
}

/* ... over what the disk had in the partial sectors. */
static void edge_merge(struct request *rq)
{
        uint64_t first = rq->lba_first * AOE_SECTOR_BYTES;

        if (edge_at_head(rq)) {
                uint32_t skip = (uint32_t)(rq->offset - first);
                uint32_t room = AOE_SECTOR_BYTES - skip;

                edge_put(rq, rq->edges + skip, 0, rq->bytes < room ? rq->bytes : room);
        }
        if (edge_at_tail(rq)) {
                uint32_t n = (uint32_t)((rq->offset + rq->bytes) % AOE_SECTOR_BYTES);

                edge_put(rq, rq->edges + AOE_SECTOR_BYTES, rq->bytes - n, n);
        }
}

/* ---- beginning and ending ---- */

static void command_ready(struct engine *e, struct request *rq)
{
        list_del(&rq->node);
        list_add_tail(&rq->device->ready, &rq->node);
        device_run(e, rq->device);
}

/* Can TRIM do it? Then the block of ranges is made. */
static bool command_by_trim(struct request *rq)
{
        const struct device *d = rq->device;
        bool whole = rq->offset % AOE_SECTOR_BYTES == 0 && rq->bytes % AOE_SECTOR_BYTES == 0;
        bool zeroes = rq->op == REQUEST_ZERO && rq->may_trim && d->identity.trim_zeroes && whole;

        if (d->trim_refused || !d->identity.trim || (rq->op != REQUEST_TRIM && !zeroes))
                return false;
        ata_build_trim(rq->edges, rq->lba_first, rq->lba_end - rq->lba_first);
        return true;
}

void command_unblock(struct engine *e, struct request *rq)
{
        bool writes = rq->op == REQUEST_WRITE || rq->op == REQUEST_ZERO;
        bool edges = writes && (edge_at_head(rq) || edge_at_tail(rq));

        CHECK(rq->stage == STAGE_BLOCKED);
        rq->stage = edges ? STAGE_EDGES : STAGE_ISSUE;
        rq->lba_next = rq->lba_first;
        rq->by_trim = request_is_write(rq) && command_by_trim(rq);
        command_ready(e, rq);
}

static void command_begin_flush(struct engine *e, struct request *rq)
{
        rq->lba_end = 1; /* one command */
        order_enter_flush(rq->device, rq);
        if (order_is_past(rq->device, rq->order.ticket))
                command_unblock(e, rq);
}

/* The sectors that rq touches; TRIM: that lie in it wholly. */
static void command_set_range(struct request *rq, uint64_t end)
{
        uint64_t inside = AOE_SECTOR_BYTES - 1;

        rq->lba_first = rq->offset / AOE_SECTOR_BYTES;
        rq->lba_end = (end + inside) / AOE_SECTOR_BYTES;
        if (rq->op != REQUEST_TRIM)
                return;
        rq->lba_first = (rq->offset + inside) / AOE_SECTOR_BYTES;
        rq->lba_end = end / AOE_SECTOR_BYTES;
}

void command_begin(struct engine *e, struct request *rq, nsec now)
{
        struct device *d = rq->device;
        uint64_t end;

        rq->stage = STAGE_BLOCKED;
        if (rq->op == REQUEST_FLUSH) {
                command_begin_flush(e, rq);
                return;
        }
        if (!add_checked(rq->offset, rq->bytes, &end) ||
            end > d->identity.sectors * AOE_SECTOR_BYTES) {
                request_finish(e, rq, REQUEST_RANGE, now);
                return;
        }
        command_set_range(rq, end);
        if (rq->op == REQUEST_READ) {
                command_unblock(e, rq);
                return;
        }
        if (rq->op == REQUEST_TRIM && (!d->identity.trim || d->trim_refused)) {
                request_finish(e, rq, REQUEST_UNSUPPORTED, now);
                return;
        }
        if (rq->lba_first >= rq->lba_end) { /* TRIM of less than a sector */
                request_finish(e, rq, REQUEST_OK, now);
                return;
        }
        rq->order.range.first = rq->lba_first;
        rq->order.range.end = rq->lba_end;
        order_enter(d, rq);
        if (rq->blockers == 0)
                command_unblock(e, rq);
}

/* What a read has gathered goes back to where it came from. */
static void command_drop_data(struct engine *e, struct request *rq)
{
        struct list *node;

        while ((node = list_pop(&rq->frames)))
                frame_put(e->options.frames, LIST_ENTRY(node, struct frame, node));
        rq->frame_count = 0;
        CHECK(e->frames_reserved >= rq->frames_reserved);
        e->frames_reserved -= rq->frames_reserved;
        rq->frames_reserved = 0;
        if (rq->buffer)
                arena_put(e->options.arena, rq->buffer);
        rq->buffer = NULL;
}

static void command_drop_slots(struct engine *e, struct request *rq, nsec now)
{
        struct list *node;

        while ((node = list_first(&rq->slots))) {
                struct slot *s = LIST_ENTRY(node, struct slot, member);

                if (s->state == SLOT_SENT && !slot_is_slow(s)) {
                        slot_orphan(s);
                        continue;
                }
                slot_detach(e, s, now);
                slot_free(e, s);
        }
}

void command_restart(struct engine *e, struct request *rq, nsec now)
{
        if (rq->stage == STAGE_BLOCKED || rq->stage == STAGE_DONE)
                return;
        command_drop_slots(e, rq, now);
        command_drop_data(e, rq);
        rq->lba_next = rq->lba_first;
        command_ready(e, rq);
}

static void request_count(struct device *d, const struct request *rq, enum request_status status)
{
        if (status != REQUEST_OK) {
                d->errors++;
                return;
        }
        switch (rq->op) {
        case REQUEST_READ:
                d->requests_read++;
                d->bytes_read += rq->bytes;
                break;
        case REQUEST_WRITE:
        case REQUEST_ZERO:
                d->requests_write++;
                d->bytes_written += rq->bytes;
                break;
        case REQUEST_TRIM: d->requests_trim++; break;
        case REQUEST_FLUSH: d->requests_flush++; break;
        case REQUEST_LOOKUP: break;
        }
}

void request_finish(struct engine *e, struct request *rq, enum request_status status, nsec now)
{
        struct device *d = rq->device;

        CHECK(rq->status == REQUEST_PENDING);
        CHECK(status != REQUEST_PENDING);
        rq->status = status;
        rq->stage = STAGE_DONE;
        command_drop_slots(e, rq, now);
        list_del(&rq->node);
        if (d) {
                request_count(d, rq, status);
                list_del(&rq->open);
                d->open_count--;
        }
        if (list_is_linked(&rq->order.sequence)) {
                linger_inherit(e, rq);
                order_leave(e, d, &rq->order);
        }
        CHECK(list_is_empty(&rq->copies));
        if (status != REQUEST_OK)
                command_drop_data(e, rq);
        rq->device = NULL;
        CHECK(e->open_count > 0);
        e->open_count--;
        e->done_count++;
        list_add_tail(&e->done, &rq->node);
}

/* ---- cutting ---- */

/* Frames that a read by reference over p would hold; 0: it is better gathered by copy. */
static uint32_t command_frames(const struct engine *e, const struct request *rq,
                               const struct path *p)
{
        uint64_t sectors = rq->lba_end - rq->lba_first;
        uint32_t frames;

        if (rq->by_copy || p->payload.sectors < COMMAND_BY_REFERENCE_SECTORS ||
            sectors < COMMAND_BY_REFERENCE_SECTORS)
                return 0;
        frames = (uint32_t)((sectors + p->payload.sectors - 1) / p->payload.sectors) +
                 COMMAND_FRAMES_SPARE;
        return frames <= e->options.frames_for_reads ? frames : 0;
}

/* Memory for what a read will gather. false: none now. */
static bool command_reserve(struct engine *e, struct request *rq, const struct path *p)
{
        uint32_t frames;

        if (rq->buffer || rq->frames_reserved)
                return true;
        frames = command_frames(e, rq, p);
        if (frames > 0) {
                if (e->frames_reserved + frames > e->options.frames_for_reads)
                        return false;
                e->frames_reserved += frames;
                rq->frames_reserved = frames;
                return true;
        }
        rq->buffer = arena_get(e->options.arena, rq->bytes);
        return rq->buffer != NULL;
}

/*
 * Memory is out, and nothing that is under way will give any back: what writes to silent devices
 * hold must not stop the others. The newest of them fails.
 */
static void command_reclaim(struct engine *e, nsec now)
{
        if (e->in_flight > 0 || e->done_count > 0)
                return; /* a device that is up is about to give some back */
        for (unsigned i = 0; i < e->device_count; i++) {
                struct device *d = e->sorted[i];

                if (d->state == DEVICE_UP)
                        continue;
                for (struct list *node = d->open.prev; node != &d->open; node = node->prev) {
                        struct request *rq = LIST_ENTRY(node, struct request, open);

                        if (rq->op != REQUEST_WRITE)
                                continue; /* holds none */
                        e->counters.no_memory++;
                        request_finish(e, rq, REQUEST_NO_MEMORY, now);
                        return;
                }
        }
}

static void cut_edge(struct request *rq, struct slot *s)
{
        bool head = rq->lba_next == rq->lba_first && edge_at_head(rq);

        s->kind = SLOT_EDGE;
        s->lba = head ? rq->lba_first : rq->lba_end - 1;
        s->sectors = 1;
        rq->lba_next = head && edge_at_tail(rq) ? rq->lba_end - 1 : rq->lba_end;
}

static void cut_write(struct request *rq, struct slot *s, const struct path *p)
{
        uint64_t middle_end = rq->lba_end - edge_at_tail(rq);

        s->kind = SLOT_WRITE;
        s->lba = rq->lba_next;
        if ((edge_at_head(rq) && s->lba == rq->lba_first) || s->lba == middle_end) {
                s->sectors = 1;
                s->payload = edge_at(rq, s->lba);
        } else {
                uint64_t left = middle_end - s->lba;

                s->sectors = left < p->payload.sectors ? (uint32_t)left : p->payload.sectors;
                s->payload = rq->op == REQUEST_ZERO
                                     ? slot_zeroes()
                                     : rq->data + (s->lba * AOE_SECTOR_BYTES - rq->offset);
        }
        rq->lba_next += s->sectors;
}

static void cut_trim(struct request *rq, struct slot *s)
{
        s->kind = SLOT_TRIM;
        s->lba = rq->lba_first;
        s->sectors = (uint32_t)(rq->lba_end - rq->lba_first);
        s->payload = rq->edges;
        rq->lba_next = rq->lba_end;
}

static void cut_flush(struct request *rq, struct slot *s)
{
        s->kind = SLOT_FLUSH;
        rq->lba_next = rq->lba_end;
}

static void cut_read(struct request *rq, struct slot *s, const struct path *p)
{
        uint64_t left = rq->lba_end - rq->lba_next;

        s->lba = rq->lba_next;
        s->sectors = left < p->payload.sectors ? (uint32_t)left : p->payload.sectors;
        rq->lba_next += s->sectors;
}

/*
 * The request whose turn it is. Reads that memory is out for step aside: the writes behind them
 * hold some, and must be able to give it back. What the disk has turned out to have no command for
 * ends here.
 */
static struct request *command_head(struct engine *e, struct device *d, const struct path *p,
                                    struct line **ret_line, nsec now)
{
        struct list *node = list_first(&d->hungry);

        if (node && command_reserve(e, LIST_ENTRY(node, struct request, node), p)) {
                list_del(node);
                list_add_head(&d->ready, node);
        }
        while ((node = list_first(&d->ready))) {
                struct request *rq = LIST_ENTRY(node, struct request, node);

                CHECK(rq->lba_next < rq->lba_end);
                if (rq->op == REQUEST_FLUSH && d->flush_form == FLUSH_FORM_NONE) {
                        request_finish(e, rq, REQUEST_OK, now);
                } else if (rq->op == REQUEST_TRIM && !rq->by_trim) {
                        request_finish(e, rq, REQUEST_UNSUPPORTED, now);
                } else if (rq->op == REQUEST_READ && !command_reserve(e, rq, p)) {
                        list_del(node);
                        list_add_tail(&d->hungry, node);
                } else {
                        return rq;
                }
        }
        if (list_is_empty(&d->hungry))
                return NULL;
        *ret_line = &e->line_memory;
        command_reclaim(e, now);
        return NULL;
}

struct slot *command_next(struct engine *e, struct device *d, struct path *p,
                          struct line **ret_line, nsec now)
{
        struct request *rq;
        struct slot *s;

        *ret_line = NULL;
        rq = command_head(e, d, p, ret_line, now);
        if (!rq)
                return NULL;
        if (request_is_write(rq) && !copy_has_room(e)) {
                *ret_line = &e->line_copies;
                return NULL;
        }
        s = slot_take(e, SLOT_READ, d);
        if (!s) {
                *ret_line = &e->line_slots;
                return NULL;
        }
        s->request = rq;
        list_add_tail(&rq->slots, &s->member);
        if (rq->by_trim)
                cut_trim(rq, s);
        else if (rq->stage == STAGE_EDGES)
                cut_edge(rq, s);
        else if (rq->op == REQUEST_READ)
                cut_read(rq, s, p);
        else if (rq->op == REQUEST_FLUSH)
                cut_flush(rq, s);
        else
                cut_write(rq, s, p);
        if (rq->lba_next == rq->lba_end)
                list_del(&rq->node);
        return s;
}

/* ---- answers ---- */

/* After a command of rq has ended: is that all? */
static void command_progress(struct engine *e, struct request *rq, nsec now)
{
        if (!list_is_empty(&rq->slots) || rq->lba_next < rq->lba_end)
                return;
        if (rq->stage == STAGE_EDGES) {
                edge_merge(rq);
                rq->stage = STAGE_ISSUE;
                rq->lba_next = rq->lba_first;
                command_ready(e, rq);
                return;
        }
        request_finish(e, rq, REQUEST_OK, now);
}

/* The piece that was on the wire is done: the rest of the command, or the end of it. */
static void command_piece_done(struct engine *e, struct slot *s, nsec now)
{
        struct request *rq = s->request;

        slot_detach(e, s, now);
        if (s->sectors_sent < s->sectors) {
                slot_advance(s);
                slot_requeue(e, s, AGAIN_NOT, now);
                return;
        }
        slot_free(e, s); /* it keeps its last transmissions: late answers tell something */
        command_progress(e, rq, now);
}

static void read_attach(struct request *rq, struct frame *f)
{
        struct list *at = &rq->frames;

        /* Answers come nearly in order: the place is at or near the end. */
        while (at->prev != &rq->frames &&
               LIST_ENTRY(at->prev, struct frame, node)->at_byte > f->at_byte)
                at = at->prev;
        list_insert_before(at, &f->node);
        rq->frame_count++;
}

/* Payload of a READ: the part that the request wants. true: f was kept. */
static bool read_take(struct engine *e, struct slot *s, const uint8_t *data, struct frame *f,
                      nsec now)
{
        struct request *rq = s->request;
        uint64_t first = s->lba * AOE_SECTOR_BYTES,
                 end = first + (uint64_t)s->sectors_sent * AOE_SECTOR_BYTES;
        uint64_t want_end = rq->offset + rq->bytes;
        uint32_t skip = first < rq->offset ? (uint32_t)(rq->offset - first) : 0;
        uint32_t part_bytes;

        if (end > want_end)
                end = want_end;
        part_bytes = (uint32_t)(end - first - skip);
        if (rq->buffer) {
                memcpy(rq->buffer + (first + skip - rq->offset), data + skip, part_bytes);
                command_piece_done(e, s, now);
                return false;
        }
        if (rq->frame_count == rq->frames_reserved) {
                rq->by_copy = true; /* the payload has shrunk, or one path's is small */
                command_restart(e, rq, now);
                return false;
        }
        f->at_byte = first + skip - rq->offset;
        f->part = data + skip;
        f->part_bytes = part_bytes;
        read_attach(rq, f);
        command_piece_done(e, s, now);
        return true;
}

static void flush_done(struct engine *e, struct slot *s, const struct aoe_ata *ata, nsec now)
{
        /* vblade says 0x00 and has done nothing; ggaoed echoes the command (aoe.md 4.1, 4.2). */
        bool durable = ata->status & ATA_STATUS_DRDY && !(ata->status & ATA_STATUS_BAD);

        s->device->flush_class = durable ? FLUSH_DURABLE : FLUSH_ACCEPTED;
        command_piece_done(e, s, now);
}

bool command_on_answer(struct engine *e, struct slot *s, const struct aoe_ata *ata,
                       struct bytes data, struct frame *f, nsec now)
{
        bool was_small = s->small && s->sectors_sent > 0;
        struct path *p = s->path;
        bool kept = false;

        switch ((enum slot_kind)s->kind) {
        case SLOT_READ: kept = read_take(e, s, data.at, f, now); break;
        case SLOT_EDGE:
                memcpy(edge_at(s->request, s->lba), data.at, AOE_SECTOR_BYTES);
                command_piece_done(e, s, now);
                break;
        case SLOT_WRITE:
        case SLOT_TRIM: command_piece_done(e, s, now); break;
        case SLOT_FLUSH: flush_done(e, s, ata, now); break;
        case SLOT_IDENTIFY:
        case SLOT_PROBE_OUT:
        case SLOT_PROBE_BACK: CHECK(!"a command of a request"); break;
        }
        if (was_small) /* large it was refused, small it went: the target lied about its size */
                payload_shrink(e, p, PAYLOAD_SECTORS_SAFE, now);
        return kept;
}
