/* SPDX-License-Identifier: MIT */
#include "front/nbd_handshake.h"

#include <string.h>

#include "base/check.h"
#include "front/nbd_piece.h"

static struct bytes nbd_input(const struct nbd_conn *c)
{
        return (struct bytes){.at = c->in + c->in_at, .left = c->in_bytes - c->in_at};
}

static uint8_t *nbd_control(struct nbd_conn *c)
{
        return c->control + c->control_bytes;
}

/* ---- replies ---- */

static void nbd_reply(struct nbd_conn *c, uint32_t code, enum nbd_reply_type type, uint32_t bytes)
{
        CHECK(sizeof(c->control) - c->control_bytes >= NBD_OPTION_REPLY_BYTES + (size_t)bytes);
        c->control_bytes += nbd_build_option_reply(nbd_control(c), code, type, bytes);
}

static void nbd_reply_data(struct nbd_conn *c, const void *data, size_t bytes)
{
        CHECK(sizeof(c->control) - c->control_bytes >= bytes);
        memcpy(nbd_control(c), data, bytes);
        c->control_bytes += bytes;
}

static void nbd_reply_info_text(struct nbd_conn *c, uint32_t code, enum nbd_info info,
                                const char *text)
{
        uint8_t type[2];

        be16_store(type, info);
        nbd_reply(c, code, NBD_REP_INFO, (uint32_t)(sizeof(type) + strlen(text)));
        nbd_reply_data(c, type, sizeof(type));
        nbd_reply_data(c, text, strlen(text));
}

void nbd_handshake_greet(struct nbd_conn *c)
{
        c->control_bytes = nbd_build_greeting(c->control);
        c->phase = NBD_PHASE_FLAGS;
}

/* ---- options ---- */

static void nbd_option_list(struct nbd_conn *c, const struct nbd_option *o)
{
        const struct front_nbd *f = c->nbd;
        struct nbd_export x;
        uint8_t bytes[4];

        while (sizeof(c->control) - c->control_bytes >= NBD_CONTROL_REPLY_MAX) {
                if (!nbd_export_next(f->host.engine, c->list_prev, c->read_only, &x)) {
                        nbd_reply(c, o->code, NBD_REP_ACK, 0);
                        c->listing = false;
                        return;
                }
                be32_store(bytes, (uint32_t)strlen(x.name));
                nbd_reply(c, o->code, NBD_REP_SERVER,
                          (uint32_t)(sizeof(bytes) + strlen(x.name) + strlen(x.text)));
                nbd_reply_data(c, bytes, sizeof(bytes));
                nbd_reply_data(c, x.name, strlen(x.name));
                nbd_reply_data(c, x.text, strlen(x.text));
                c->list_prev = x.addr;
        }
}

void nbd_handshake_serve(struct nbd_conn *c, const struct nbd_export *x)
{
        c->export = *x;
        engine_hold(c->nbd->host.engine, x->addr, 1);
        c->held = true;
        c->phase = NBD_PHASE_SERVING;
}

/* By name, and if need be by asking the wire for it: then wait. */
static enum nbd_step nbd_option_find(struct nbd_conn *c, const char *name, size_t bytes,
                                     struct nbd_export *ret, bool *ret_found, nsec now)
{
        const struct front_nbd *f = c->nbd;
        enum nbd_export_found found =
                nbd_export_find(f->host.engine, name, bytes, c->read_only, ret);

        *ret_found = found == NBD_EXPORT_FOUND;
        if (!c->structured)
                ret->flags &= (uint16_t)~NBD_FLAG_SEND_DF;
        if (found != NBD_EXPORT_UNHEARD || c->looked_up)
                return NBD_STEP_DONE;
        if (c->piece_count == 0) /* else it is being asked for */
                nbd_piece_lookup(c, ret->addr, now);
        return NBD_STEP_WAIT;
}

static enum nbd_step nbd_option_go(struct nbd_conn *c, const struct nbd_option *o,
                                   struct bytes data, nsec now)
{
        uint8_t info[16];
        struct nbd_export x;
        struct nbd_go go;
        bool found;

        if (!nbd_parse_go(data, &go)) {
                nbd_reply(c, o->code, NBD_REP_ERR_INVALID, 0);
                return NBD_STEP_DONE;
        }
        if (nbd_option_find(c, go.name, go.name_bytes, &x, &found, now) == NBD_STEP_WAIT)
                return NBD_STEP_WAIT;
        if (!found) {
                nbd_reply(c, o->code, NBD_REP_ERR_UNKNOWN, 0);
                return NBD_STEP_DONE;
        }
        nbd_reply(c, o->code, NBD_REP_INFO, 12);
        c->control_bytes += nbd_build_info_export(nbd_control(c), x.bytes, x.flags);
        if (go.wants_name)
                nbd_reply_info_text(c, o->code, NBD_INFO_NAME, x.name);
        if (go.wants_description)
                nbd_reply_info_text(c, o->code, NBD_INFO_DESCRIPTION, x.text);
        /* Whether it was asked for or not. Those who care for alignment have it then. */
        nbd_reply(c, o->code, NBD_REP_INFO, 14);
        nbd_reply_data(c, info,
                       nbd_build_info_block_size(info, AOE_SECTOR_BYTES, x.block_preferred,
                                                 NBD_PAYLOAD_MAX));
        nbd_reply(c, o->code, NBD_REP_ACK, 0);
        if (o->code == NBD_OPT_GO)
                nbd_handshake_serve(c, &x);
        return NBD_STEP_DONE;
}

