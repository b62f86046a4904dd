/* SPDX-License-Identifier: MIT */
/* front_fuse: what each FUSE message is answered with. */
#include "front_kernel.h"

#include <fcntl.h>

#include "base/prng.h"
#include "front/fuse_devices.h"

#define MIB ((uint32_t)1 << 20)
#define E71 aoe_addr_make(7, 1)

static uint64_t e71;
static uint8_t pattern[1 << 20];

static void setup(void)
{
        struct front_fuse_options o = kernel_options(-1);

        fake_add(7, 1, 64 * (uint64_t)MIB);
        fake_add(8, 1, 1000 * 512);
        kernel_start(&o, 4);
        e71 = kernel_device(E71);
        for (size_t i = 0; i < sizeof(pattern); i++)
                pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

TestSuite(front_fuse, .init = setup, .fini = kernel_stop);

static const struct fuse_entry_out *entry(void)
{
        cr_assert_eq(answer_bytes, sizeof(struct fuse_entry_out));
        return (const struct fuse_entry_out *)answer_body;
}

static const struct fuse_attr *attr(void)
{
        cr_assert_eq(answer_bytes, sizeof(struct fuse_attr_out));
        return &((const struct fuse_attr_out *)answer_body)->attr;
}

static uint64_t opened(void)
{
        cr_assert_eq(answer_bytes, sizeof(struct fuse_open_out));
        return ((const struct fuse_open_out *)answer_body)->fh;
}

Test(front_fuse, init)
{
        /* setup's answer is still here */
        const struct fuse_init_out *out = (const struct fuse_init_out *)answer_body;

        cr_expect_eq(out->major, 7);
        cr_expect_eq(out->max_write, MIB);
        cr_expect_eq(out->max_pages, MIB / (unsigned)getpagesize());
        cr_expect_eq(out->max_readahead, UINT32_MAX);
        cr_expect_eq(out->max_background, 4096);
        cr_expect_eq(out->congestion_threshold, 3072);
        cr_expect_eq(out->time_gran, 1);
        cr_expect(out->flags & FUSE_ASYNC_READ);
        cr_expect(out->flags & FUSE_ASYNC_DIO);
        cr_expect(out->flags & FUSE_PARALLEL_DIROPS);
        cr_expect(out->flags & FUSE_DO_READDIRPLUS);
        cr_expect_not(out->flags & FUSE_ATOMIC_O_TRUNC);
        cr_expect_not(out->flags & FUSE_WRITEBACK_CACHE);
}

Test(front_fuse, lookup)
{
        cr_assert_eq(kernel_lookup(1, "e7.1"), 0);
        cr_expect_eq(entry()->nodeid, e71);
        cr_expect_eq(entry()->entry_valid, 3600);
        cr_expect_eq(entry()->attr.size, 64 * (uint64_t)MIB);
        cr_expect_eq(entry()->attr.blocks, 131072);
        cr_expect_eq(entry()->attr.mode, S_IFREG | 0600);
        cr_expect_eq(entry()->attr.uid, 5);
        cr_expect_eq(kernel_lookup(1, ".aoefs"), 0);
        cr_expect_eq(entry()->nodeid, 2);
        cr_expect_eq(kernel_lookup(2, "stats"), 0);
        cr_expect_eq(kernel_lookup(1, "nonsense"), ENOENT);
        cr_expect_eq(kernel_lookup(1, "e07.1"), ENOENT);
        cr_expect_eq(kernel_lookup(2, "e9.9"), ENOENT, "only the root asks the wire");
        cr_expect_eq(kernel_lookup(e71, "x"), ENOENT);
        cr_expect_eq(kernel_lookup(12345, "x"), ESTALE);
        cr_expect_eq(fake_engine.submit_count, 0);
}

Test(front_fuse, lookup_asks_the_wire)
{
        uint64_t unique = kernel_send(FUSE_LOOKUP, 1, "e9.9", 5, NULL, 0);

        kernel_turn();
        cr_expect_not(kernel_receive());
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->op, REQUEST_LOOKUP);
        cr_expect_eq(fake_engine.open[0]->addr, aoe_addr_make(9, 9));
        fake_add(9, 9, 512);
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_assert_eq(kernel_errno(unique), 0);
        cr_expect_eq(entry()->nodeid, kernel_device(aoe_addr_make(9, 9)));
        unique = kernel_send(FUSE_LOOKUP, 1, "e9.10", 6, NULL, 0);
        kernel_turn();
        kernel_finish(fake_engine.open[0], REQUEST_NO_DEVICE);
        cr_expect_eq(kernel_errno(unique), ENOENT);
        cr_expect_eq(answer_bytes, 0);
}

