/* SPDX-License-Identifier: MIT */
/*
 * Requests -> commands of one frame each, and answers -> requests. A read gathers frames by
 * reference (or bytes by copy, where frames are small); a write of partial sectors first reads its
 * edges; a flush goes through the forms that targets know.
 */
#pragma once

#include "engine/engine.h"

struct engine;
struct device;
struct line;
struct path;
struct slot;

/* Parts of this size and more are passed on by reference; smaller ones are copied (design.md,
 * decision 5), which also keeps a reply far below IOV_MAX pieces. */
#define COMMAND_BY_REFERENCE_SECTORS 8

enum request_stage {
        STAGE_BLOCKED, /* WRITE: waits for earlier writes; FLUSH: likewise */
        STAGE_EDGES,   /* WRITE: its partial sectors are being read */
        STAGE_ISSUE,   /* commands are cut and sent */
        STAGE_DONE,
};

/* A new request of a device that may serve it: sets up ranges, takes its place. */
void command_begin(struct engine *e, struct request *rq, nsec now);
/* The earlier writes are gone. */
void command_unblock(struct engine *e, struct request *rq);
/* The next command of the device's requests for path p, as a QUEUED slot that is linked nowhere;
 * NULL when there is none. *ret_line: there is one, but it must wait there first; else NULL. */
struct slot *command_next(struct engine *e, struct device *d, struct path *p,
                          struct line **ret_line, nsec now);
/* A good answer to s. data: what follows the ATA argument. true: f was kept. */
bool command_on_answer(struct engine *e, struct slot *s, const struct aoe_ata *ata,
                       struct bytes data, struct frame *f, nsec now);
/* Ends rq: gives up its slots and memory that its result does not need, and queues it as done. */
void request_finish(struct engine *e, struct request *rq, enum request_status status, nsec now);
/* rq starts over and holds no slots and no memory: its device is silent, or its way of gathering
 * does not fit any more. Copies of its writes stay with it. */
void command_restart(struct engine *e, struct request *rq, nsec now);
