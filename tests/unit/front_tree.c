/* SPDX-License-Identifier: MIT */
/* fuse_tree and fuse_text: names, nodeids, attributes, listings and the texts under .aoefs. */
#include <criterion/criterion.h>

#include "front/fuse_text.h"
#include "front_fake.h"

#define MIB ((uint64_t)1 << 20)

static struct fuse_devices devices;
static struct fuse_tree tree;
static struct fuse_texts texts;
static struct front_host host;

static void setup(void)
{
        host = fake_host_make(2);
        cr_assert_eq(fuse_devices_init(&devices, 8), 0);
        fake_add(0, 0, 512);
        fake_add(7, 1, 64 * MIB);
        fake_add(7, 2, 3 * 512)->state = DEVICE_NEW;
        fake_add(9, 254, MIB)->state = DEVICE_DOWN;
        fake_device(aoe_addr_make(9, 254))->reason = "no answer for 180 s";
        tree = (struct fuse_tree){
                .engine = &fake_engine,
                .devices = &devices,
                .uid = 5,
                .gid = 6,
                .mode = 0640,
                .start = {.tv_sec = 1000, .tv_nsec = 7},
        };
        fuse_texts_init(&texts, &host, &tree);
}

static void teardown(void)
{
        fuse_texts_fini(&texts);
        fuse_devices_fini(&devices);
        cr_expect(arena_is_full(&fake_arena));
        free(fake_arena.region);
        free(fake_arena.units);
}

TestSuite(front_tree, .init = setup, .fini = teardown);

static struct fuse_node find(struct fuse_node dir, const char *name, enum fuse_find want)
{
        struct fuse_node n = {.kind = FUSE_NODE_ROOT};

        cr_expect_eq(fuse_tree_find(&tree, &dir, name, &n), want, "%s", name);
        return n;
}

static const struct fuse_node root = {.kind = FUSE_NODE_ROOT};
static const struct fuse_node control = {.kind = FUSE_NODE_CONTROL};

Test(front_tree, nodeids_are_functions_of_the_name)
{
        struct fuse_node n, back;

        cr_expect_eq(fuse_node_id(&root), 1);
        cr_expect_eq(fuse_node_id(&control), 2);
        n = find(root, "e7.1", FUSE_FIND_HERE);
        cr_expect_eq(fuse_node_id(&n), (uint64_t)1 << 32 | 0x701);
        n = find(control, "e7.1", FUSE_FIND_HERE);
        cr_expect_eq(fuse_node_id(&n), (uint64_t)2 << 32 | 0x701);
        n = find(n, "paths", FUSE_FIND_HERE);
        cr_expect_eq(fuse_node_id(&n), (uint64_t)5 << 32 | 0x701);
        cr_assert(fuse_node_parse(fuse_node_id(&n), &back));
        cr_expect_eq(back.kind, FUSE_NODE_PATHS);
        cr_expect_eq(back.addr, 0x701);
}

Test(front_tree, every_nodeid_comes_back)
{
        for (unsigned kind = FUSE_NODE_ROOT; kind <= FUSE_NODE_PATHS; kind++) {
                struct fuse_node n = {.kind = (enum fuse_node_kind)kind}, back;

                if (kind >= FUSE_NODE_DEVICE)
                        n.addr = aoe_addr_make(65534, 254);
                cr_assert(fuse_node_parse(fuse_node_id(&n), &back));
                cr_expect_eq(back.kind, n.kind);
                cr_expect_eq(back.addr, n.addr);
        }
}

Test(front_tree, foreign_nodeids_are_refused)
{
        static const uint64_t bad[] = {0,
                                       5,
                                       UINT32_MAX,
                                       (uint64_t)1 << 32 | 0xffffff,
                                       (uint64_t)1 << 32 | 0x0701ff,
                                       (uint64_t)1 << 32 | 0xffff01,
                                       (uint64_t)1 << 32 | 0x1000701,
                                       (uint64_t)6 << 32 | 0x701,
                                       UINT64_MAX};
        struct fuse_node n;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                cr_expect_not(fuse_node_parse(bad[i], &n), "%llx", (unsigned long long)bad[i]);
}

