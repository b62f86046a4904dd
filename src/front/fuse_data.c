/* SPDX-License-Identifier: MIT */
#include "front/fuse_data.h"

#include <linux/fuse.h>
#include <string.h>

#include "base/check.h"

bool fuse_data_is(const struct fuse_message *msg, aoe_addr *ret_addr)
{
        struct fuse_node n;

        if (msg->opcode != FUSE_READ && msg->opcode != FUSE_WRITE && msg->opcode != FUSE_FSYNC)
                return false;
        if (!fuse_node_parse(msg->nodeid, &n) || n.kind != FUSE_NODE_DEVICE)
                return false;
        *ret_addr = n.addr;
        return true;
}

/* For the block's size see fuse_data_keep(). */
static uint8_t *fuse_data_get_block(struct arena *arena, uint32_t bytes)
{
        uint8_t *block = NULL;

        if (bytes >= FUSE_DATA_KEEP_BYTES_MIN)
                block = arena_get(arena, ARENA_BLOCK_BYTES);
        return block ? block : arena_get(arena, bytes);
}

bool fuse_data_prepare(struct fuse_state *s)
{
        bool carries = s->parsed.data && s->parsed.bytes > 0;

        if (!s->ready)
                s->ready = fuse_io_get(&s->io, s->parsed.unique);
        if (carries && !s->ready_block)
                s->ready_block = fuse_data_get_block(s->host.arena, s->parsed.bytes);
        return s->ready && (!carries || s->ready_block);
}

void fuse_data_unprepare(struct fuse_state *s)
{
        if (s->ready)
                fuse_io_put(&s->io, s->ready);
        if (s->ready_block)
                arena_put(s->host.arena, s->ready_block);
        s->ready = NULL;
        s->ready_block = NULL;
}

/* The request that was made ready, for so many bytes from where the message says. */
static struct fuse_io_request *fuse_data_take_ready(struct fuse_state *s, enum request_op op,
                                                    uint32_t bytes)
{
        struct fuse_io_request *r = s->ready;

        CHECK(r);
        s->ready = NULL;
        r->rq.op = op;
        r->rq.offset = s->parsed.offset;
        r->rq.bytes = bytes;
        return r;
}

/* What the message asks for, as far as the device reaches and one request carries it. */
static uint32_t fuse_data_fit(const struct device_info *info, const struct fuse_message *msg)
{
        uint64_t left = msg->offset < info->bytes ? info->bytes - msg->offset : 0;
        uint32_t bytes = msg->bytes < REQUEST_BYTES_MAX ? msg->bytes : REQUEST_BYTES_MAX;

        return bytes < left ? bytes : (uint32_t)left;
}

static void fuse_data_read(struct fuse_state *s, aoe_addr addr)
{
        const struct fuse_message *msg = &s->parsed;
        struct device_info info;
        uint32_t fit;

        if (!fuse_tree_device(&s->tree, addr, &info)) {
                fuse_channel_error(&s->channel, msg->unique, ENXIO);
                return;
        }
        fit = fuse_data_fit(&info, msg);
        if (fit == 0) /* the end of the file */
                fuse_channel_error(&s->channel, msg->unique, 0);
        else
                fuse_io_start(&s->io, fuse_data_take_ready(s, REQUEST_READ, fit), addr, s->now);
}

/* The data lies in s->message. A large write keeps that block and gives the fresh one for the next
 * message; a small one would hold a megabyte for its few bytes, and is copied. */
static const uint8_t *fuse_data_keep(struct fuse_state *s, struct fuse_io_request *r)
{
        uint8_t *fresh = s->ready_block;

        CHECK(fresh);
        s->ready_block = NULL;
        r->block = fresh;
        if (arena_block_bytes(s->host.arena, fresh) == ARENA_BLOCK_BYTES) {
                r->block = s->message;
                s->message = fresh;
                return s->parsed.data;
        }
        memcpy(fresh, s->parsed.data, r->rq.bytes);
        return fresh;
}

static void fuse_data_write(struct fuse_state *s, aoe_addr addr)
{
        const struct fuse_message *msg = &s->parsed;
        struct fuse_io_request *r;
        struct device_info info;
        uint32_t fit;

        if (s->options.read_only || !fuse_tree_device(&s->tree, addr, &info)) {
                fuse_channel_error(&s->channel, msg->unique, s->options.read_only ? EROFS : ENXIO);
                return;
        }
        fit = fuse_data_fit(&info, msg);
        if (fit == 0) { /* nothing to write is no error, nowhere to write it is */
                if (msg->bytes > 0)
                        fuse_channel_error(&s->channel, msg->unique, ENOSPC);
                else
                        fuse_channel_wrote(&s->channel, msg->unique, 0);
                return;
        }
        r = fuse_data_take_ready(s, REQUEST_WRITE, fit);
        r->rq.data = fuse_data_keep(s, r);
        fuse_io_start(&s->io, r, addr, s->now);
}

void fuse_data_handle(struct fuse_state *s, aoe_addr addr)
{
        if (s->parsed.opcode == FUSE_READ)
                fuse_data_read(s, addr);
        else if (s->parsed.opcode == FUSE_WRITE)
                fuse_data_write(s, addr);
        else
                fuse_io_start(&s->io, fuse_data_take_ready(s, REQUEST_FLUSH, 0), addr, s->now);
}
