/* SPDX-License-Identifier: MIT */
/*
 * The table of quirks: name and one line of help, in the order of enum quirk.
 */
#include "quirk.h"

#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        const char *help;
} quirks[] = {
        [QUIRK_SIZE_LARGE] = {"size-large", "IDENTIFY claims twice the size; IDNF past the end"},
        [QUIRK_SIZE_HUGE] = {"size-huge", "IDENTIFY claims 2^48 - 1 sectors"},
        [QUIRK_SIZE_ZERO] = {"size-zero", "IDENTIFY has no capacity"},
        [QUIRK_SECTORS_LARGE] = {"sectors-large", "claims 255 sectors a frame; error 2 above -n"},
        [QUIRK_SECTORS_ZERO] = {"sectors-zero", "claims 0 sectors a frame, which means 2"},
        [QUIRK_VERSION_ZERO] = {"version-zero", "the version nibble of all answers is 0"},
        [QUIRK_COUNT_ECHO] = {"count-echo", "the sector count of answers is the request's"},
        [QUIRK_NO_ECHO] = {"no-echo", "flags and LBA of ATA answers are 0"},
        [QUIRK_LONG] = {"long", "junk behind the data of every answer"},
        [QUIRK_DOUBLE] = {"double", "every answer twice"},
        [QUIRK_ANY_ADDRESS] = {"any-address", "answers requests to any shelf.slot, as its own"},
        [QUIRK_NO_FLUSH] = {"no-flush", "no answer to FLUSH CACHE (EXT)"},
        [QUIRK_ABORT_FLUSH] = {"abort-flush", "aborts FLUSH CACHE (EXT)"},
        [QUIRK_ECHO_FLUSH] = {"echo-flush", "status of FLUSH CACHE (EXT) is the command byte"},
        [QUIRK_RESERVED] = {"reserved", "error 6 for everything but IDENTIFY"},
        [QUIRK_ERROR_ZERO] = {"error-zero", "in the range of -r: E flag with code 0, and ABRT"},
        [QUIRK_ABORT] = {"abort", "in the range of -r: ATA error UNC"},
        [QUIRK_SHORT] = {"short", "bogus: the frame ends before its data"},
        [QUIRK_FOREIGN] = {"foreign", "bogus: another shelf.slot with the right tag"},
        [QUIRK_REFLECTED] = {"reflected", "bogus: the request itself comes back"},
        [QUIRK_WRONG_MAC] = {"wrong-mac", "bogus: from another MAC"},
        [QUIRK_WRONG_TAG] = {"wrong-tag", "bogus: the tag's lowest bit flipped"},
        [QUIRK_WRONG_COMMAND] = {"wrong-command", "bogus: AoE command 2 with the right tag"},
        [QUIRK_VERSION_TWO] = {"version-two", "bogus: the version nibble is 2"},
        [QUIRK_GARBAGE] = {"garbage", "bogus: random bytes of random length with the right tag"},
        [QUIRK_SILENT] = {"silent", "bogus: no answer at all"},
};
_Static_assert(sizeof quirks / sizeof *quirks == QUIRK_COUNT, "a name for each quirk");

bool quirk_find(const char *name, enum quirk *ret)
{
        for (int q = 0; q < QUIRK_COUNT; q++)
                if (!strcmp(quirks[q].name, name)) {
                        *ret = (enum quirk)q;
                        return true;
                }
        return false;
}

const char *quirk_name(enum quirk q)
{
        return quirks[q].name;
}

void quirk_list(void)
{
        for (int q = 0; q < QUIRK_COUNT; q++)
                printf("%-14s %s\n", quirks[q].name, quirks[q].help);
}
