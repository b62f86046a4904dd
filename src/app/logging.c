/* SPDX-License-Identifier: MIT */
#include "app/logging.h"

#include <glib.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/check.h"

#define LOGGING_JOURNAL    "/run/systemd/journal/socket"
#define LOGGING_LINE_BYTES (LOGGING_TEXT_BYTES + 64)

/* One log a process, as with glib's own: written by logging_set() only. */
static int stderr_max = LOGGING_NOTICE;
static int system_max = LOGGING_NOWHERE;
static bool has_journal;
static bool is_installed;
static int crash_fd = -1; /* a datagram socket to syslog for the last words; never closed */

void logging_fill(struct logging_entry *e, int level, aoe_addr addr, const char *text)
{
        e->level = level;
        e->addr = addr;
        snprintf(e->text, sizeof(e->text), "%s", text);
        for (char *p = e->text; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = '?';
}

bool logging_limiter_pass(struct logging_limiter *l, aoe_addr addr, nsec now,
                          unsigned *ret_suppressed)
{
        unsigned idx = (addr ^ addr >> 8) % LOGGING_BUCKETS;
        nsec full_at = nsec_max(l->buckets[idx].full_at, now);

        if (full_at - now > (LOGGING_BURST - 1) * LOGGING_EVERY) {
                l->buckets[idx].suppressed++;
                return false;
        }
        l->buckets[idx].full_at = full_at + LOGGING_EVERY;
        *ret_suppressed = l->buckets[idx].suppressed;
        l->buckets[idx].suppressed = 0;
        return true;
}

static const int logging_priorities[] = {
        [LOGGING_ERROR] = LOG_ERR,
        [LOGGING_WARNING] = LOG_WARNING,
        [LOGGING_NOTICE] = LOG_NOTICE,
        [LOGGING_INFO] = LOG_INFO,
};

static int logging_level_of(int priority)
{
        int level = LOGGING_ERROR;

        while (level < LOGGING_INFO && logging_priorities[level] < priority)
                level++;
        return level;
}

static const char *logging_field(const GLogField *fields, gsize n, const char *key)
{
        for (gsize i = 0; i < n; i++)
                if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0)
                        return fields[i].value;
        return NULL;
}

/* The end of every line of this process, also of those that libraries write through glib. */
static GLogWriterOutput logging_writer(GLogLevelFlags flags, const GLogField *fields, gsize n,
                                       gpointer arg)
{
        const char *message = logging_field(fields, n, "MESSAGE");
        const char *priority = logging_field(fields, n, "PRIORITY");
        int level = priority ? logging_level_of(priority[0] - '0') : LOGGING_WARNING;

        (void)arg;
        if (!message)
                return G_LOG_WRITER_HANDLED;
        if (level <= stderr_max)
                fprintf(stderr, "aoefs: %s\n", message);
        if (level > system_max)
                return G_LOG_WRITER_HANDLED;
        if (!has_journal || g_log_writer_journald(flags, fields, n, NULL) != G_LOG_WRITER_HANDLED)
                syslog(logging_priorities[level], "%s", message);
        return G_LOG_WRITER_HANDLED;
}

static void logging_connect_crash(void)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};

        if (crash_fd >= 0)
                return;
        crash_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (crash_fd < 0)
                return;
        if (connect(crash_fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
                close(crash_fd); /* no syslog here: standard error has to do */
                crash_fd = -1;
        }
}

void logging_set(int stderr_level_max, int system_level_max)
{
        stderr_max = stderr_level_max;
        system_max = system_level_max;
        if (!is_installed)
                g_log_set_writer_func(logging_writer, NULL, NULL); /* glib allows it once */
        is_installed = true;
        if (system_max == LOGGING_NOWHERE)
                return;
        openlog("aoefs", LOG_PID | LOG_NDELAY, LOG_DAEMON);
        has_journal = access(LOGGING_JOURNAL, W_OK) == 0;
        logging_connect_crash();
}

static int logging_level_by_config(const Config *c)
{
        if (c->quiet)
                return LOGGING_ERROR;
        return c->verbose > 0 ? LOGGING_INFO : LOGGING_NOTICE;
}

void logging_set_by_config(const Config *c)
{
        int level = logging_level_by_config(c);

        if (c->foreground)
                logging_set(level, LOGGING_NOWHERE);
        else
                logging_set(level < LOGGING_WARNING ? level : LOGGING_WARNING, level);
}

