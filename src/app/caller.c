/* SPDX-License-Identifier: MIT */
/* What goes through the pipe: "+" when ready; else an errno, a blank, and the error's text. */
#include "app/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/runtime.h"

#define CALLER_TEXT_BYTES 1024

void caller_init(struct caller *c)
{
        *c = (struct caller){.fd = -1};
}

bool caller_fork(struct caller *ret, GError **error)
{
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
                g_set_error(error, RUNTIME_ERROR, errno, "cannot start a process: %s",
                            g_strerror(errno));
                return false;
        }
        *ret = (struct caller){.fd = fds[pid == 0], .is_parent = pid > 0};
        close(fds[pid > 0]);
        if (pid == 0) {
                setsid();
                signal(SIGPIPE, SIG_IGN);
                if (chdir("/") < 0) /* keeps no folder busy; / is always there */
                        return true;
        }
        return true;
}

bool caller_wait(struct caller *c, GError **error)
{
        char text[CALLER_TEXT_BYTES];
        size_t at = 0;
        char *why;
        long number;

        while (at < sizeof(text) - 1) {
                ssize_t n = read(c->fd, text + at, sizeof(text) - 1 - at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                at += (size_t)n;
        }
        close(c->fd);
        c->fd = -1;
        text[at] = 0;
        if (text[0] == '+')
                return true;
        number = strtol(text, &why, 10);
        if (why == text || *why != ' ')
                g_set_error(error, RUNTIME_ERROR, EIO,
                            "the daemon died while starting: see its "
                            "log");
        else
                g_set_error(error, RUNTIME_ERROR, (int)number, "%s", why + 1);
        return false;
}

int caller_fd(const struct caller *c)
{
        return c->fd;
}

bool caller_ready(struct caller *c)
{
        int null_fd;
        bool heard;

        if (c->fd < 0)
                return true;
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = STDIN_FILENO; null_fd >= 0 && i <= STDERR_FILENO; i++)
                dup2(null_fd, i);
        if (null_fd > STDERR_FILENO)
                close(null_fd);
        heard = write(c->fd, "+", 1) == 1;
        close(c->fd);
        c->fd = -1;
        return heard;
}

bool caller_fail(struct caller *c, const GError *why)
{
        char text[CALLER_TEXT_BYTES];
        bool heard;

        if (c->fd < 0)
                return false;
        snprintf(text, sizeof(text), "%d %s", why->code, why->message);
        heard = write(c->fd, text, strlen(text)) > 0;
        close(c->fd);
        c->fd = -1;
        return heard;
}
