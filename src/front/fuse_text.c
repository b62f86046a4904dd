/* SPDX-License-Identifier: MIT */
#include "front/fuse_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define FUSE_TEXT_MAC       "%02x:%02x:%02x:%02x:%02x:%02x"
#define FUSE_TEXT_OF_MAC(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

#define FUSE_TEXT_CUT "# cut: too long\n"

/* Counts on past the end of its room, as snprintf does. */
struct fuse_text_writer {
        char *buf; /* borrowed */
        size_t room;
        size_t bytes;
};

__attribute__((format(printf, 2, 3))) static void fuse_text_add(struct fuse_text_writer *w,
                                                                const char *format, ...)
{
        size_t left = w->bytes < w->room ? w->room - w->bytes : 0;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(left > 0 ? w->buf + w->bytes : NULL, left, format, args);
        va_end(args);
        CHECK(n >= 0);
        w->bytes += (size_t)n;
}

static void fuse_text_ident(struct fuse_text_writer *w, const struct device_info *info)
{
        const struct ata_identity *id = &info->identity;
        char name[AOE_NAME_BYTES];

        aoe_addr_format(info->addr, name);
        fuse_text_add(w, "address: %s\n", name);
        fuse_text_add(w, "model: %s\n", id->model);
        fuse_text_add(w, "serial: %s\n", id->serial);
        fuse_text_add(w, "firmware: %s\n", id->firmware);
        fuse_text_add(w, "size: %" PRIu64 "\n", info->bytes);
        fuse_text_add(w, "sectors: %" PRIu64 "\n", id->sectors);
        fuse_text_add(w, "sector_size: %d\n", AOE_SECTOR_BYTES);
        fuse_text_add(w, "lba48: %s\n", id->lba48 ? "yes" : "no");
        fuse_text_add(w, "payload: %" PRIu32 "\n", info->payload_bytes);
        fuse_text_add(w, "buffers: %u\n", info->buffers);
        fuse_text_add(w, "target_firmware: 0x%04x\n", info->firmware);
        fuse_text_add(w, "flush_class: %s\n", flush_class_name(info->flush_class));
}

static void fuse_text_state(struct fuse_text_writer *w, const struct device_info *info)
{
        const char *state = device_state_name(info->state);

        if (info->reason && info->reason[0] != '\0')
                fuse_text_add(w, "%s: %s\n", state, info->reason);
        else
                fuse_text_add(w, "%s\n", state);
        if (info->duplicate)
                fuse_text_add(w,
                              "duplicate address: another disk at " FUSE_TEXT_MAC " gets no I/O\n",
                              FUSE_TEXT_OF_MAC(info->duplicate_mac));
}

static void fuse_text_path(struct fuse_text_writer *w, const struct front_host *host,
                           const struct path_info *p)
{
        const char *link = host->link_name ? host->link_name(host->arg, p->link) : "";
        char number[16];

        if (link[0] == '\0') { /* the link is gone, the path is not forgotten yet */
                snprintf(number, sizeof(number), "#%u", p->link);
                link = number;
        }
        fuse_text_add(w, "%-15s " FUSE_TEXT_MAC " %7" PRIu32 " %9" PRIu64, link,
                      FUSE_TEXT_OF_MAC(p->mac), p->payload_bytes, p->rtt / NSEC_US);
        fuse_text_add(w, " %6u %9u %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %s\n",
                      p->window, p->in_flight, p->sent, p->resent, p->late, p->lost,
                      path_state_name(p->state));
}

static void fuse_text_paths(struct fuse_text_writer *w, const struct fuse_texts *t, aoe_addr addr)
{
        struct path_info p;

        fuse_text_add(w, "%-15s %-17s %7s %9s %6s %9s %10s %8s %8s %8s %s\n", "link", "mac",
                      "payload", "rtt_us", "window", "in_flight", "sent", "resent", "late", "lost",
                      "state");
        for (unsigned i = 0; engine_path_info(t->tree->engine, addr, i, &p); i++)
                fuse_text_path(w, t->host, &p);
}

