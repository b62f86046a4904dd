/* SPDX-License-Identifier: MIT */
#include "front/fuse_tree.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define FUSE_TREE_CONTROL_NAME ".aoefs"

struct fuse_tree_file {
        const char *name;
        enum fuse_node_kind kind;
};

/* The files of .aoefs and of .aoefs/eX.Y, in the order of a listing. */
static const struct fuse_tree_file fuse_tree_controls[] = {
        {"stats", FUSE_NODE_STATS},
        {"ctl", FUSE_NODE_CTL},
};
static const struct fuse_tree_file fuse_tree_files[] = {
        {"ident", FUSE_NODE_IDENT},
        {"state", FUSE_NODE_STATE},
        {"paths", FUSE_NODE_PATHS},
};

#define FUSE_TREE_CONTROLS (sizeof(fuse_tree_controls) / sizeof(fuse_tree_controls[0]))
#define FUSE_TREE_FILES    (sizeof(fuse_tree_files) / sizeof(fuse_tree_files[0]))

/* The upper half of a nodeid that carries an address; 0 for those that do not. */
static uint32_t fuse_node_class(enum fuse_node_kind kind)
{
        switch (kind) {
        case FUSE_NODE_ROOT:
        case FUSE_NODE_CONTROL:
        case FUSE_NODE_STATS:
        case FUSE_NODE_CTL: return 0;
        case FUSE_NODE_DEVICE: return 1;
        case FUSE_NODE_FOLDER: return 2;
        case FUSE_NODE_IDENT: return 3;
        case FUSE_NODE_STATE: return 4;
        case FUSE_NODE_PATHS: return 5;
        }
        __builtin_unreachable();
}

uint64_t fuse_node_id(const struct fuse_node *n)
{
        uint32_t class = fuse_node_class(n->kind);

        if (class == 0) /* from 1 on: the first is FUSE_ROOT_ID */
                return (uint64_t)n->kind + 1;
        return (uint64_t) class << 32 | n->addr;
}

bool fuse_node_parse(uint64_t nodeid, struct fuse_node *ret)
{
        static const enum fuse_node_kind kinds[] = {
                FUSE_NODE_ROOT,  FUSE_NODE_DEVICE, FUSE_NODE_FOLDER,
                FUSE_NODE_IDENT, FUSE_NODE_STATE,  FUSE_NODE_PATHS,
        };
        uint64_t class = nodeid >> 32;
        uint32_t addr = (uint32_t)nodeid;

        if (class == 0) {
                if (addr < 1 || addr > FUSE_NODE_CTL + 1)
                        return false;
                *ret = (struct fuse_node){.kind = (enum fuse_node_kind)(addr - 1)};
                return true;
        }
        if (class >= sizeof(kinds) / sizeof(kinds[0]) || addr >= AOE_ADDR_ALL ||
            aoe_addr_shelf(addr) == AOE_SHELF_ALL || aoe_addr_slot(addr) == AOE_SLOT_ALL)
                return false;
        *ret = (struct fuse_node){.kind = kinds[class], .addr = addr};
        return true;
}

bool fuse_node_is_folder(const struct fuse_node *n)
{
        return n->kind == FUSE_NODE_ROOT || n->kind == FUSE_NODE_CONTROL ||
               n->kind == FUSE_NODE_FOLDER;
}

bool fuse_node_is_text(const struct fuse_node *n)
{
        return !fuse_node_is_folder(n) && n->kind != FUSE_NODE_DEVICE && n->kind != FUSE_NODE_CTL;
}

bool fuse_tree_device(const struct fuse_tree *t, aoe_addr addr, struct device_info *ret)
{
        struct device_info info;

        if (!engine_device_info(t->engine, addr, &info) || info.state == DEVICE_NEW)
                return false;
        *ret = info;
        return true;
}

static bool fuse_tree_is_shown(const struct fuse_tree *t, aoe_addr addr)
{
        struct device_info info;

        return fuse_tree_device(t, addr, &info);
}

