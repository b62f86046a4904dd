/* SPDX-License-Identifier: MIT */
#include "app/clients.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_ANSWER_BYTES 512

void clients_init(struct clients *c, int listen_fd)
{
        *c = (struct clients){.listen_fd = listen_fd};
}

void clients_fini(struct clients *c)
{
        while (c->count > 0)
                close(c->all[--c->count].fd);
}

size_t clients_fill(const struct clients *c, struct pollfd *fds)
{
        fds[0] = (struct pollfd){
                .fd = c->count < CLIENTS_MAX ? c->listen_fd : -1,
                .events = POLLIN,
        };
        for (unsigned i = 0; i < c->count; i++)
                fds[i + 1] = (struct pollfd){.fd = c->all[i].fd, .events = POLLIN};
        return c->count + 1;
}

/* The socket's mode lets nobody else in; this holds where modes do not. */
static bool clients_may(int fd)
{
        struct ucred cred;
        socklen_t len = sizeof(cred);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
               (cred.uid == 0 || cred.uid == geteuid());
}

static void clients_accept(struct clients *c)
{
        while (c->count < CLIENTS_MAX) {
                int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd < 0)
                        return;
                if (!clients_may(fd)) {
                        close(fd);
                        continue;
                }
                c->all[c->count].fd = fd;
                c->all[c->count].asked = false;
                c->all[c->count].answered = false;
                c->count++;
        }
}

static void clients_drop(struct clients *c, unsigned idx)
{
        close(c->all[idx].fd);
        c->all[idx] = c->all[--c->count];
}

bool clients_read(struct clients *c, char *question, size_t bytes)
{
        clients_accept(c);
        for (unsigned i = 0; i < c->count;) {
                ssize_t n = recv(c->all[i].fd, question, bytes - 1, 0);

                if (n > 0) {
                        question[n] = 0;
                        c->all[i].asked = true;
                        c->all[i].answered = false;
                        return true;
                }
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        i++;
                else
                        clients_drop(c, i);
        }
        return false;
}

bool clients_are_waiting(const struct clients *c)
{
        for (unsigned i = 0; i < c->count; i++)
                if (c->all[i].asked && !c->all[i].answered)
                        return true;
        return false;
}

void clients_answer(struct clients *c, const char *word, int error, const char *text)
{
        char answer[CLIENTS_ANSWER_BYTES];

        snprintf(answer, sizeof(answer), "%s %d %s", word, error, text);
        for (unsigned i = 0; i < c->count; i++) {
                if (!c->all[i].asked || c->all[i].answered)
                        continue;
                c->all[i].answered = true;
                if (send(c->all[i].fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
                        continue; /* it left, and hears nothing */
        }
}
