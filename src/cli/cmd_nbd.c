/* SPDX-License-Identifier: MIT */
/*
 * aoefs nbd: the daemon without a mount, serving devices as NBD exports. As with mount, the same
 * command is the worker's program. --run: the daemon lives as long as a command does.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "app/attach.h"
#include "app/keeper.h"
#include "app/runtime.h"
#include "cli/cli.h"
#include "cli/nbd_block.h"
#include "cli/options.h"
#include "io/nbd_kernel.h"

#define NBD_INHERITED_FD 3 /* of systemd: sd_listen_fds(3) */

/* The devices that are named are the only ones. For --attach, /dev/nbdN may be among them. */
static bool nbd_only(Config *c, char **names, bool attach)
{
        g_autoptr(GError) why = NULL;
        aoe_addr addr;

        for (; *names; names++) {
                if (attach && nbd_kernel_index(*names, &c->attach_index))
                        continue;
                if (!options_address("nbd", *names, &addr))
                        return false;
                if (!config_set(c, "only", *names, &why)) {
                        cli_error("nbd: %s", why->message);
                        return false;
                }
                if (attach)
                        g_ptr_array_add(c->attach, g_strdup(*names));
        }
        return true;
}

/* What there is to be attached; the socket has a name that belongs to us, unless one is given. */
static bool nbd_attach(Config *c)
{
        g_autofree char *folder = runtime_folder(NULL), *name = NULL;
        unsigned most = c->attach_index >= 0 ? 1 : ATTACH_DEVICES_MAX;

        if (c->attach->len == 0 || c->attach->len > most) {
                cli_error("nbd: --attach: give one device to each /dev/nbdN, %d at most",
                          ATTACH_DEVICES_MAX);
                return false;
        }
        if (!c->nbd && folder) {
                name = g_strdup_printf("nbd-%s.sock", (char *)g_ptr_array_index(c->attach, 0));
                c->nbd = g_build_filename(folder, name, NULL);
                c->attach_only = true;
        }
        return true;
}

/* The path of a socket that systemd made; NULL: it gave none. */
static char *nbd_inherited(void)
{
        struct sockaddr_un at = {0};
        socklen_t bytes = sizeof(at);

        if (!g_getenv("LISTEN_FDS") ||
            getsockname(NBD_INHERITED_FD, (struct sockaddr *)&at, &bytes) < 0 ||
            at.sun_family != AF_UNIX)
                return NULL;
        return g_strndup(at.sun_path, sizeof(at.sun_path));
}

static bool nbd_start(const Config *c)
{
        g_auto(GStrv) worker_argv = config_to_argv(c, "aoefs");
        g_autoptr(GError) why = NULL;

        if (keeper_mount(c, worker_argv, &why))
                return true;
        cli_error("%s: %s", config_place(c), why->message);
        return false;
}

/* ---- --run ---- */

/* What nbdkit gives its commands, too. The export is the only device that was named, else the
 * default one. */
static char **nbd_environ(const Config *c, char **names)
{
        const char *export = names[0] && !names[1] ? names[0] : "";
        g_autofree char *escaped = g_uri_escape_string(c->nbd, "/", FALSE);
        g_autofree char *uri = g_strdup_printf("nbd+unix:///%s?socket=%s", export, escaped);
        g_autofree char *nbd =
                g_strdup_printf("nbd:unix:%s%s%s", c->nbd, *export ? ":exportname=" : "", export);
        char **env = g_get_environ();

        env = g_environ_setenv(env, "uri", uri, TRUE);
        env = g_environ_setenv(env, "nbd", nbd, TRUE);
        env = g_environ_setenv(env, "unixsocket", c->nbd, TRUE);
        return g_environ_setenv(env, "exportname", export, TRUE);
}

