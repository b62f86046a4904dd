/* SPDX-License-Identifier: MIT */
#include "cli/nbd_block.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/autofd.h"
#include "io/nbd_kernel.h"

#define NBD_BLOCK_PREFIX "aoefs:" /* of the identifier, ahead of eX.Y:SERIAL */

struct nbd_block {
        int index;
        char identifier[NBD_KERNEL_ID_BYTES];
        char *device; /* eX.Y: in identifier */
        char *serial; /* in identifier */
        guint64 bytes;
};

static guint64 nbd_block_number(int index, const char *file)
{
        g_autofree char *path = g_strdup_printf("/sys/block/nbd%d/%s", index, file);
        g_autofree char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoull(text, NULL, 10) : 0;
}

/* false: it is not one of ours, or not attached. */
static bool nbd_block_read(int index, struct nbd_block *ret)
{
        struct nbd_block b = {.index = index};
        char *colon;

        if (nbd_kernel_identifier(index, b.identifier) < 0 ||
            !g_str_has_prefix(b.identifier, NBD_BLOCK_PREFIX))
                return false;
        *ret = b;
        ret->device = ret->identifier + strlen(NBD_BLOCK_PREFIX);
        colon = strchr(ret->device, ':');
        ret->serial = colon ? colon + 1 : ret->device + strlen(ret->device);
        if (colon)
                *colon = 0;
        ret->bytes = 512 * nbd_block_number(index, "size");
        return true;
}

/* Calls on_block for each of ours, in order. */
static void nbd_block_each(void (*on_block)(const struct nbd_block *b, void *arg), void *arg)
{
        g_autoptr(GDir) dir = g_dir_open("/sys/block", 0, NULL);
        g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int));
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_strconcat("/dev/", name, NULL);
                int index;

                if (!nbd_kernel_index(path, &index))
                        continue;
                unsigned at = 0;

                while (at < all->len && g_array_index(all, int, at) < index)
                        at++;
                g_array_insert_val(all, at, index);
        }
        for (unsigned i = 0; i < all->len; i++) {
                struct nbd_block b;

                if (nbd_block_read(g_array_index(all, int, i), &b))
                        on_block(&b, arg);
        }
}

/* ---- --status ---- */

static void nbd_block_line(const struct nbd_block *b, void *arg)
{
        g_autofree char *size = g_format_size_full(b->bytes, G_FORMAT_SIZE_IEC_UNITS);

        g_string_append_printf(arg, "/dev/nbd%d %s %s %s\n", b->index, b->device, b->serial, size);
}

static void nbd_block_object(const struct nbd_block *b, void *arg)
{
        g_autofree char *path = g_strdup_printf("/dev/nbd%d", b->index);
        JsonBuilder *json = arg;

        json_builder_begin_object(json);
        json_builder_set_member_name(json, "device");
        json_builder_add_string_value(json, path);
        json_builder_set_member_name(json, "name");
        json_builder_add_string_value(json, b->device);
        json_builder_set_member_name(json, "serial");
        json_builder_add_string_value(json, b->serial);
        json_builder_set_member_name(json, "size");
        json_builder_add_int_value(json, (gint64)b->bytes);
        json_builder_end_object(json);
}

static char *nbd_block_json(void)
{
        g_autoptr(JsonBuilder) json = json_builder_new();
        g_autoptr(JsonNode) root = NULL;

        json_builder_begin_object(json);
        json_builder_set_member_name(json, "attached");
        json_builder_begin_array(json);
        nbd_block_each(nbd_block_object, json);
        json_builder_end_array(json);
        json_builder_end_object(json);
        root = json_builder_get_root(json);
        return json_to_string(root, TRUE);
}

int nbd_block_status(bool json)
{
        g_autoptr(GString) lines = g_string_new("");

        if (json) {
                g_autofree char *text = nbd_block_json();

                g_string_append_printf(lines, "%s\n", text);
        } else {
                nbd_block_each(nbd_block_line, lines);
        }
        return cli_print(lines->str);
}

/* ---- --detach ---- */

/* Nobody else has it, and what was written to it is on the disk. */
static bool nbd_block_is_free(const char *path)
{
        autofd int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

        if (fd < 0) {
                cli_error("%s: %s", path,
                          errno == EBUSY ? "busy: something on it is mounted or in use: unmount "
                                           "that first"
                                         : g_strerror(errno));
                return false;
        }
        if (fsync(fd) == 0)
                return true;
        cli_error("%s: what was written is not flushed: %s: see the daemon's log", path,
                  g_strerror(errno));
        return false;
}

int nbd_block_detach(const char *path)
{
        struct nbd_block b;
        int index, r;

        if (!nbd_kernel_index(path, &index)) {
                cli_error("nbd: %s: is not the name of a block device of NBD: give one such as "
                          "/dev/nbd0",
                          path);
                return CLI_USAGE;
        }
        if (!nbd_block_read(index, &b)) {
                cli_error("nbd: %s: aoefs has nothing attached there: aoefs nbd --status lists all",
                          path);
                return CLI_FAILED;
        }
        if (!nbd_block_is_free(path))
                return CLI_FAILED;
        r = nbd_kernel_disconnect(index);
        if (r < 0) {
                cli_error("%s: cannot be detached: %s", path, g_strerror(-r));
                return CLI_FAILED;
        }
        return CLI_DONE;
}