static const uint32_t past_cache = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;

/* With O_DIRECT, too: else a reader who waits could not be killed, and writers would take turns. */
Test(front_fuse, every_opening_goes_past_the_cache)
{
        const struct fuse_open_out *out = (const struct fuse_open_out *)answer_body;
        static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_DIRECT, O_RDWR | O_DIRECT};

        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
                cr_assert_eq(kernel_open(e71, flags[i]), 0);
                cr_expect_eq(out->open_flags, past_cache, "%x", (unsigned)flags[i]);
        }
}

/* With cache=read no opening of a device is told otherwise than another; texts stay as they are. */
Test(front_fuse_cache, reads, .fini = kernel_stop)
{
        const struct fuse_init_out *init = (const struct fuse_init_out *)answer_body;
        const struct fuse_open_out *out = (const struct fuse_open_out *)answer_body;
        static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_DIRECT, O_RDWR | O_DIRECT};
        struct front_fuse_options o = kernel_options(-1);

        o.cache_reads = true;
        fake_add(7, 1, MIB);
        kernel_start(&o, 4);
        cr_expect(init->flags & FUSE_ASYNC_READ);
        cr_expect_not(init->flags & FUSE_ASYNC_DIO);
        cr_expect_not(init->flags & FUSE_WRITEBACK_CACHE);
        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
                cr_assert_eq(kernel_open(kernel_device(E71), flags[i]), 0);
                cr_expect_eq(out->open_flags, 0, "%x", (unsigned)flags[i]);
                cr_assert_eq(kernel_release(kernel_device(E71), kernel_device(E71), flags[i]), 0);
        }
        cr_assert_eq(kernel_open(3, O_RDONLY), 0);
        cr_expect_eq(out->open_flags, past_cache);
}

Test(front_fuse, open_and_release)
{
        const struct fuse_open_out *out = (const struct fuse_open_out *)answer_body;

        cr_assert_eq(kernel_open(e71, O_RDONLY), 0);
        cr_expect_eq(out->fh, e71);
        cr_expect_eq(out->open_flags, past_cache);
        cr_expect_eq(fake_engine.holders[0], 1);
        cr_expect_eq(fake_host.writer_takes, 0);
        cr_expect_eq(kernel_open(e71, O_RDWR), 0);
        cr_expect_eq(kernel_open(e71, O_WRONLY), 0);
        cr_expect_eq(fake_host.writer_takes, 1, "the first writer only");
        cr_expect_eq(fake_engine.holders[0], 3);
        cr_expect_eq(kernel_release(e71, e71, O_RDWR), 0);
        cr_expect_eq(fake_host.writer_drops, 0);
        cr_expect_eq(kernel_release(e71, e71, O_WRONLY), 0);
        cr_expect_eq(fake_host.writer_drops, 1);
        cr_expect_eq(kernel_release(e71, e71, O_RDONLY), 0);
        cr_expect_eq(kernel_release(e71, e71, O_RDONLY), 0, "one too many");
        cr_expect_eq(fake_engine.holders[0], 0);
        cr_expect_eq(kernel_open(kernel_device(0x909), O_RDONLY), ENXIO);
        cr_expect_eq(kernel_open(1, O_RDONLY), EISDIR);
        cr_expect_eq(kernel_open(3, O_WRONLY), EACCES);
}

Test(front_fuse, what_is_open_is_closed_at_the_end)
{
        cr_assert_eq(kernel_open(e71, O_RDWR), 0);
        cr_assert_eq(kernel_open(e71, O_RDONLY), 0);
        cr_assert_eq(kernel_open(kernel_device(0x801), O_RDONLY), 0);
        cr_assert_eq(kernel_open(3, O_RDONLY), 0);
        /* kernel_stop() looks */
}

Test(front_fuse, another_daemon_writes)
{
        fake_host.writer_result = -EBUSY;
        cr_expect_eq(kernel_open(e71, O_RDWR), EBUSY);
        cr_expect_eq(fake_engine.holders[0], 0);
        cr_expect(strstr(fake_host.log, "process 4711 (/mnt/other)"));
        cr_expect_eq(kernel_open(e71, O_RDONLY), 0);
}