size_t fuse_text_render(const struct fuse_texts *t, const struct fuse_node *n, char *buf,
                        size_t bytes, nsec now)
{
        struct fuse_text_writer w = {.buf = buf, .room = bytes};
        struct device_info info;

        CHECK(fuse_node_is_text(n));
        if (n->kind == FUSE_NODE_STATS)
                return t->host->stats_text(t->host->arg, buf, bytes, now);
        CHECK(fuse_tree_device(t->tree, n->addr, &info));
        if (n->kind == FUSE_NODE_IDENT)
                fuse_text_ident(&w, &info);
        else if (n->kind == FUSE_NODE_STATE)
                fuse_text_state(&w, &info);
        else
                fuse_text_paths(&w, t, n->addr);
        return w.bytes;
}

void fuse_texts_init(struct fuse_texts *t, const struct front_host *host,
                     const struct fuse_tree *tree)
{
        *t = (struct fuse_texts){.host = host, .tree = tree};
}

void fuse_texts_fini(struct fuse_texts *t)
{
        for (size_t i = 0; i < FUSE_TEXTS_MAX; i++)
                if (t->slots[i].fh != 0)
                        fuse_texts_close(t, t->slots[i].nodeid, t->slots[i].fh);
}

/* data holds the beginning of a longer text: end it at a line and say that more is missing. */
static size_t fuse_text_cut(char *data, size_t room)
{
        size_t bytes = room - sizeof(FUSE_TEXT_CUT);

        while (bytes > 0 && data[bytes - 1] != '\n')
                bytes--;
        memcpy(data + bytes, FUSE_TEXT_CUT, sizeof(FUSE_TEXT_CUT));
        return bytes + sizeof(FUSE_TEXT_CUT) - 1;
}

/* Twice: once to learn the size, so that a text holds no more memory than it needs. */
static int fuse_text_fill(const struct fuse_texts *t, const struct fuse_node *n, nsec now,
                          struct fuse_text *text)
{
        size_t bytes = fuse_text_render(t, n, NULL, 0, now);
        size_t room = bytes < FUSE_TEXT_BYTES_MAX ? bytes + 1 : FUSE_TEXT_BYTES_MAX;
        char *data = arena_get(t->host->arena, room);

        if (!data)
                return -ENOMEM;
        bytes = fuse_text_render(t, n, data, room, now);
        if (bytes >= room)
                bytes = fuse_text_cut(data, room);
        text->data = data;
        text->bytes = bytes;
        return 0;
}

int fuse_texts_open(struct fuse_texts *t, const struct fuse_node *n, nsec now, uint64_t *ret_fh)
{
        struct fuse_text *text = NULL;
        struct stat st;
        size_t idx;
        int r;

        if (!fuse_tree_attr(t->tree, n, &st))
                return -ENOENT;
        for (idx = 0; idx < FUSE_TEXTS_MAX && !text; idx++)
                if (t->slots[idx].fh == 0)
                        text = &t->slots[idx];
        if (!text)
                return -ENFILE;
        r = fuse_text_fill(t, n, now, text);
        if (r < 0)
                return r;
        t->serial++;
        text->fh = (uint64_t)t->serial << 32 | idx; /* idx is one past the slot: never 0 */
        text->nodeid = fuse_node_id(n);
        *ret_fh = text->fh;
        return 0;
}

const struct fuse_text *fuse_texts_find(const struct fuse_texts *t, uint64_t nodeid, uint64_t fh)
{
        uint32_t idx = (uint32_t)fh - 1;

        if (idx >= FUSE_TEXTS_MAX || t->slots[idx].fh != fh || t->slots[idx].nodeid != nodeid)
                return NULL;
        return &t->slots[idx];
}

void fuse_texts_close(struct fuse_texts *t, uint64_t nodeid, uint64_t fh)
{
        const struct fuse_text *text = fuse_texts_find(t, nodeid, fh);

        if (!text)
                return;
        arena_put(t->host->arena, text->data);
        t->slots[text - t->slots] = (struct fuse_text){.fh = 0};
}