Test(front_tree, names)
{
        find(root, "e07.1", FUSE_FIND_ABSENT);
        find(root, "e7.1 ", FUSE_FIND_ABSENT);
        find(root, "stats", FUSE_FIND_ABSENT);
        find(root, "", FUSE_FIND_ABSENT);
        find(root, "e7.2", FUSE_FIND_ASK); /* heard of, not identified */
        find(root, "e8.1", FUSE_FIND_ASK);
        find(root, "e9.254", FUSE_FIND_HERE); /* down, and shown */
        find(root, ".aoefs", FUSE_FIND_HERE);
        find(control, "stats", FUSE_FIND_HERE);
        find(control, "ctl", FUSE_FIND_HERE);
        find(control, ".aoefs", FUSE_FIND_ABSENT);
        find(find(control, "e9.254", FUSE_FIND_HERE), "ctl", FUSE_FIND_ABSENT);
        find(find(root, "e7.1", FUSE_FIND_HERE), "ident", FUSE_FIND_ABSENT);
}

Test(front_tree, attributes_of_a_device)
{
        struct fuse_node n = find(root, "e7.1", FUSE_FIND_HERE);
        struct stat st;

        cr_assert(fuse_tree_attr(&tree, &n, &st));
        cr_expect_eq(st.st_size, (off_t)(64 * MIB));
        cr_expect_eq(st.st_blocks, (blkcnt_t)(64 * MIB / 512));
        cr_expect_eq(st.st_mode, S_IFREG | 0640);
        cr_expect_eq(st.st_nlink, 1);
        cr_expect_eq(st.st_uid, 5);
        cr_expect_eq(st.st_gid, 6);
        cr_expect_eq(st.st_ino, fuse_node_id(&n));
        cr_expect_eq(st.st_mtim.tv_sec, 1000);
        fuse_devices_get(&devices, n.addr)->written = (struct timespec){.tv_sec = 2000};
        cr_assert(fuse_tree_attr(&tree, &n, &st));
        cr_expect_eq(st.st_mtim.tv_sec, 2000);
        cr_expect_eq(st.st_ctim.tv_sec, 1000);
        n.addr = aoe_addr_make(7, 2);
        cr_expect_not(fuse_tree_attr(&tree, &n, &st), "new devices are not shown");
}

Test(front_tree, attributes_of_the_rest)
{
        struct stat st;

        cr_assert(fuse_tree_attr(&tree, &root, &st));
        cr_expect_eq(st.st_mode, S_IFDIR | 0555);
        cr_expect_eq(st.st_nlink, 2);
        cr_assert(fuse_tree_attr(&tree, &(struct fuse_node){.kind = FUSE_NODE_STATS}, &st));
        cr_expect_eq(st.st_mode, S_IFREG | 0444);
        cr_assert(fuse_tree_attr(&tree, &(struct fuse_node){.kind = FUSE_NODE_CTL}, &st));
        cr_expect_eq(st.st_mode, S_IFREG | 0200);
}

/* Names of a listing from offset on, with blanks between them. */
static const char *list(struct fuse_node dir, uint64_t offset)
{
        static char names[256];
        struct fuse_tree_entry entry = {.offset = offset};
        size_t at = 0;

        names[0] = '\0';
        while (fuse_tree_next(&tree, &dir, entry.offset, &entry))
                at += (size_t)snprintf(names + at, sizeof(names) - at, "%s ", entry.name);
        return names;
}

Test(front_tree, listings)
{
        cr_expect_str_eq(list(root, 0), ". .. e0.0 e7.1 e9.254 ");
        cr_expect_str_eq(list(control, 0), ". .. stats ctl e0.0 e7.1 e9.254 ");
        cr_expect_str_eq(list((struct fuse_node){.kind = FUSE_NODE_FOLDER, .addr = 0x701}, 0),
                         ". .. ident state paths ");
        cr_expect_str_eq(list(root, UINT64_MAX), "");
        cr_expect_str_eq(list(control, UINT64_MAX), "");
}