Test(front_fuse, read_by_buffer_and_by_frames)
{
        struct frame parts[2] = {{.part = pattern, .part_bytes = 1000},
                                 {.part = pattern + 1000, .part_bytes = 3096}};
        uint64_t unique = kernel_send_read(e71, e71, 512, 4096);
        struct request *rq;

        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        rq = fake_engine.open[0];
        cr_expect_eq(rq->op, REQUEST_READ);
        cr_expect_eq(rq->addr, E71);
        cr_expect_eq(rq->offset, 512);
        cr_expect_eq(rq->bytes, 4096);
        cr_expect_eq(front->ops->open_count(front), 1);
        rq->buffer = pattern + 77;
        kernel_finish(rq, REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), 0);
        cr_assert_eq(answer_bytes, 4096);
        cr_expect_eq(memcmp(answer_body, pattern + 77, 4096), 0);

        unique = kernel_send_read(e71, e71, 0, 4096);
        kernel_turn();
        rq = fake_engine.open[0];
        for (unsigned i = 0; i < 2; i++) {
                list_init(&parts[i].node);
                list_add_tail(&rq->frames, &parts[i].node);
        }
        rq->frame_count = 2;
        kernel_finish(rq, REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), 0);
        cr_assert_eq(answer_bytes, 4096);
        cr_expect_eq(memcmp(answer_body, pattern, 4096), 0);
        cr_expect_eq(front->ops->open_count(front), 0);
}

/* A caller whose answer is lost would hang: it gets an error instead. */
Test(front_fuse, an_answer_that_does_not_get_through)
{
        uint64_t unique = kernel_send_read(e71, e71, 0, MIB);
        struct fuse_open_in in = {.flags = O_RDONLY};
        int bytes = 0;

        kernel_turn();
        fake_engine.open[0]->buffer = pattern;
        /* EMSGSIZE for a megabyte, while a header still fits */
        cr_assert_eq(setsockopt(front->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), EIO);
        cr_expect_eq(fake_host.log_count, 0, "the error did get through");
        cr_expect_eq(kernel_call(FUSE_OPEN, e71, &in, sizeof(in)), 0);
}

Test(front_fuse, read_at_the_end)
{
        uint64_t e81 = kernel_device(0x801), unique;

        unique = kernel_send_read(e81, e81, 1000 * 512, 4096);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(answer_bytes, 0);
        unique = kernel_send_read(e81, e81, UINT64_MAX, 4096);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(answer_bytes, 0);
        cr_expect_eq(fake_engine.submit_count, 0);
        kernel_send_read(e81, e81, 1000 * 512 - 100, 4096);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->bytes, 100);
}

Test(front_fuse, every_status_has_its_errno)
{
        static const struct {
                enum request_status status;
                int read, write, lookup;
        } table[] = {
                {REQUEST_ERROR, EIO, EIO, EIO},
                {REQUEST_TIMEOUT, EIO, EIO, EIO},
                {REQUEST_NO_DEVICE, ENXIO, ENXIO, ENOENT},
                {REQUEST_SWAPPED, ESTALE, ESTALE, ESTALE},
                {REQUEST_RESERVED, EBUSY, EBUSY, EBUSY},
                {REQUEST_RANGE, EIO, ENOSPC, EIO},
                {REQUEST_CANCELLED, EIO, EIO, EIO}, /* by nobody's signal */
                {REQUEST_NO_MEMORY, EIO, EIO, EIO},
        };

        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                uint64_t unique = kernel_send_read(e71, e71, 0, 512);

                kernel_turn();
                kernel_finish(fake_engine.open[0], table[i].status);
                cr_expect_eq(kernel_errno(unique), table[i].read, "read %zu", i);
                unique = kernel_send_write(e71, 0, pattern, 512);
                kernel_turn();
                kernel_finish(fake_engine.open[0], table[i].status);
                cr_expect_eq(kernel_errno(unique), table[i].write, "write %zu", i);
                unique = kernel_send(FUSE_LOOKUP, 1, "e9.9", 5, NULL, 0);
                kernel_turn();
                kernel_finish(fake_engine.open[0], table[i].status);
                cr_expect_eq(kernel_errno(unique), table[i].lookup, "lookup %zu", i);
        }
}

