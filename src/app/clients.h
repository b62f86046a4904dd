/* SPDX-License-Identifier: MIT */
/* The keeper's control socket: who asked for the end, and waits for it. Root and the owner may. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define CLIENTS_MAX 8

struct clients {
        int listen_fd; /* borrowed; -1: not in use */
        unsigned count;
        struct {
                int fd; /* owned */
                bool asked;
                bool answered; /* held until the end, which is what it waits for */
        } all[CLIENTS_MAX];
};

void clients_init(struct clients *c, int listen_fd);
void clients_fini(struct clients *c);
/* fds: room for CLIENTS_MAX + 1. Returns how many were filled. */
size_t clients_fill(const struct clients *c, struct pollfd *fds);
/* Takes whoever knocks, lets go of whoever left. true: one asked something (NUL-terminated). */
bool clients_read(struct clients *c, char *question, size_t bytes);
/* Does one wait for an answer? */
bool clients_are_waiting(const struct clients *c);
/* To all who asked and wait: "WORD ERROR TEXT". */
void clients_answer(struct clients *c, const char *word, int error, const char *text);
