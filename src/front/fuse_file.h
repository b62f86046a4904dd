/* SPDX-License-Identifier: MIT */
/* The operations on open files: devices by requests to the engine, texts from their snapshot. */
#pragma once

#include "front/fuse_state.h"

#define FUSE_FILE_KEEP_BYTES_MIN ((uint32_t)256 << 10) /* from here a write keeps its buffer */

void fuse_file_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void fuse_file_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void fuse_file_read(fuse_req_t req, fuse_ino_t nodeid, size_t bytes, off_t offset,
                    struct fuse_file_info *fi);
void fuse_file_write(fuse_req_t req, fuse_ino_t nodeid, const char *data, size_t bytes,
                     off_t offset, struct fuse_file_info *fi);
void fuse_file_flush(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void fuse_file_fsync(fuse_req_t req, fuse_ino_t nodeid, int datasync, struct fuse_file_info *fi);
void fuse_file_fsyncdir(fuse_req_t req, fuse_ino_t nodeid, int datasync, struct fuse_file_info *fi);
void fuse_file_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t bytes,
                         struct fuse_file_info *fi);
void fuse_file_ioctl(fuse_req_t req, fuse_ino_t nodeid, unsigned command, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_bytes,
                     size_t out_bytes);
void fuse_file_lseek(fuse_req_t req, fuse_ino_t nodeid, off_t offset, int whence,
                     struct fuse_file_info *fi);

/* Makes s->ready and s->ready_block for a message about a device. false: no request or no memory is
 * left; what was got stays ready. */
bool fuse_file_prepare(struct fuse_state *s, uint32_t write_bytes);
/* Takes the request that was made ready for this message. */
struct fuse_io_request *fuse_file_take_ready(struct fuse_state *s, fuse_req_t req,
                                             enum request_op op);
/* Gives back what the message did not use. */
void fuse_file_unprepare(struct fuse_state *s);
/* Closes what the kernel has open, as the last act before the mount goes away. */
void fuse_file_close_all(struct fuse_state *s);