/* The data must live on while the next message is read over the buffer it came in. */
Test(front_fuse, writes_own_their_data)
{
        static const uint32_t sizes[] = {1, 512, 4096, 100000, 256 << 10, 1 << 20};

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                uint64_t unique = kernel_send_write(e71, 4096 + i, pattern, sizes[i]);
                struct request *rq;

                kernel_turn();
                cr_assert_eq(fake_engine.open_count, 1);
                rq = fake_engine.open[0];
                cr_expect_eq(rq->op, REQUEST_WRITE);
                cr_expect_eq(rq->offset, 4096 + i);
                cr_expect_eq(rq->bytes, sizes[i]);
                kernel_call(FUSE_STATFS, 1, NULL, 0);
                kernel_send_write(1, 0, pattern + 1, MIB - 1); /* no file: EBADF */
                kernel_turn();
                cr_expect(kernel_receive());
                cr_expect_eq(memcmp(rq->data, pattern, sizes[i]), 0, "%u bytes", sizes[i]);
                kernel_finish(rq, REQUEST_OK);
                cr_assert_eq(kernel_errno(unique), 0);
                cr_expect_eq(((struct fuse_write_out *)answer_body)->size, sizes[i]);
        }
        cr_expect_eq(fake_arena.units_used, ARENA_BLOCK_BYTES / ARENA_UNIT_BYTES,
                     "one block to read into is all that is out");
}

Test(front_fuse, write_at_the_end)
{
        uint64_t e81 = kernel_device(0x801), end = 1000 * 512, unique;

        unique = kernel_send_write(e81, end, pattern, 1);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), ENOSPC);
        unique = kernel_send_write(e81, 0, pattern, 0);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(((struct fuse_write_out *)answer_body)->size, 0);
        unique = kernel_send_write(e81, end - 3, pattern, 10);
        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->bytes, 3);
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(((struct fuse_write_out *)answer_body)->size, 3);
        unique = kernel_send_write(kernel_device(0x909), 0, pattern, 10);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), ENXIO);
}

Test(front_fuse, a_write_stamps_the_file)
{
        struct fuse_getattr_in in = {0};
        struct timespec wall;
        uint64_t before;

        cr_assert_eq(kernel_call(FUSE_GETATTR, e71, &in, sizeof(in)), 0);
        before = attr()->mtime * UINT64_C(1000000000) + attr()->mtimensec;
        do { /* stamps have the kernel's tick */
                fuse_devices_stamp(&wall);
        } while ((uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec <= before);
        kernel_send_write(e71, 0, pattern, 512);
        kernel_turn();
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_assert(kernel_receive());
        cr_assert_eq(kernel_call(FUSE_GETATTR, e71, &in, sizeof(in)), 0);
        cr_expect_gt(attr()->mtime * UINT64_C(1000000000) + attr()->mtimensec, before);
}

Test(front_fuse, fsync_and_close)
{
        struct fuse_flush_in in = {.fh = e71};
        uint64_t unique = kernel_send_fsync(e71);

        kernel_turn();
        cr_assert_eq(fake_engine.open_count, 1);
        cr_expect_eq(fake_engine.open[0]->op, REQUEST_FLUSH);
        fake_device(E71)->state = DEVICE_DOWN;
        cr_expect_eq(kernel_call(FUSE_FLUSH, e71, &in, sizeof(in)), 0, "close never waits");
        kernel_finish(fake_engine.open[0], REQUEST_OK);
        cr_expect_eq(kernel_errno(unique), 0);
        unique = kernel_send_fsync(e71);
        kernel_turn();
        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
        cr_expect_eq(kernel_errno(unique), EIO);
        unique = kernel_send_fsync(3);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0, "a text has nothing to flush");
}

static int set(uint32_t valid, uint64_t size, uint32_t mode, uint32_t uid)
{
        struct fuse_setattr_in in = {.valid = valid, .size = size, .mode = mode, .uid = uid};

        return kernel_call(FUSE_SETATTR, e71, &in, sizeof(in));
}

Test(front_fuse, setattr)
{
        cr_expect_eq(set(FATTR_SIZE, 0, 0, 0), 0);
        cr_expect_eq(attr()->size, 64 * (uint64_t)MIB, "a disk ignores O_TRUNC");
        cr_expect_eq(set(FATTR_SIZE, 64 * (uint64_t)MIB, 0, 0), 0);
        cr_expect_eq(set(FATTR_SIZE, 1, 0, 0), EINVAL);
        cr_expect_eq(set(FATTR_SIZE, UINT64_MAX, 0, 0), EINVAL);
        cr_expect_eq(set(FATTR_ATIME | FATTR_MTIME, 0, 0, 0), 0);
        cr_expect_eq(set(FATTR_MODE, 0, S_IFREG | 0666, 0), EPERM);
        cr_expect_eq(set(FATTR_MODE, 0, S_IFREG | 0600, 0), 0, "no change");
        cr_expect_eq(set(FATTR_UID, 0, 0, 0), EPERM);
        cr_expect_eq(set(FATTR_UID, 0, 0, 5), 0);
        cr_expect_eq(fake_engine.submit_count, 0);
}

