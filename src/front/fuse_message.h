/* SPDX-License-Identifier: MIT */
/*
 * A message from /dev/fuse, looked at before anybody believes it: libfuse 3.14 trusts every length
 * in it. What passes here may be handed to fuse_session_process_buf(), or dealt with by the fields.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuse_message {
        uint32_t opcode; /* enum fuse_opcode, or a number that libfuse answers with ENOSYS */
        uint64_t unique; /* the kernel's name for the request */
        uint64_t nodeid;
        uint64_t offset;      /* FUSE_READ, FUSE_WRITE: the first byte; else 0 */
        uint32_t bytes;       /* FUSE_READ, FUSE_WRITE: so many; else 0 */
        const uint8_t *data;  /* FUSE_WRITE: bytes of it, in the message; else NULL */
        uint64_t interrupted; /* FUSE_INTERRUPT: the unique of the request it is about; else 0 */
        uint32_t init_flags;  /* FUSE_INIT: what the kernel offers; else 0 */
};

enum fuse_message_verdict {
        FUSE_MESSAGE_GOOD,
        FUSE_MESSAGE_BAD,    /* its own lengths contradict each other; ret says whose: answer EIO */
        FUSE_MESSAGE_SILENT, /* not even a header, or a kind that gets no answer: drop */
};

/* message: aligned to 8, bytes of it are valid. *ret is untouched on FUSE_MESSAGE_SILENT. */
enum fuse_message_verdict fuse_message_parse(const void *message, size_t bytes,
                                             struct fuse_message *ret);
