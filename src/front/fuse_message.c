/* SPDX-License-Identifier: MIT */
/*
 * One row an opcode: the fixed part after the header, then so many names that end in NUL, then
 * bytes whose number stands in the fixed part. The forms are those of protocol 7.12 (2009) and
 * later; an older kernel's shorter ones are refused.
 */
#include "front/fuse_message.h"

#include <linux/fuse.h>

#include "base/bytes.h"

struct fuse_message_form {
        uint16_t fixed_bytes;
        uint8_t names;
        bool known;
        bool silent;        /* the kernel wants no answer */
        bool counted;       /* a number of records follows: count_at says where it stands */
        uint8_t count_at;   /* offset of a uint32_t in the fixed part */
        uint8_t unit_bytes; /* size of one record */
};

#define FORM(fixed, name_count)                                                                    \
        {                                                                                          \
                .known = true, .fixed_bytes = (fixed), .names = (name_count)                       \
        }
#define FORM_COUNTED(type, name_count, field, unit)                                                \
        {                                                                                          \
                .known = true, .fixed_bytes = sizeof(struct type), .names = (name_count),          \
                .counted = true, .count_at = offsetof(struct type, field), .unit_bytes = (unit)    \
        }

static const struct fuse_message_form fuse_message_forms[] = {
        [FUSE_LOOKUP] = FORM(0, 1),
        [FUSE_FORGET] = {.known = true,
                         .silent = true,
                         .fixed_bytes = sizeof(struct fuse_forget_in)},
        [FUSE_GETATTR] = FORM(sizeof(struct fuse_getattr_in), 0),
        [FUSE_SETATTR] = FORM(sizeof(struct fuse_setattr_in), 0),
        [FUSE_READLINK] = FORM(0, 0),
        [FUSE_SYMLINK] = FORM(0, 2),
        [FUSE_MKNOD] = FORM(sizeof(struct fuse_mknod_in), 1),
        [FUSE_MKDIR] = FORM(sizeof(struct fuse_mkdir_in), 1),
        [FUSE_UNLINK] = FORM(0, 1),
        [FUSE_RMDIR] = FORM(0, 1),
        [FUSE_RENAME] = FORM(sizeof(struct fuse_rename_in), 2),
        [FUSE_LINK] = FORM(sizeof(struct fuse_link_in), 1),
        [FUSE_OPEN] = FORM(sizeof(struct fuse_open_in), 0),
        [FUSE_READ] = FORM(sizeof(struct fuse_read_in), 0),
        [FUSE_WRITE] = FORM(sizeof(struct fuse_write_in), 0), /* and data: fuse_message_write() */
        [FUSE_STATFS] = FORM(0, 0),
        [FUSE_RELEASE] = FORM(sizeof(struct fuse_release_in), 0),
        [FUSE_FSYNC] = FORM(sizeof(struct fuse_fsync_in), 0),
        [FUSE_SETXATTR] = FORM(FUSE_COMPAT_SETXATTR_IN_SIZE, 1),
        [FUSE_GETXATTR] = FORM(sizeof(struct fuse_getxattr_in), 1),
        [FUSE_LISTXATTR] = FORM(sizeof(struct fuse_getxattr_in), 0),
        [FUSE_REMOVEXATTR] = FORM(0, 1),
        [FUSE_FLUSH] = FORM(sizeof(struct fuse_flush_in), 0),
        [FUSE_INIT] = FORM(offsetof(struct fuse_init_in, flags2), 0),
        [FUSE_OPENDIR] = FORM(sizeof(struct fuse_open_in), 0),
        [FUSE_READDIR] = FORM(sizeof(struct fuse_read_in), 0),
        [FUSE_RELEASEDIR] = FORM(sizeof(struct fuse_release_in), 0),
        [FUSE_FSYNCDIR] = FORM(sizeof(struct fuse_fsync_in), 0),
        [FUSE_GETLK] = FORM(sizeof(struct fuse_lk_in), 0),
        [FUSE_SETLK] = FORM(sizeof(struct fuse_lk_in), 0),
        [FUSE_SETLKW] = FORM(sizeof(struct fuse_lk_in), 0),
        [FUSE_ACCESS] = FORM(sizeof(struct fuse_access_in), 0),
        [FUSE_CREATE] = FORM(sizeof(struct fuse_create_in), 1),
        [FUSE_INTERRUPT] = {.known = true,
                            .silent = true,
                            .fixed_bytes = sizeof(struct fuse_interrupt_in)},
        [FUSE_BMAP] = FORM(sizeof(struct fuse_bmap_in), 0),
        [FUSE_DESTROY] = FORM(0, 0),
        [FUSE_IOCTL] = FORM_COUNTED(fuse_ioctl_in, 0, in_size, 1),
        [FUSE_POLL] = FORM(sizeof(struct fuse_poll_in), 0),
        [FUSE_BATCH_FORGET] = {.known = true,
                               .silent = true,
                               .counted = true,
                               .fixed_bytes = sizeof(struct fuse_batch_forget_in),
                               .count_at = offsetof(struct fuse_batch_forget_in, count),
                               .unit_bytes = sizeof(struct fuse_forget_one)},
        [FUSE_FALLOCATE] = FORM(sizeof(struct fuse_fallocate_in), 0),
        [FUSE_READDIRPLUS] = FORM(sizeof(struct fuse_read_in), 0),
        [FUSE_RENAME2] = FORM(sizeof(struct fuse_rename2_in), 2),
        [FUSE_LSEEK] = FORM(sizeof(struct fuse_lseek_in), 0),
        [FUSE_COPY_FILE_RANGE] = FORM(sizeof(struct fuse_copy_file_range_in), 0),
};