Test(front_fuse, statfs)
{
        const struct fuse_statfs_out *out = (const struct fuse_statfs_out *)answer_body;

        cr_assert_eq(kernel_call(FUSE_STATFS, 1, NULL, 0), 0);
        cr_expect_eq(out->st.bsize, 4096);
        cr_expect_eq(out->st.blocks, 0);
        cr_expect_eq(out->st.namelen, 255);
}

Test(front_fuse, what_is_not_done)
{
        struct fuse_fallocate_in fallocate = {.length = 512};
        struct fuse_ioctl_in ioctl = {.cmd = 0x1268};
        struct fuse_getxattr_in xattr[2] = {{.size = 100}};
        char rename[8 + 10] = "\1\0\0\0\0\0\0\0e7.1\0e7.9";
        char mkdir[8 + 5] = "\0\0\0\0\0\0\0\0e9.9";

        cr_expect_eq(kernel_call(FUSE_FALLOCATE, e71, &fallocate, sizeof(fallocate)), EOPNOTSUPP);
        cr_expect_eq(kernel_call(FUSE_IOCTL, e71, &ioctl, sizeof(ioctl)), ENOTTY);
        cr_expect_eq(kernel_call(FUSE_GETXATTR, e71, xattr, sizeof(xattr)), ENOSYS);
        cr_expect_eq(kernel_call(FUSE_UNLINK, 1, "e7.1", 5), EPERM);
        cr_expect_eq(kernel_call(FUSE_RENAME, 1, rename, sizeof(rename)), EPERM);
        cr_expect_eq(kernel_call(FUSE_MKDIR, 1, mkdir, sizeof(mkdir)), EPERM);
        cr_expect_eq(kernel_call(FUSE_TMPFILE, 1, NULL, 0), ENOSYS);
}

static int seek(uint64_t offset, uint32_t whence)
{
        struct fuse_lseek_in in = {.fh = e71, .offset = offset, .whence = whence};

        return kernel_call(FUSE_LSEEK, e71, &in, sizeof(in));
}

Test(front_fuse, a_disk_is_data_to_its_end)
{
        const struct fuse_lseek_out *out = (const struct fuse_lseek_out *)answer_body;

        cr_assert_eq(seek(4097, SEEK_DATA), 0);
        cr_expect_eq(out->offset, 4097);
        cr_assert_eq(seek(4097, SEEK_HOLE), 0);
        cr_expect_eq(out->offset, 64 * (uint64_t)MIB);
        cr_expect_eq(seek(64 * (uint64_t)MIB, SEEK_DATA), ENXIO);
        cr_expect_eq(seek(UINT64_MAX, SEEK_HOLE), ENXIO);
        cr_expect_eq(seek(0, SEEK_SET), EINVAL);
}

/* Names of one READDIR answer, with blanks behind them; *offset moves on. */
static const char *list(uint32_t opcode, uint64_t nodeid, uint64_t *offset, uint32_t bytes)
{
        struct fuse_read_in in = {.offset = *offset, .size = bytes};
        size_t skip = opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
        static char names[256];
        size_t at = 0, end = 0;

        names[0] = '\0';
        cr_assert_eq(kernel_call(opcode, nodeid, &in, sizeof(in)), 0);
        cr_assert_leq(answer_bytes, bytes);
        while (at < answer_bytes) {
                const struct fuse_dirent *d = (const struct fuse_dirent *)(answer_body + at + skip);

                end += (size_t)snprintf(names + end, sizeof(names) - end, "%.*s ", (int)d->namelen,
                                        d->name);
                *offset = d->off;
                at += FUSE_DIRENT_ALIGN(skip + FUSE_NAME_OFFSET + d->namelen);
        }
        cr_expect_eq(at, answer_bytes);
        return names;
}