static enum fuse_find fuse_tree_find_device(const struct fuse_tree *t, enum fuse_node_kind kind,
                                            const char *name, struct fuse_node *ret)
{
        aoe_addr addr;

        if (!aoe_addr_parse(name, &addr))
                return FUSE_FIND_ABSENT;
        *ret = (struct fuse_node){.kind = kind, .addr = addr};
        return fuse_tree_is_shown(t, addr) ? FUSE_FIND_HERE : FUSE_FIND_ASK;
}

static enum fuse_find fuse_tree_find_file(const struct fuse_tree_file *files, size_t count,
                                          aoe_addr addr, const char *name, struct fuse_node *ret)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(name, files[i].name) != 0)
                        continue;
                *ret = (struct fuse_node){.kind = files[i].kind, .addr = addr};
                return FUSE_FIND_HERE;
        }
        return FUSE_FIND_ABSENT;
}

enum fuse_find fuse_tree_find(const struct fuse_tree *t, const struct fuse_node *dir,
                              const char *name, struct fuse_node *ret)
{
        switch (dir->kind) {
        case FUSE_NODE_ROOT:
                if (strcmp(name, FUSE_TREE_CONTROL_NAME) != 0)
                        return fuse_tree_find_device(t, FUSE_NODE_DEVICE, name, ret);
                *ret = (struct fuse_node){.kind = FUSE_NODE_CONTROL};
                return FUSE_FIND_HERE;
        case FUSE_NODE_CONTROL:
                if (fuse_tree_find_file(fuse_tree_controls, FUSE_TREE_CONTROLS, 0, name, ret) ==
                    FUSE_FIND_HERE)
                        return FUSE_FIND_HERE;
                return fuse_tree_find_device(t, FUSE_NODE_FOLDER, name, ret);
        case FUSE_NODE_FOLDER:
                if (!fuse_tree_is_shown(t, dir->addr))
                        return FUSE_FIND_ABSENT;
                return fuse_tree_find_file(fuse_tree_files, FUSE_TREE_FILES, dir->addr, name, ret);
        case FUSE_NODE_STATS:
        case FUSE_NODE_CTL:
        case FUSE_NODE_DEVICE:
        case FUSE_NODE_IDENT:
        case FUSE_NODE_STATE:
        case FUSE_NODE_PATHS: return FUSE_FIND_ABSENT;
        }
        __builtin_unreachable();
}

static void fuse_tree_attr_device(const struct fuse_tree *t, const struct device_info *info,
                                  struct stat *st)
{
        const struct fuse_device *d = fuse_devices_find(t->devices, info->addr);

        st->st_mode = S_IFREG | t->mode;
        st->st_size = (off_t)info->bytes;
        st->st_blocks = (blkcnt_t)(info->bytes / 512); /* else du and cp take it for sparse */
        if (d && d->written.tv_sec != 0)
                st->st_mtim = d->written;
}

static mode_t fuse_tree_mode(const struct fuse_node *n)
{
        if (fuse_node_is_folder(n))
                return S_IFDIR | 0555;
        return S_IFREG | (n->kind == FUSE_NODE_CTL ? 0200 : 0444);
}

bool fuse_tree_attr(const struct fuse_tree *t, const struct fuse_node *n, struct stat *ret)
{
        bool folder = fuse_node_is_folder(n);
        struct device_info info;
        struct stat st = {
                .st_ino = fuse_node_id(n),
                .st_mode = fuse_tree_mode(n),
                .st_nlink = folder ? 2 : 1,
                .st_uid = t->uid,
                .st_gid = t->gid,
                .st_blksize = FUSE_TREE_IO_BYTES,
                .st_atim = t->start,
                .st_mtim = t->start,
                .st_ctim = t->start,
        };

        if (fuse_node_class(n->kind) != 0) {
                if (!fuse_tree_device(t, n->addr, &info))
                        return false;
                if (n->kind == FUSE_NODE_DEVICE)
                        fuse_tree_attr_device(t, &info, &st);
        }
        *ret = st;
        return true;
}