/* There is no word for an error: who asks for what is not there is hung up on. */
static enum nbd_step nbd_option_export_name(struct nbd_conn *c, struct bytes data, nsec now)
{
        struct nbd_export x;
        bool found;

        if (nbd_option_find(c, (const char *)data.at, data.left, &x, &found, now) == NBD_STEP_WAIT)
                return NBD_STEP_WAIT;
        if (!found)
                return NBD_STEP_CLOSE;
        c->control_bytes += nbd_build_export(nbd_control(c), x.bytes, x.flags, !c->no_zeroes);
        nbd_handshake_serve(c, &x);
        return NBD_STEP_DONE;
}

static void nbd_option_meta(struct nbd_conn *c, const struct nbd_option *o, struct bytes data)
{
        bool set = o->code == NBD_OPT_SET_META_CONTEXT;
        struct nbd_export x;
        struct nbd_meta m;
        uint8_t id[4];

        if (set)
                c->allocation = false;
        if (!nbd_parse_meta(data, !set, &m) || !c->structured) {
                nbd_reply(c, o->code, NBD_REP_ERR_INVALID, 0);
                return;
        }
        if (nbd_export_find(c->nbd->host.engine, m.name, m.name_bytes, true, &x) ==
            NBD_EXPORT_NONE) {
                nbd_reply(c, o->code, NBD_REP_ERR_UNKNOWN, 0);
                return;
        }
        if (m.wants_allocation) {
                be32_store(id, set ? NBD_META_CONTEXT_ID : 0);
                nbd_reply(c, o->code, NBD_REP_META_CONTEXT,
                          (uint32_t)(sizeof(id) + strlen(NBD_META_CONTEXT)));
                nbd_reply_data(c, id, sizeof(id));
                nbd_reply_data(c, NBD_META_CONTEXT, strlen(NBD_META_CONTEXT));
                c->allocation |= set;
        }
        nbd_reply(c, o->code, NBD_REP_ACK, 0);
}

static enum nbd_step nbd_option_handle(struct nbd_conn *c, const struct nbd_option *o,
                                       struct bytes data, nsec now)
{
        switch (o->code) {
        case NBD_OPT_EXPORT_NAME: return nbd_option_export_name(c, data, now);
        case NBD_OPT_INFO:
        case NBD_OPT_GO: return nbd_option_go(c, o, data, now);
        case NBD_OPT_ABORT:
                nbd_reply(c, o->code, NBD_REP_ACK, 0);
                c->ending = true;
                return NBD_STEP_DONE;
        case NBD_OPT_LIST:
                if (data.left > 0) {
                        nbd_reply(c, o->code, NBD_REP_ERR_INVALID, 0);
                        return NBD_STEP_DONE;
                }
                if (!c->listing)
                        c->list_prev = AOE_ADDR_ALL;
                c->listing = true;
                nbd_option_list(c, o);
                return c->listing ? NBD_STEP_WAIT : NBD_STEP_DONE;
        case NBD_OPT_STRUCTURED_REPLY:
                if (data.left > 0)
                        nbd_reply(c, o->code, NBD_REP_ERR_INVALID, 0);
                else
                        nbd_reply(c, o->code, NBD_REP_ACK, 0);
                c->structured |= data.left == 0;
                return NBD_STEP_DONE;
        case NBD_OPT_LIST_META_CONTEXT:
        case NBD_OPT_SET_META_CONTEXT: nbd_option_meta(c, o, data); return NBD_STEP_DONE;
        default: nbd_reply(c, o->code, NBD_REP_ERR_UNSUP, 0); return NBD_STEP_DONE;
        }
}

static enum nbd_step nbd_option_step(struct nbd_conn *c, nsec now)
{
        struct bytes in = nbd_input(c);
        struct nbd_option o;
        enum nbd_step step;

        if (c->control_bytes > 0 && !c->listing)
                return NBD_STEP_WAIT;
        if (in.left < NBD_OPTION_BYTES)
                return NBD_STEP_MORE;
        if (!nbd_parse_option(&in, &o))
                return NBD_STEP_CLOSE;
        if (o.bytes > NBD_OPTION_DATA_MAX) {
                if (o.code == NBD_OPT_EXPORT_NAME)
                        return NBD_STEP_CLOSE;
                nbd_reply(c, o.code, NBD_REP_ERR_TOO_BIG, 0);
                c->in_at += NBD_OPTION_BYTES;
                c->skip = o.bytes;
                return NBD_STEP_DONE;
        }
        if (in.left < o.bytes)
                return NBD_STEP_MORE;
        step = nbd_option_handle(c, &o, (struct bytes){.at = in.at, .left = o.bytes}, now);
        if (step != NBD_STEP_WAIT) {
                c->in_at += NBD_OPTION_BYTES + o.bytes;
                c->looked_up = false;
        }
        return step;
}

enum nbd_step nbd_handshake_step(struct nbd_conn *c, nsec now)
{
        struct bytes in = nbd_input(c);
        uint32_t flags;

        if (c->phase == NBD_PHASE_OPTIONS)
                return nbd_option_step(c, now);
        if (!bytes_be32(&in, &flags))
                return NBD_STEP_MORE;
        if (!(flags & NBD_CLIENT_FIXED_NEWSTYLE) ||
            (flags & ~(uint32_t)(NBD_CLIENT_FIXED_NEWSTYLE | NBD_CLIENT_NO_ZEROES)))
                return NBD_STEP_CLOSE;
        c->no_zeroes = flags & NBD_CLIENT_NO_ZEROES;
        c->in_at += NBD_CLIENT_FLAGS_BYTES;
        c->phase = NBD_PHASE_OPTIONS;
        return NBD_STEP_DONE;
}
