/* SPDX-License-Identifier: MIT */
/* aoefs wait: for boot scripts, until a device answers and is identified. */
#include "app/probe.h"
#include "cli/cli.h"
#include "cli/options.h"

#define WAIT_TIMEOUT_SEC_DEFAULT 30 /* as long as an initramfs waits for its root disk */
#define WAIT_ASK_EVERY           NSEC_SEC

struct wait {
        aoe_addr addr;
        bool once;   /* --timeout 0: one discovery round, however long that takes */
        nsec ask_at; /* when to ask all links again */
        bool seen;   /* somebody answers to the name */
        enum device_state state;
};

static bool on_turn(struct engine *e, nsec now, void *arg)
{
        struct wait *w = arg;
        struct device_info i;

        w->seen = engine_device_info(e, w->addr, &i);
        if (w->seen)
                w->state = i.state;
        if (w->seen && w->state == DEVICE_UP)
                return true;
        if (w->once)
                return engine_is_settled(e, now);
        /* A target that comes up behind a switch sends nothing that says so, but for some. */
        if (now >= w->ask_at) {
                engine_discover(e, now);
                w->ask_at = nsec_add(now, WAIT_ASK_EVERY);
        }
        return false;
}

static int wait_fail(const struct wait *w, const char *name)
{
        if (!w->seen)
                cli_error("%s: nobody answered in time: check the target and the interfaces, or "
                          "give a longer --timeout",
                          name);
        else if (w->state == DEVICE_NEW)
                cli_error("%s: answers, but did not identify itself in time: check the target, or "
                          "give a longer --timeout",
                          name);
        else
                cli_error("%s: was there, but is %s: check the target, or give a longer --timeout",
                          name, device_state_name(w->state));
        return CLI_FAILED;
}

static int wait_run(struct wait *w, const Config *c, const char *name, nsec span)
{
        g_autoptr(GError) why = NULL;
        bool finished;

        if (!probe_run_patient(c, span, on_turn, w, &finished, &why)) {
                cli_error("wait: %s", why->message);
                return CLI_FAILED;
        }
        return w->seen && w->state == DEVICE_UP ? CLI_DONE : wait_fail(w, name);
}

int cmd_wait(const struct command *self, char **argv)
{
        __attribute__((cleanup(options_fini))) struct options o;
        g_autofree char *timeout = NULL;
        const GOptionEntry own[] = {
                {"timeout", 0, 0, G_OPTION_ARG_STRING, &timeout,
                 "How long; 0: one discovery round (30)", "SEC"},
                {0},
        };
        nsec span = WAIT_TIMEOUT_SEC_DEFAULT * NSEC_SEC;
        struct wait w = {0};
        int result;

        options_init(&o);
        if (!options_parse(&o, OPTIONS_PROBE, self, own, 1, 1, argv, &result))
                return result;
        if (!options_address(self->name, o.args[0], &w.addr) ||
            (timeout && !options_seconds(self->name, timeout, true, &span)))
                return CLI_USAGE;
        w.once = span == 0;
        if (w.once)
                span = WAIT_TIMEOUT_SEC_DEFAULT * NSEC_SEC;
        return wait_run(&w, o.config, o.args[0], span);
}