Test(front_tree, offsets_stay_right_while_devices_come)
{
        struct fuse_tree_entry entry = {.offset = 0};

        while (strcmp(entry.name, "e7.1") != 0)
                cr_assert(fuse_tree_next(&tree, &root, entry.offset, &entry));
        fake_engine.devices[2].state = DEVICE_UP; /* e7.2 */
        cr_expect_str_eq(list(root, entry.offset), "e7.2 e9.254 ");
        fake_engine.devices[1].state = DEVICE_NEW; /* e7.1 goes */
        cr_expect_str_eq(list(root, entry.offset), "e7.2 e9.254 ");
}

static const char *render(enum fuse_node_kind kind, aoe_addr addr)
{
        static char text[4096];
        struct fuse_node n = {.kind = kind, .addr = addr};
        size_t bytes = fuse_text_render(&texts, &n, NULL, 0, 0);

        cr_assert_lt(bytes, sizeof(text));
        cr_expect_eq(fuse_text_render(&texts, &n, text, sizeof(text), 0), bytes);
        cr_expect_eq(strlen(text), bytes);
        return text;
}

Test(front_tree, text_of_ident_and_state)
{
        const char *ident = render(FUSE_NODE_IDENT, 0x701);

        cr_expect(strstr(ident, "address: e7.1\nmodel: Model\nserial: Serial\nfirmware: 1.0\n"));
        cr_expect(strstr(ident, "size: 67108864\nsectors: 131072\n"));
        cr_expect(strstr(ident, "lba48: yes\n"));
        cr_expect(strstr(ident, "flush_class: durable\n"));
        cr_expect_str_eq(render(FUSE_NODE_STATE, 0x701), "up\n");
        cr_expect_str_eq(render(FUSE_NODE_STATE, aoe_addr_make(9, 254)),
                         "down: no answer for 180 s\n");
}

Test(front_tree, text_of_paths)
{
        const char *text;

        fake_engine.path_count = 2;
        fake_engine.paths[0] = (struct path_info){
                .link = 0, .mac = {2, 0, 0, 0, 0, 0x1f}, .state = PATH_UP, .rtt = 51 * NSEC_US};
        fake_engine.paths[1] = (struct path_info){.link = 3, .state = PATH_DEAD, .lost = 7};
        text = render(FUSE_NODE_PATHS, 0x701);
        cr_expect_eq(strncmp(text, "link ", 5), 0);
        cr_expect(strstr(text, "\neth1 "));
        cr_expect(strstr(text, "02:00:00:00:00:1f"));
        cr_expect(strstr(text, "\n#3 "), "a link without a name is told by its number");
        cr_expect(strstr(text, " dead\n"));
}

Test(front_tree, open_texts_are_snapshots)
{
        const struct fuse_text *text;
        struct fuse_node n = {.kind = FUSE_NODE_STATE, .addr = 0x701};
        uint64_t fh, id = fuse_node_id(&n);

        cr_assert_eq(fuse_texts_open(&texts, &n, 0, &fh), 0);
        fake_device(0x701)->state = DEVICE_STALE;
        text = fuse_texts_find(&texts, id, fh);
        cr_assert(text);
        cr_expect_eq(text->bytes, 3);
        cr_expect_eq(memcmp(text->data, "up\n", 3), 0);
        cr_expect_not(fuse_texts_find(&texts, id + 1, fh), "opened as another name");
        cr_expect_not(fuse_texts_find(&texts, id, 0));
        cr_expect_not(fuse_texts_find(&texts, id, UINT64_MAX));
        fuse_texts_close(&texts, id, fh);
        cr_expect_not(fuse_texts_find(&texts, id, fh));
        fuse_texts_close(&texts, id, fh);
}