/* The command's own exit code; as a shell's when a signal ended it. */
static int nbd_command(const Config *c, char *command, char **names)
{
        char *words[] = {"/bin/sh", "-c", command, NULL};
        g_auto(GStrv) env = nbd_environ(c, names);
        g_autoptr(GError) why = NULL;
        int status;

        if (!g_spawn_sync(NULL, words, env, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                          &status, &why)) {
                cli_error("nbd: --run: %s", why->message);
                return CLI_FAILED;
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool nbd_stop(const Config *c)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(RuntimeDaemon) daemon = runtime_find(c->nbd, &why);

        if (daemon && runtime_shutdown(daemon, false, &why))
                return true;
        cli_error("%s: %s", c->nbd, why->message);
        return false;
}

static int nbd_run(Config *c, char *command, char **names)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *folder = NULL;
        int result = CLI_FAILED;

        if (!c->nbd) {
                folder = g_dir_make_tmp("aoefs-XXXXXX", &why);
                if (!folder) {
                        cli_error("nbd: --run: %s", why->message);
                        return CLI_FAILED;
                }
                c->nbd = g_build_filename(folder, "nbd.sock", NULL);
        }
        c->foreground = false;
        if (nbd_start(c)) {
                result = nbd_command(c, command, names);
                if (!nbd_stop(c) && result == 0)
                        result = CLI_FAILED;
        }
        if (folder)
                g_rmdir(folder);
        return result;
}

struct nbd_words {
        char *socket, *command, *detach; /* owned */
        gboolean attach, status, json;
};

static void nbd_words_fini(struct nbd_words *w)
{
        g_free(w->socket);
        g_free(w->command);
        g_free(w->detach);
}

/* The server, with whatever is to be done with it. */
static int nbd_serve(struct options *o, struct nbd_words *w)
{
        g_autoptr(GError) why = NULL;

        if (!w->socket && !w->command && !w->attach)
                w->socket = nbd_inherited();
        if (!nbd_only(o->config, o->args, w->attach))
                return CLI_USAGE;
        if (w->socket && !config_set(o->config, "nbd", w->socket, &why)) {
                cli_error("nbd: %s", why->message);
                return CLI_USAGE;
        }
        if (w->attach && !nbd_attach(o->config))
                return CLI_USAGE;
        if (!o->config->nbd && !w->command) {
                cli_error("nbd: no socket: give --socket=PATH, --attach or --run=COMMAND");
                return CLI_USAGE;
        }
        if (getenv("AOEFS_WORKER"))
                return worker_main(o->config);
        if (w->command)
                return nbd_run(o->config, w->command, o->args);
        return nbd_start(o->config) ? CLI_DONE : CLI_FAILED;
}

int cmd_nbd(const struct command *self, char **argv)
{
        __attribute__((cleanup(options_fini))) struct options o;
        __attribute__((cleanup(nbd_words_fini))) struct nbd_words w = {0};
        const GOptionEntry own[] = {
                {"socket", 0, 0, G_OPTION_ARG_FILENAME, &w.socket, "Serve at this Unix socket",
                 "PATH"},
                {"run", 0, 0, G_OPTION_ARG_FILENAME, &w.command,
                 "Start, run this shell command with $uri and $nbd set, stop", "COMMAND"},
                {"attach", 0, 0, G_OPTION_ARG_NONE, &w.attach,
                 "Make block devices of the devices: /dev/nbdN, or the first free ones", NULL},
                {"detach", 0, 0, G_OPTION_ARG_FILENAME, &w.detach, "Flush and take one away again",
                 "/dev/nbdN"},
                {"status", 0, 0, G_OPTION_ARG_NONE, &w.status, "Print what is attached", NULL},
                {"json", 0, 0, G_OPTION_ARG_NONE, &w.json, "... as JSON", NULL},
                {0},
        };
        int result;

        options_init(&o);
        if (!options_parse(&o, OPTIONS_NBD, self, own, 0, UINT_MAX, argv, &result))
                return result;
        if (!!w.command + w.attach + !!w.detach + w.status > 1) {
                cli_error("nbd: give one of --run, --attach, --detach and --status");
                return CLI_USAGE;
        }
        if (w.detach)
                return nbd_block_detach(w.detach);
        return w.status ? nbd_block_status(w.json) : nbd_serve(&o, &w);
}