Test(front_fuse, listings)
{
        const struct fuse_direntplus *plus = (const struct fuse_direntplus *)answer_body;
        struct fuse_read_in in = {.size = 4096};
        uint64_t offset = 0;

        cr_expect_str_eq(list(FUSE_READDIR, 1, &offset, 4096), ". .. e7.1 e8.1 ");
        cr_expect_str_eq(list(FUSE_READDIR, 1, &offset, 4096), "");
        offset = 0;
        cr_expect_str_eq(list(FUSE_READDIR, 2, &offset, 4096), ". .. stats ctl e7.1 e8.1 ");
        offset = 0;
        cr_expect_str_eq(list(FUSE_READDIR, 1, &offset, 100), ". .. e7.1 ");
        cr_expect_str_eq(list(FUSE_READDIR, 1, &offset, 100), "e8.1 ");
        offset = 0;
        cr_expect_str_eq(list(FUSE_READDIRPLUS, 1, &offset, 4096), ". .. e7.1 e8.1 ");
        cr_expect_eq(plus->entry_out.nodeid, 0, "no lookup is counted for a dot");
        cr_expect_eq(kernel_call(FUSE_READDIR, e71, &in, sizeof(in)), ENOTDIR);
}

Test(front_fuse, texts)
{
        uint64_t state = (uint64_t)4 << 32 | E71, unique, fh;

        cr_assert_eq(kernel_open(state, O_RDONLY), 0);
        fh = opened();
        unique = kernel_send_read(state, fh, 1, 4096);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0);
        cr_assert_eq(answer_bytes, 2);
        cr_expect_eq(memcmp(answer_body, "p\n", 2), 0);
        unique = kernel_send_read(state, fh, 3, 4096);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), 0);
        cr_expect_eq(answer_bytes, 0);
        cr_expect_eq(kernel_release(state, fh, O_RDONLY), 0);
        unique = kernel_send_read(state, fh, 0, 4096);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), ESTALE);
        unique = kernel_send_write(3, 0, "x", 1);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), EBADF);
}

/* ---- messages that no kernel sends ---- */

Test(front_fuse, bad_messages_are_refused)
{
        struct fuse_in_header h = {.len = 4711, .opcode = FUSE_STATFS, .unique = 99};
        struct fuse_write_in in = {.size = 4096};
        uint64_t unique;

        cr_assert_eq(write(kernel_fd, &h, 20), 20);
        kernel_turn();
        cr_expect_not(kernel_receive(), "not even a header: nobody to answer");
        cr_assert_eq(write(kernel_fd, &h, sizeof(h)), (ssize_t)sizeof(h));
        kernel_turn();
        cr_expect_eq(kernel_errno(99), EIO);
        unique = kernel_send(FUSE_WRITE, e71, &in, sizeof(in), pattern, 512);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), EIO);
        unique = kernel_send(FUSE_LOOKUP, 1, "e7.1", 4, NULL, 0);
        kernel_turn();
        cr_expect_eq(kernel_errno(unique), EIO);
        cr_expect_eq(fake_host.log_count, 1, "told once");
        cr_expect_eq(kernel_init(KERNEL_MINOR, 0), EIO, "a second INIT");
        cr_expect_eq(kernel_lookup(1, "e7.1"), 0);
        cr_expect_eq(fake_engine.submit_count, 0);
}

/* Right headers, any opcode but INTERRUPT, any body: every request that wants an answer gets one.
 */
Test(front_fuse, random_messages)
{
        struct prng dice = {.state = 4711};
        uint8_t body[256];

        for (unsigned round = 0; round < 20000; round++) {
                uint32_t opcode = (uint32_t)prng_below(&dice, 52);
                size_t bytes = prng_below(&dice, sizeof(body));
                uint64_t nodeid = prng_below(&dice, 6);

                if (opcode == FUSE_INTERRUPT || opcode == FUSE_DESTROY)
                        continue;
                for (size_t i = 0; i < bytes; i++)
                        body[i] = (uint8_t)(prng_next(&dice) & prng_next(&dice));
                if (nodeid > 3)
                        nodeid = e71 + ((nodeid - 4) << 32);
                kernel_send(opcode, nodeid, body, bytes, NULL, 0);
                kernel_turn();
                while (fake_engine.open_count > 0)
                        kernel_finish(fake_engine.open[0], REQUEST_ERROR);
                kernel_receive();
                cr_assert_not(kernel_receive(), "opcode %u: two answers", opcode);
        }
        cr_expect_eq(kernel_lookup(1, "e7.1"), 0);
        cr_expect_eq(fake_host.ended, 0);
}