void logging_detach(const Config *c)
{
        if (!c->foreground)
                logging_set(LOGGING_NOWHERE, logging_level_by_config(c));
}

void logging_format(const struct logging_entry *e, unsigned suppressed, char *buf, size_t bytes)
{
        char name[AOE_NAME_BYTES + 2] = "";
        char more[48] = "";

        if (e->addr != AOE_ADDR_ALL) {
                aoe_addr_format(e->addr, name);
                strcat(name, ": "); /* AOE_NAME_BYTES holds the longest name */
        }
        if (suppressed > 0)
                snprintf(more, sizeof(more), " (%u lines before it were left out)", suppressed);
        snprintf(buf, bytes, "%s%s%s", name, e->text, more);
}

static void logging_emit(const struct logging_entry *e, unsigned suppressed)
{
        char line[LOGGING_LINE_BYTES], name[AOE_NAME_BYTES] = "", priority[2] = "";
        GLogField fields[] = {
                {"MESSAGE", line, -1},
                {"PRIORITY", priority, -1},
                {"SYSLOG_IDENTIFIER", "aoefs", -1},
                {"AOEFS_DEVICE", name, -1},
        };
        gsize n = G_N_ELEMENTS(fields);

        CHECK(e->level >= LOGGING_ERROR);
        CHECK(e->level <= LOGGING_INFO);
        logging_format(e, suppressed, line, sizeof(line));
        priority[0] = (char)('0' + logging_priorities[e->level]);
        if (e->addr != AOE_ADDR_ALL)
                aoe_addr_format(e->addr, name);
        else
                n--;
        /* The flag is only what glib wants to see: an "error" there would abort. */
        g_log_structured_array(G_LOG_LEVEL_MESSAGE, fields, n);
}

void logging_write(const struct logging_entry *e, nsec now)
{
        static struct logging_limiter limiter; /* of the one thread that writes */
        unsigned suppressed = 0;

        if (e->addr != AOE_ADDR_ALL && !logging_limiter_pass(&limiter, e->addr, now, &suppressed))
                return;
        logging_emit(e, suppressed);
}

void logging_say(int level, const char *format, ...)
{
        struct logging_entry e;
        char text[LOGGING_TEXT_BYTES];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        logging_fill(&e, level, AOE_ADDR_ALL, text);
        logging_emit(&e, 0);
}

/* ---- last words: only async-signal-safe calls below ---- */

static size_t logging_append(char *line, size_t at, size_t room, const char *text)
{
        while (*text && at + 1 < room)
                line[at++] = *text++;
        line[at] = 0;
        return at;
}

static size_t logging_append_number(char *line, size_t at, size_t room, unsigned number)
{
        char digits[12];
        size_t idx = sizeof(digits) - 1;

        digits[idx] = 0;
        do {
                digits[--idx] = (char)('0' + number % 10);
                number /= 10;
        } while (number > 0);
        return logging_append(line, at, room, digits + idx);
}

static void logging_on_trap(int signal_number)
{
        char line[512] = "<26>aoefs: "; /* daemon.crit */
        size_t skip = 4, at = strlen(line);
        ssize_t n;

        if (check_failed.expr) { /* else somebody else's illegal instruction: just die */
                at = logging_append(line, at, sizeof(line), "CHECK failed at ");
                at = logging_append(line, at, sizeof(line), check_failed.file);
                at = logging_append(line, at, sizeof(line), ":");
                at = logging_append_number(line, at, sizeof(line), (unsigned)check_failed.line);
                at = logging_append(line, at, sizeof(line), ": ");
                at = logging_append(line, at, sizeof(line), check_failed.expr);
                if (crash_fd >= 0)
                        n = send(crash_fd, line, at, MSG_NOSIGNAL | MSG_DONTWAIT);
                at = logging_append(line, at, sizeof(line), "\n");
                n = write(STDERR_FILENO, line + skip, at - skip);
                (void)n; /* nothing is left to be done about it */
        }
        signal(signal_number, SIG_DFL); /* back to the trap: it kills, with a core */
}

void logging_catch_checks(void)
{
        struct sigaction sa = {.sa_handler = logging_on_trap};

        sigemptyset(&sa.sa_mask);
        CHECK(sigaction(SIGILL, &sa, NULL) == 0);
        CHECK(sigaction(SIGTRAP, &sa, NULL) == 0);
}
