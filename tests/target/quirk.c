/* SPDX-License-Identifier: MIT */
/*
 * The table of quirks in the order of enum quirk: name, the row of the tolerance table (aoe.md
 * 4.10) that it stands for, and a line of help.
 */
#include "quirk.h"

#include <stdio.h>
#include <string.h>

static const struct {
        const char *name;
        unsigned row; /* 0: of none */
        const char *help;
} quirks[] = {
        [QUIRK_SIZE_LARGE] = {"size-large", 0, "IDENTIFY claims twice the size"},
        [QUIRK_SIZE_HUGE] = {"size-huge", 0, "IDENTIFY claims 2^48 - 1 sectors"},
        [QUIRK_SIZE_ZERO] = {"size-zero", 0, "IDENTIFY has no capacity"},
        [QUIRK_SIZE_28] = {"size-28", 16, "capacity only in words 60-61; aborts LBA48 commands"},
        [QUIRK_SIZE_48] = {"size-48", 16, "capacity only in words 100-103, no word about LBA48"},
        [QUIRK_SECTORS_LARGE] = {"sectors-large", 12, "claims 255 sectors a frame"},
        [QUIRK_SECTORS_ZERO] = {"sectors-zero", 12, "claims 0 sectors a frame, which means 2"},
        [QUIRK_BUFFERS] = {"buffers", 13, "claims the buffers of -b, which implies it"},
        [QUIRK_CCMD] = {"ccmd", 15, "config answers name another config command"},
        [QUIRK_EXACT] = {"exact", 1, "no answer is padded; else to 60 by bytes of the request"},
        [QUIRK_PADDED] = {"padded", 1, "short answers are padded to 60 with zeroes"},
        [QUIRK_LONG] = {"long", 1, "junk behind the data of every answer"},
        [QUIRK_VERSION_ZERO] = {"version-zero", 2, "the version nibble of all answers is 0"},
        [QUIRK_COUNT_ECHO] = {"count-echo", 5, "the sector count of answers is the request's"},
        [QUIRK_COUNT_FF] = {"count-ff", 5, "the sector count of answers is 0xff"},
        [QUIRK_COUNT_REST] = {"count-rest", 5, "after `abort`: what is left, and as much junk"},
        [QUIRK_NO_ECHO] = {"no-echo", 6, "flags and LBA of ATA answers are 0"},
        [QUIRK_STATUS_ZERO] = {"status-zero", 7, "success is status 0, error register random"},
        [QUIRK_BEACONS] = {"beacons", 3, "a beacon after each EVERY-th frame"},
        [QUIRK_DOUBLE] = {"double", 4, "every answer twice"},
        [QUIRK_REORDER] = {"reorder", 4, "answers to READ and WRITE eight at a time, backwards"},
        [QUIRK_ANY_ADDRESS] = {"any-address", 18, "answers for any shelf.slot, as its own"},
        [QUIRK_NEW_MAC] = {"new-mac", 19, "another MAC after `restart`"},
        [QUIRK_NO_FLUSH] = {"no-flush", 11, "no answer to FLUSH CACHE (EXT)"},
        [QUIRK_ABORT_FLUSH] = {"abort-flush", 0, "aborts FLUSH CACHE (EXT)"},
        [QUIRK_ECHO_FLUSH] = {"echo-flush", 8, "status of FLUSH CACHE (EXT) is the command byte"},
        [QUIRK_RESERVED] = {"reserved", 0, "error 6 for everything but IDENTIFY"},
        [QUIRK_ERROR_ZERO] = {"error-zero", 9, "in -r: E flag with code 0, and ABRT"},
        [QUIRK_ERROR_HIGH] = {"error-high", 9, "in -r: E flag with code 71, and a good status"},
        [QUIRK_ARGUMENT] = {"argument", 10, "in -r: error 2"},
        [QUIRK_ABORT] = {"abort", 0, "in -r: ATA error UNC"},
        [QUIRK_END_ARGUMENT] = {"end-argument", 10, "past the end: error 2, else IDNF"},
        [QUIRK_OVERSIZE_ABORT] = {"oversize-abort", 10, "too many sectors: ABRT, else error 2"},
        [QUIRK_SHORT_ERROR] = {"short-error", 1, "errors of AoE end after the header"},
        [QUIRK_SILENT_ERRORS] = {"silent-errors", 11, "no answer where it would be an error"},
        [QUIRK_CONFIG_ONLY] = {"config-only", 11, "answers Query Config and nothing else"},
        [QUIRK_MASKED] = {"masked", 11, "ignores the MAC of -x, which implies it"},
        [QUIRK_DROP_LARGE] = {"drop-large", 12, "frames of more than -n sectors do not arrive"},
        [QUIRK_CUT_LARGE] = {"cut-large", 10, "frames are cut behind -n sectors"},
        [QUIRK_MUTE_LARGE] = {"mute-large", 12, "answers of more than -n sectors do not leave"},
        [QUIRK_OVERFLOW] = {"overflow", 14, "room for -Q frames, which implies it; -t is slow"},
        [QUIRK_SHORT] = {"short", 1, "bogus: the frame ends before its data"},
        [QUIRK_FOREIGN] = {"foreign", 18, "bogus: another shelf.slot with the right tag"},
        [QUIRK_REFLECTED] = {"reflected", 17, "bogus: the request itself comes back"},
        [QUIRK_FOREIGN_TAG] = {"foreign-tag", 17, "bogus: the tag of another initiator"},
        [QUIRK_KERNEL_TAG] = {"kernel-tag", 17, "bogus: the tag's bit 31 clear, as Linux has it"},
        [QUIRK_WRONG_MAC] = {"wrong-mac", 17, "bogus: from another MAC"},
        [QUIRK_WRONG_TAG] = {"wrong-tag", 17, "bogus: the tag's lowest bit flipped"},
        [QUIRK_WRONG_COMMAND] = {"wrong-command", 17, "bogus: AoE command 2 with the right tag"},
        [QUIRK_VERSION_TWO] = {"version-two", 2, "bogus: the version nibble is 2"},
        [QUIRK_GARBAGE] = {"garbage", 0, "bogus: random bytes of random length, the right tag"},
        [QUIRK_SILENT] = {"silent", 11, "bogus: no answer at all"},
        [QUIRK_LATE] = {"late", 4, "bogus: first when it was sent again, both are answered"},
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
        puts("row quirk          what it does");
        for (int q = 0; q < QUIRK_COUNT; q++) {
                if (quirks[q].row)
                        printf("%3u ", quirks[q].row);
                else
                        printf("  - ");
                printf("%-14s %s\n", quirks[q].name, quirks[q].help);
        }
}