/* Offsets: 0 ".", 1 "..", then FUSE_TREE_OFFSET_FIRST + n for the folder's n-th name; for a device
 * n is its address. */
#define FUSE_TREE_OFFSET_FIRST 2

static bool fuse_tree_next_dots(const struct fuse_node *dir, uint64_t offset,
                                struct fuse_tree_entry *ret)
{
        /* The kernel replaces what we say of "..": it knows the parent. */
        *ret = (struct fuse_tree_entry){.node = *dir, .dots = true, .offset = offset + 1};
        snprintf(ret->name, sizeof(ret->name), "%s", offset == 0 ? "." : "..");
        return true;
}

/* first: the offset of address 0. */
static bool fuse_tree_next_device(const struct fuse_tree *t, enum fuse_node_kind kind,
                                  uint64_t first, uint64_t offset, struct fuse_tree_entry *ret)
{
        uint64_t from = offset - first;
        aoe_addr prev = from == 0 ? AOE_ADDR_ALL : (aoe_addr)(from - 1);
        struct device_info info;

        if (from >= AOE_ADDR_ALL)
                return false;
        do {
                if (!engine_device_next(t->engine, prev, &info))
                        return false;
                prev = info.addr;
        } while (info.state == DEVICE_NEW);
        *ret = (struct fuse_tree_entry){
                .node = {.kind = kind, .addr = info.addr},
                .offset = first + info.addr + 1,
        };
        aoe_addr_format(info.addr, ret->name);
        return true;
}

/* idx: of the name that is wanted. */
static bool fuse_tree_next_file(const struct fuse_tree_file *files, size_t count, aoe_addr addr,
                                uint64_t idx, struct fuse_tree_entry *ret)
{
        if (idx >= count)
                return false;
        *ret = (struct fuse_tree_entry){
                .node = {.kind = files[idx].kind, .addr = addr},
                .offset = FUSE_TREE_OFFSET_FIRST + idx + 1,
        };
        snprintf(ret->name, sizeof(ret->name), "%s", files[idx].name);
        return true;
}

static bool fuse_tree_next_control(const struct fuse_tree *t, uint64_t offset,
                                   struct fuse_tree_entry *ret)
{
        uint64_t folders = FUSE_TREE_OFFSET_FIRST + FUSE_TREE_CONTROLS;

        if (offset >= folders)
                return fuse_tree_next_device(t, FUSE_NODE_FOLDER, folders, offset, ret);
        return fuse_tree_next_file(fuse_tree_controls, FUSE_TREE_CONTROLS, 0,
                                   offset - FUSE_TREE_OFFSET_FIRST, ret);
}

bool fuse_tree_next(const struct fuse_tree *t, const struct fuse_node *dir, uint64_t offset,
                    struct fuse_tree_entry *ret)
{
        CHECK(fuse_node_is_folder(dir));
        if (offset < FUSE_TREE_OFFSET_FIRST)
                return fuse_tree_next_dots(dir, offset, ret);
        switch (dir->kind) {
        case FUSE_NODE_ROOT: /* .aoefs is there for those who know, not for find and cp -r */
                return fuse_tree_next_device(t, FUSE_NODE_DEVICE, FUSE_TREE_OFFSET_FIRST, offset,
                                             ret);
        case FUSE_NODE_CONTROL: return fuse_tree_next_control(t, offset, ret);
        case FUSE_NODE_FOLDER:
                return fuse_tree_next_file(fuse_tree_files, FUSE_TREE_FILES, dir->addr,
                                           offset - FUSE_TREE_OFFSET_FIRST, ret);
        case FUSE_NODE_STATS:
        case FUSE_NODE_CTL:
        case FUSE_NODE_DEVICE:
        case FUSE_NODE_IDENT:
        case FUSE_NODE_STATE:
        case FUSE_NODE_PATHS: return false;
        }
        __builtin_unreachable();
}
