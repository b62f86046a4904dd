/* SPDX-License-Identifier: MIT */
/*
 * Orders on stdin, one a line; each that was obeyed is said back as "did LINE", so that a test need
 * not guess when it happened:
 *
 *   quirk NAME, honest NAME   begin with a quirk, and stop it
 *   size SECTORS              the disk grows or shrinks; nobody is told
 *   sectors SECTORS           -n from now on
 *   beacon                    announce the target
 *   restart                   forget the queue and the config string, and announce it
 */
#include "target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void control_restart(struct target *t)
{
        t->queue_count = 0;
        t->held_count = 0;
        for (unsigned i = 0; i < LATE_MAX; i++)
                t->late[i].bytes = 0;
        t->config = "";
        if (applies(t, QUIRK_NEW_MAC))
                t->mac[5]++;
        config_beacon(t);
}

/* false: no such order. */
static bool control_obey(struct target *t, const char *line)
{
        unsigned long long n;
        char name[32], rest;
        enum quirk q;

        if (sscanf(line, "quirk %31s", name) == 1 && quirk_find(name, &q))
                t->wants[q] = true;
        else if (sscanf(line, "honest %31s", name) == 1 && quirk_find(name, &q))
                t->wants[q] = false;
        else if (sscanf(line, "size %llu%c", &n, &rest) == 1 && n > 0)
                disk_resize(t, n);
        else if (sscanf(line, "sectors %llu%c", &n, &rest) == 1 && n <= 255)
                t->sectors_max = (unsigned)n;
        else if (!strcmp(line, "beacon"))
                config_beacon(t);
        else if (!strcmp(line, "restart"))
                control_restart(t);
        else
                return false;
        return true;
}

bool control_read(struct target *t)
{
        static char text[256];
        static size_t bytes;
        ssize_t n = read(STDIN_FILENO, text + bytes, sizeof text - bytes);
        char *end;

        if (n <= 0)
                return false;
        bytes += (size_t)n;
        while ((end = memchr(text, '\n', bytes))) {
                *end++ = '\0';
                printf("%s %s\n", control_obey(t, text) ? "did" : "cannot", text);
                bytes -= (size_t)(end - text);
                memmove(text, end, bytes);
        }
        fflush(stdout);
        return bytes < sizeof text;
}