Test(front_tree, open_texts_have_a_limit)
{
        struct fuse_node n = {.kind = FUSE_NODE_STATS};
        uint64_t fh, first = 0;

        for (unsigned i = 0; i < FUSE_TEXTS_MAX; i++) {
                cr_assert_eq(fuse_texts_open(&texts, &n, 0, &fh), 0);
                if (i == 0)
                        first = fh;
        }
        cr_expect_eq(fuse_texts_open(&texts, &n, 0, &fh), -ENFILE);
        fuse_texts_close(&texts, fuse_node_id(&n), first);
        cr_assert_eq(fuse_texts_open(&texts, &n, 0, &fh), 0);
        cr_expect_neq(fh, first, "a stale handle must not fit the slot's next text");
}

Test(front_tree, texts_of_what_is_not_there)
{
        struct fuse_node n = {.kind = FUSE_NODE_IDENT, .addr = 0x702};
        uint64_t fh;

        cr_expect_eq(fuse_texts_open(&texts, &n, 0, &fh), -ENOENT);
}

Test(front_tree, a_text_beyond_the_limit_is_cut_at_a_line)
{
        struct fuse_node n = {.kind = FUSE_NODE_STATS};
        const struct fuse_text *text;
        uint64_t fh;

        fake_host.stats_bytes = FUSE_TEXT_BYTES_MAX + 12345;
        cr_assert_eq(fuse_texts_open(&texts, &n, 0, &fh), 0);
        text = fuse_texts_find(&texts, fuse_node_id(&n), fh);
        cr_assert(text);
        cr_expect_lt(text->bytes, FUSE_TEXT_BYTES_MAX);
        cr_expect_gt(text->bytes, FUSE_TEXT_BYTES_MAX - 300);
        cr_expect(strstr(text->data + text->bytes - 40, "\n# cut: too long\n"));
        cr_expect_eq(text->data[text->bytes - 1], '\n');
}

Test(front_tree, texts_need_memory)
{
        struct fuse_node n = {.kind = FUSE_NODE_STATS};
        void *all[2] = {arena_get(&fake_arena, ARENA_BLOCK_BYTES),
                        arena_get(&fake_arena, ARENA_BLOCK_BYTES)};
        uint64_t fh;

        cr_expect_eq(fuse_texts_open(&texts, &n, 0, &fh), -ENOMEM);
        arena_put(&fake_arena, all[0]);
        arena_put(&fake_arena, all[1]);
}

/* ---- the table of devices ---- */

Test(front_tree, entries_are_reused_when_nobody_needs_them)
{
        struct fuse_device *held = fuse_devices_get(&devices, 1000);

        held->opens = 1;
        for (aoe_addr addr = 0; addr < 100; addr++)
                cr_assert(fuse_devices_get(&devices, addr));
        cr_expect_eq(fuse_devices_find(&devices, 1000), held);
        cr_expect_not(fuse_devices_find(&devices, 0));
        cr_expect(fuse_devices_find(&devices, 99));
        held->opens = 0;
}

Test(front_tree, a_table_of_needed_entries_is_full)
{
        for (aoe_addr addr = 0; addr < 8; addr++)
                fuse_devices_get(&devices, addr)->opens = 1;
        cr_expect_null(fuse_devices_get(&devices, 8));
        fuse_devices_find(&devices, 3)->opens = 0;
        cr_expect(fuse_devices_get(&devices, 8));
}

Test(front_tree, notices_wait_until_the_host_takes_them)
{
        struct fuse_device *d = fuse_devices_get(&devices, 5);

        fake_host.notices_full = true;
        fuse_devices_note(&devices, d, FRONT_NOTICE_SIZE);
        fuse_devices_note(&devices, d, FRONT_NOTICE_GONE);
        fuse_devices_tell(&devices, &host);
        cr_expect_eq(fake_host.notice_count, 0);
        fake_host.notices_full = false;
        fuse_devices_tell(&devices, &host);
        fuse_devices_tell(&devices, &host);
        cr_assert_eq(fake_host.notice_count, 2);
        cr_expect_eq(fake_host.notices[0].kind, FRONT_NOTICE_GONE);
        cr_expect_eq(fake_host.notices[1].kind, FRONT_NOTICE_SIZE);
        cr_expect_eq(fake_host.notices[1].addr, 5);
}
