/* SPDX-License-Identifier: MIT */
#include "front/fuse_ctl.h"

#include <string.h>

#include "base/check.h"

static const char *const fuse_ctl_words[] = {
        [FUSE_CTL_DISCOVER] = "discover",
        [FUSE_CTL_FLUSH] = "flush",
        [FUSE_CTL_REVALIDATE] = "revalidate",
        [FUSE_CTL_FORGET] = "forget",
};

#define FUSE_CTL_WORDS (sizeof(fuse_ctl_words) / sizeof(fuse_ctl_words[0]))

bool fuse_ctl_parse(const char *data, size_t bytes, struct fuse_ctl_order *ret)
{
        struct fuse_ctl_order o = {.addr = AOE_ADDR_ALL};
        char line[FUSE_CTL_BYTES_MAX + 1];
        char *name;

        if (bytes > 0 && data[bytes - 1] == '\n')
                bytes--;
        if (bytes > FUSE_CTL_BYTES_MAX || memchr(data, '\0', bytes))
                return false;
        memcpy(line, data, bytes);
        line[bytes] = '\0';
        name = strchr(line, ' ');
        if (name)
                *name++ = '\0';
        while (o.word < FUSE_CTL_WORDS && strcmp(line, fuse_ctl_words[o.word]) != 0)
                o.word++;
        if (o.word == FUSE_CTL_WORDS || (o.word == FUSE_CTL_DISCOVER) != !name ||
            (name && !aoe_addr_parse(name, &o.addr)))
                return false;
        *ret = o;
        return true;
}

/* Its answer comes from front_fuse_complete(), as that of any request. */
static void fuse_ctl_flush(struct fuse_state *s, fuse_req_t req, aoe_addr addr, size_t bytes)
{
        struct fuse_io_request *r = fuse_io_get(&s->io, s->parsed.unique);

        if (!r) {
                fuse_reply_err(req, EAGAIN);
                return;
        }
        r->req = req;
        r->rq.op = REQUEST_FLUSH;
        r->ctl_bytes = (uint32_t)bytes;
        fuse_io_start(&s->io, r, addr, s->now);
}

/* 0 or an errno. */
static int fuse_ctl_forget(struct fuse_state *s, const struct device_info *info)
{
        if (info->state == DEVICE_UP)
                return EBUSY; /* it answers: there is nothing to give up */
        engine_forget(s->host.engine, info->addr, s->now);
        return 0;
}

void fuse_ctl_write(fuse_req_t req, const char *data, size_t bytes)
{
        struct fuse_state *s = fuse_state_of(req);
        struct fuse_ctl_order o;
        struct device_info info;
        int error = 0;

        if (!fuse_ctl_parse(data, bytes, &o)) {
                fuse_reply_err(req, EINVAL);
                return;
        }
        if (o.word != FUSE_CTL_DISCOVER && !fuse_tree_device(&s->tree, o.addr, &info)) {
                fuse_reply_err(req, ENXIO);
                return;
        }
        switch (o.word) {
        case FUSE_CTL_DISCOVER: engine_discover(s->host.engine, s->now); break;
        case FUSE_CTL_FLUSH: fuse_ctl_flush(s, req, o.addr, bytes); return;
        case FUSE_CTL_REVALIDATE: engine_revalidate(s->host.engine, o.addr, s->now); break;
        case FUSE_CTL_FORGET: error = fuse_ctl_forget(s, &info); break;
        }
        if (error)
                fuse_reply_err(req, error);
        else
                fuse_reply_write(req, bytes);
}
