/* SPDX-License-Identifier: MIT */
/* The operations on open files that libfuse calls: all but the data of devices (fuse_data.h). */
#pragma once

#include "front/fuse_state.h"

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

/* Closes what the kernel has open, as the last act before the mount goes away. */
void fuse_file_close_all(struct fuse_state *s);
