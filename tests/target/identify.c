/* SPDX-License-Identifier: MIT */
/* IDENTIFY words are little-endian, strings have the bytes of each word swapped (ATA8-ACS 7.16). */
#include "target.h"

#include <stdio.h>
#include <string.h>

static void identify_string(uint8_t *words, size_t bytes, const char *text)
{
        char padded[64];

        snprintf(padded, sizeof padded, "%-*s", (int)bytes, text);
        for (size_t i = 0; i < bytes; i++)
                words[i ^ 1] = (uint8_t)padded[i];
}

static void identify_number(uint8_t *words, unsigned count, uint64_t v)
{
        for (unsigned i = 0; i < count * 2; i++)
                words[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t identify_sectors(struct target *t)
{
        if (applies(t, QUIRK_SIZE_LARGE))
                return t->sectors * 2;
        if (applies(t, QUIRK_SIZE_HUGE))
                return ((uint64_t)1 << 48) - 1;
        return applies(t, QUIRK_SIZE_ZERO) ? 0 : t->sectors;
}

void identify_build(struct target *t, uint8_t *p)
{
        bool only_28 = applies(t, QUIRK_SIZE_28), only_48 = applies(t, QUIRK_SIZE_48);
        unsigned lba48 = only_28 || only_48 ? 0 : 1 << 10, flush = 1 << 12;
        uint64_t sectors = identify_sectors(t);
        char serial[21];

        memset(p, 0, SECTOR);
        snprintf(serial, sizeof serial, "hostile-%u.%u", t->shelf, t->slot);
        identify_string(p + 2 * 10, 20, t->serial ? t->serial : serial);
        identify_string(p + 2 * 23, 8, "H1");
        identify_string(p + 2 * 27, 40, "aoefs hostile target");
        identify_number(p + 2 * 49, 1, 1 << 9); /* LBA */
        identify_number(p + 2 * 83, 1, 1 << 14 | lba48 | flush);
        identify_number(p + 2 * 86, 1, lba48 | flush);
        if (!only_48)
                identify_number(p + 2 * 60, 2, sectors < 0x0fffffff ? sectors : 0x0fffffff);
        if (!only_28)
                identify_number(p + 2 * 100, 4, sectors);
}