#define FUSE_MESSAGE_FORMS (sizeof(fuse_message_forms) / sizeof(fuse_message_forms[0]))

static bool fuse_message_name(struct bytes *in)
{
        const uint8_t *end = memchr(in->at, 0, in->left);

        return end && bytes_skip(in, (size_t)(end - in->at) + 1);
}

/* Does the body hold what its form says? */
static bool fuse_message_fits(const struct fuse_message_form *form, struct bytes in)
{
        const uint8_t *fixed;
        uint32_t count;

        if (!bytes_take(&in, form->fixed_bytes, &fixed))
                return false;
        for (unsigned i = 0; i < form->names; i++)
                if (!fuse_message_name(&in))
                        return false;
        if (!form->counted)
                return true;
        memcpy(&count, fixed + form->count_at, sizeof(count));
        return count <= in.left / form->unit_bytes;
}

/* The long form of INIT announces itself in the short one's flags. */
static bool fuse_message_init(struct bytes in, struct fuse_message *m)
{
        const uint8_t *fixed;

        if (!bytes_take(&in, offsetof(struct fuse_init_in, flags2), &fixed))
                return false;
        memcpy(&m->init_flags, fixed + offsetof(struct fuse_init_in, flags), sizeof(m->init_flags));
        return !(m->init_flags & FUSE_INIT_EXT) ||
               in.left >= sizeof(struct fuse_init_in) - offsetof(struct fuse_init_in, flags2);
}

static bool fuse_message_read(struct bytes in, struct fuse_message *m)
{
        struct fuse_read_in body;

        if (!bytes_copy(&in, &body, sizeof(body)))
                return false;
        m->offset = body.offset;
        m->bytes = body.size;
        return true;
}

static bool fuse_message_write(struct bytes in, struct fuse_message *m)
{
        struct fuse_write_in body;

        if (!bytes_copy(&in, &body, sizeof(body)))
                return false;
        m->offset = body.offset;
        m->bytes = body.size;
        return bytes_take(&in, body.size, &m->data);
}

static bool fuse_message_interrupt(struct bytes in, struct fuse_message *m)
{
        struct fuse_interrupt_in body;

        if (!bytes_copy(&in, &body, sizeof(body)))
                return false;
        m->interrupted = body.unique;
        return true;
}

/* The fields of the kinds that not only libfuse looks into. */
static bool fuse_message_fields(struct bytes in, struct fuse_message *m)
{
        switch (m->opcode) {
        case FUSE_INIT: return fuse_message_init(in, m);
        case FUSE_READ: return fuse_message_read(in, m);
        case FUSE_WRITE: return fuse_message_write(in, m);
        case FUSE_INTERRUPT: return fuse_message_interrupt(in, m);
        default: return true;
        }
}

enum fuse_message_verdict fuse_message_parse(const void *message, size_t bytes,
                                             struct fuse_message *ret)
{
        static const struct fuse_message_form stranger = {.known = false};
        const struct fuse_message_form *form = &stranger;
        struct bytes in = {.at = message, .left = bytes};
        struct fuse_in_header h;
        struct fuse_message m;
        bool good;

        if (!bytes_copy(&in, &h, sizeof(h)))
                return FUSE_MESSAGE_SILENT;
        if (h.opcode < FUSE_MESSAGE_FORMS)
                form = &fuse_message_forms[h.opcode];
        if (h.opcode == FUSE_NOTIFY_REPLY) /* we never ask for one */
                return FUSE_MESSAGE_SILENT;
        m = (struct fuse_message){.opcode = h.opcode, .unique = h.unique, .nodeid = h.nodeid};
        good = h.len == bytes && (!form->known || fuse_message_fits(form, in)) &&
               fuse_message_fields(in, &m);
        if (!good && form->silent)
                return FUSE_MESSAGE_SILENT;
        *ret = m;
        return good ? FUSE_MESSAGE_GOOD : FUSE_MESSAGE_BAD;
}
