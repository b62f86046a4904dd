/* SPDX-License-Identifier: MIT */
/* One function a status: each says which facts of the world allow it. */
#include "judge.h"

#include "world.h"

/* Was the device silent towards the host for the whole timeout? */
static bool judge_was_silent(struct world *w, unsigned device)
{
        return w->now - w->targets.answered_at[device] >= w->plan.timeout - w->plan.timeout / 100;
}

void judge_down(struct world *w, unsigned device)
{
        /* A device that was told to be forgotten, but is held, counts as down until it answers. */
        if (w->plan.is_wild || w->work.forgets[device] > 0 || judge_was_silent(w, device))
                return;
        world_fail(w, "device %u is called down, but answered %lu us ago", device,
                   (w->now - w->targets.answered_at[device]) / NSEC_US);
}

static bool judge_timeout(struct world *w, const struct workload_item *i)
{
        struct device_info d;

        if (i->device < PLAN_DEVICES_MAX && w->work.forgets[i->device] > i->forgets_before)
                return true;
        if (w->plan.loss_waits || i->device == PLAN_DEVICES_MAX)
                return false;
        if (w->now - i->submitted_at >= w->plan.timeout || judge_was_silent(w, i->device))
                return true;
        return host_device_info(w, i->device, &d) && d.state == DEVICE_DOWN;
}

static bool judge_no_device(struct world *w, const struct workload_item *i)
{
        struct device_info d;

        if (i->device == PLAN_DEVICES_MAX)
                return true;
        return !host_device_info(w, i->device, &d) || d.state == DEVICE_NEW ||
               w->work.forgets[i->device] > i->forgets_before;
}

static bool judge_cancelled(struct world *w, const struct workload_item *i)
{
        struct device_info d;

        if (i->device < PLAN_DEVICES_MAX && w->work.forgets[i->device] > i->forgets_before)
                return true;
        if (!i->cancelled_at || i->device == PLAN_DEVICES_MAX)
                return i->cancelled_at;
        if (!host_device_info(w, i->device, &d))
                return true;
        /* Up ever since: a signal to somebody who waits for a healthy device changes nothing. */
        return d.state != DEVICE_UP || d.state_since >= i->cancelled_at;
}

static bool judge_no_memory(struct world *w, const struct workload_item *i)
{
        struct device_info d;

        return i->device == PLAN_DEVICES_MAX || !host_device_info(w, i->device, &d) ||
               d.state != DEVICE_UP;
}

static bool judge_is_legal(struct world *w, const struct workload_item *i)
{
        const struct target_device *d =
                i->device < PLAN_DEVICES_MAX ? target_device_at(w, i->device) : NULL;

        switch (i->rq.status) {
        case REQUEST_PENDING: return false;
        case REQUEST_OK: return d;
        case REQUEST_ERROR: return d && d->errors_sent > i->errors_before;
        case REQUEST_TIMEOUT: return judge_timeout(w, i);
        case REQUEST_NO_DEVICE: return judge_no_device(w, i);
        case REQUEST_SWAPPED: return d && d->swaps + d->shrinks > 0;
        case REQUEST_RESERVED: return d && d->reserved_sent > i->reserved_before;
        case REQUEST_RANGE: return d && i->rq.offset + i->rq.bytes > d->sectors_least * DISK_SECTOR;
        case REQUEST_CANCELLED: return judge_cancelled(w, i);
        case REQUEST_NO_MEMORY: return judge_no_memory(w, i);
        case REQUEST_UNSUPPORTED:
                return d && i->rq.op == REQUEST_TRIM &&
                       (d->trim == PLAN_TRIM_ABORT || !d->disks[0].trim);
        }
        return false;
}

void judge_item(struct world *w, const struct workload_item *i)
{
        if (w->plan.is_wild || i->ret_status || judge_is_legal(w, i))
                return;
        world_fail(w,
                   "request %lu of device %u ended with '%s' after %lu us, which nothing explains",
                   i->number, i->device, request_status_name(i->rq.status),
                   (w->now - i->submitted_at) / NSEC_US);
}
