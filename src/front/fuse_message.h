/* SPDX-License-Identifier: MIT */
/*
 * A message from /dev/fuse, looked at before libfuse sees it: libfuse 3.14 believes every length in
 * it. What passes here may be handed to fuse_session_process_buf().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuse_message {
        uint32_t opcode; /* enum fuse_opcode, or a number that libfuse answers with ENOSYS */
        uint64_t unique; /* the kernel's name for the request */
        uint64_t nodeid;
        uint32_t write_bytes; /* FUSE_WRITE: data; else 0 */
        uint32_t init_flags;  /* FUSE_INIT: what the kernel offers; else 0 */
};

enum fuse_message_verdict {
        FUSE_MESSAGE_GOOD,
        FUSE_MESSAGE_BAD, /* its own lengths contradict each other; ret is filled in: answer EIO */
        FUSE_MESSAGE_SILENT, /* not even a header, or a kind that gets no answer: drop */
};

/* message: aligned to 8, bytes of it are valid. *ret is untouched on FUSE_MESSAGE_SILENT. */
enum fuse_message_verdict fuse_message_parse(const void *message, size_t bytes,
                                             struct fuse_message *ret);
