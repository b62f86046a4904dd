/* SPDX-License-Identifier: MIT */
/*
 * The NBD protocol without I/O: what a client sends, parsed with bounds, and what it is answered
 * with. Fixed newstyle, simple and structured replies, base:allocation. Numbers and names are those
 * of the NBD project's doc/proto.md; everything is big-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define NBD_GREETING_BYTES      18
#define NBD_CLIENT_FLAGS_BYTES  4
#define NBD_OPTION_BYTES        16 /* header; data follows */
#define NBD_OPTION_REPLY_BYTES  20
#define NBD_OPTION_DATA_MAX     8192 /* longer ones are refused, and skipped */
#define NBD_NAME_BYTES_MAX      4096
#define NBD_EXPORT_REPLY_BYTES  134 /* to EXPORT_NAME, with its zeroes */
#define NBD_EXPORT_REPLY_ZEROES 124
#define NBD_REQUEST_BYTES       28
#define NBD_SIMPLE_BYTES        16
#define NBD_CHUNK_BYTES         20
#define NBD_CHUNK_HEADER_MAX    (NBD_CHUNK_BYTES + 16) /* with what stands before any data */
#define NBD_PAYLOAD_MAX         ((uint32_t)32 << 20)

#define NBD_META_CONTEXT    "base:allocation"
#define NBD_META_CONTEXT_ID 1

enum nbd_client_flag {
        NBD_CLIENT_FIXED_NEWSTYLE = 1,
        NBD_CLIENT_NO_ZEROES = 2,
};

enum nbd_option_code {
        NBD_OPT_EXPORT_NAME = 1,
        NBD_OPT_ABORT = 2,
        NBD_OPT_LIST = 3,
        NBD_OPT_STARTTLS = 5,
        NBD_OPT_INFO = 6,
        NBD_OPT_GO = 7,
        NBD_OPT_STRUCTURED_REPLY = 8,
        NBD_OPT_LIST_META_CONTEXT = 9,
        NBD_OPT_SET_META_CONTEXT = 10,
};

enum nbd_reply_type {
        NBD_REP_ACK = 1,
        NBD_REP_SERVER = 2,
        NBD_REP_INFO = 3,
        NBD_REP_META_CONTEXT = 4,
        NBD_REP_ERR_UNSUP = (int)0x80000001,
        NBD_REP_ERR_POLICY = (int)0x80000002,
        NBD_REP_ERR_INVALID = (int)0x80000003,
        NBD_REP_ERR_UNKNOWN = (int)0x80000006,
        NBD_REP_ERR_TOO_BIG = (int)0x80000009,
};

enum nbd_info {
        NBD_INFO_EXPORT = 0,
        NBD_INFO_NAME = 1,
        NBD_INFO_DESCRIPTION = 2,
        NBD_INFO_BLOCK_SIZE = 3,
};

enum nbd_export_flag {
        NBD_FLAG_HAS_FLAGS = 1 << 0,
        NBD_FLAG_READ_ONLY = 1 << 1,
        NBD_FLAG_SEND_FLUSH = 1 << 2,
        NBD_FLAG_SEND_FUA = 1 << 3,
        NBD_FLAG_ROTATIONAL = 1 << 4,
        NBD_FLAG_SEND_TRIM = 1 << 5,
        NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6,
        NBD_FLAG_SEND_DF = 1 << 7,
        NBD_FLAG_CAN_MULTI_CONN = 1 << 8,
        NBD_FLAG_SEND_CACHE = 1 << 10,
        NBD_FLAG_SEND_FAST_ZERO = 1 << 11,
};

enum nbd_command {
        NBD_CMD_READ = 0,
        NBD_CMD_WRITE = 1,
        NBD_CMD_DISC = 2,
        NBD_CMD_FLUSH = 3,
        NBD_CMD_TRIM = 4,
        NBD_CMD_CACHE = 5,
        NBD_CMD_WRITE_ZEROES = 6,
        NBD_CMD_BLOCK_STATUS = 7,
};

enum nbd_command_flag {
        NBD_CMD_FLAG_FUA = 1 << 0,
        NBD_CMD_FLAG_NO_HOLE = 1 << 1,
        NBD_CMD_FLAG_DF = 1 << 2,
        NBD_CMD_FLAG_REQ_ONE = 1 << 3,
        NBD_CMD_FLAG_FAST_ZERO = 1 << 4,
};

enum nbd_error {
        NBD_OK = 0,
        NBD_EPERM = 1,
        NBD_EIO = 5,
        NBD_ENOMEM = 12,
        NBD_EINVAL = 22,
        NBD_ENOSPC = 28,
        NBD_EOVERFLOW = 75,
        NBD_ENOTSUP = 95,
        NBD_ESHUTDOWN = 108,
};

/* ---- from the client ---- */

struct nbd_option {
        uint32_t code;
        uint32_t bytes; /* of data that follow */
};

/* false: not an option of ours, and the stream makes no sense any more. */
bool nbd_parse_option(struct bytes *in, struct nbd_option *ret);

/* INFO and GO. The pieces are borrowed from the data. */
struct nbd_go {
        const char *name;
        uint32_t name_bytes;
        bool wants_name, wants_description, wants_block_size;
};

bool nbd_parse_go(struct bytes in, struct nbd_go *ret);

/* LIST_META_CONTEXT and SET_META_CONTEXT. */
struct nbd_meta {
        const char *name;
        uint32_t name_bytes;
        bool wants_allocation; /* by its name, by its namespace, or (list) by asking for nothing */
};

bool nbd_parse_meta(struct bytes in, bool list, struct nbd_meta *ret);

struct nbd_request {
        uint16_t flags; /* enum nbd_command_flag bits */
        uint16_t type;  /* enum nbd_command, or what we do not know */
        uint64_t cookie;
        uint64_t offset;
        uint32_t bytes;
};

/* NBD_REQUEST_BYTES. false: the stream makes no sense any more. */
bool nbd_parse_request(struct bytes in, struct nbd_request *ret);

/* ---- to the client: each returns the bytes it wrote ---- */

size_t nbd_build_greeting(uint8_t *p);
size_t nbd_build_option_reply(uint8_t *p, uint32_t code, uint32_t type, uint32_t bytes);
/* The data of NBD_REP_INFO: 12 and 14 bytes. */
size_t nbd_build_info_export(uint8_t *p, uint64_t bytes, uint16_t flags);
size_t nbd_build_info_block_size(uint8_t *p, uint32_t least, uint32_t preferred, uint32_t most);
/* The answer to EXPORT_NAME: NBD_EXPORT_REPLY_BYTES, or so many less its zeroes. */
size_t nbd_build_export(uint8_t *p, uint64_t bytes, uint16_t flags, bool zeroes);

size_t nbd_build_simple(uint8_t *p, uint64_t cookie, uint32_t error);
/* Structured replies. done: the last chunk of its request. */
size_t nbd_build_chunk_error(uint8_t *p, uint64_t cookie, uint32_t error);
/* So many bytes of data from offset on follow. */
size_t nbd_build_chunk_data(uint8_t *p, uint64_t cookie, bool done, uint64_t offset,
                            uint32_t bytes);
/* base:allocation: one extent of data. */
size_t nbd_build_chunk_status(uint8_t *p, uint64_t cookie, uint32_t bytes);
