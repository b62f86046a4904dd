/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <poll.h>
#include <stdio.h>

static void serve_frame(struct target *t, const struct packet *ask, struct packet *a)
{
        unsigned shelf, slot;

        if (ask->bytes < HEADER_BYTES || get16(ask->data + AT_TYPE) != ETHERTYPE ||
            ask->data[AT_FLAGS] & 0x08)
                return;
        shelf = get16(ask->data + AT_SHELF);
        slot = ask->data[AT_SLOT];
        if ((shelf != t->shelf && shelf != 0xffff) || (slot != t->slot && slot != 0xff))
                if (!applies(t, QUIRK_ANY_ADDRESS))
                        return;
        if (ask->data[AT_COMMAND] == 1)
                config_serve(t, ask, a);
        else if (ask->data[AT_COMMAND] == 0)
                ata_serve(t, ask, a);
}

/* Signals are blocked and come as bytes of a descriptor: none is missed. */
void serve(struct target *t, int signals)
{
        static struct packet ask, answer;
        struct pollfd fds[] = {{t->fd, POLLIN, 0}, {signals, POLLIN, 0}};

        config_beacon(t, &answer);
        puts("ready");
        fflush(stdout);
        for (;;) {
                if (poll(fds, 2, -1) < 0)
                        die("poll");
                if (fds[1].revents)
                        return;
                if (link_receive(t, &ask))
                        serve_frame(t, &ask, &answer);
        }
}
