/* SPDX-License-Identifier: MIT */
/* The pattern is made of 64-bit words of the disk; an unaligned piece starts inside a word. */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static uint64_t disk_word(uint32_t id, uint64_t word)
{
        uint64_t z = (uint64_t)id * UINT64_C(0xd1342543de82ef95) + word;

        z = (z ^ z >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
        return z ^ z >> 29;
}

void disk_pattern(uint32_t id, uint64_t offset, uint8_t *to, size_t bytes)
{
        while (bytes > 0) {
                uint64_t word = disk_word(id, offset / 8);
                size_t skip = offset % 8;
                size_t n = 8 - skip < bytes ? 8 - skip : bytes;

                memcpy(to, (uint8_t *)&word + skip, n);
                to += n;
                offset += n;
                bytes -= n;
        }
}

bool disk_is_pattern(uint32_t id, uint64_t offset, const uint8_t *data, size_t bytes)
{
        while (bytes > 0) {
                uint64_t word = disk_word(id, offset / 8);
                size_t skip = offset % 8;
                size_t n = 8 - skip < bytes ? 8 - skip : bytes;

                if (memcmp(data, (uint8_t *)&word + skip, n) != 0)
                        return false;
                data += n;
                offset += n;
                bytes -= n;
        }
        return true;
}

void disk_init(struct disk *d, uint32_t id, uint64_t sectors, uint64_t base, uint64_t count,
               bool lba48)
{
        CHECK(base + count <= sectors);
        *d = (struct disk){
                .id = DISK_ID_FIRST | id,
                .sectors = sectors,
                .base = base,
                .count = count,
                .lba48 = lba48,
                .data = malloc(count * DISK_SECTOR),
                .is_written = calloc(count, sizeof *d->is_written),
        };
        CHECK(d->data);
        CHECK(d->is_written);
}

void disk_fini(struct disk *d)
{
        free(d->data);
        free(d->is_written);
        *d = (struct disk){0};
}

void disk_read(const struct disk *d, uint64_t lba, uint8_t *to)
{
        uint64_t idx = lba - d->base;

        if (lba >= d->base && idx < d->count && d->is_written[idx])
                memcpy(to, d->data + idx * DISK_SECTOR, DISK_SECTOR);
        else
                disk_pattern(d->id, lba * DISK_SECTOR, to, DISK_SECTOR);
}

bool disk_write(struct disk *d, uint64_t lba, const uint8_t *from)
{
        uint64_t idx = lba - d->base;

        if (lba < d->base || idx >= d->count)
                return false;
        memcpy(d->data + idx * DISK_SECTOR, from, DISK_SECTOR);
        d->is_written[idx] = true;
        d->writes++;
        return true;
}

static void disk_store16(uint8_t *id, unsigned word, uint64_t value)
{
        id[2 * word] = (uint8_t)value;
        id[2 * word + 1] = (uint8_t)(value >> 8);
}

/* ATA strings: padded with blanks, the bytes of each word swapped. */
static void disk_store_string(uint8_t *id, unsigned word, size_t bytes, const char *s)
{
        size_t n = strlen(s);

        for (size_t i = 0; i < bytes; i++)
                id[2 * word + (i ^ 1)] = (uint8_t)(i < n ? s[i] : ' ');
}

void disk_serial(const struct disk *d, char to[21])
{
        snprintf(to, 21, "SIM-%u", d->id & ~DISK_ID_FIRST);
}

void disk_identify(const struct disk *d, uint8_t *to)
{
        uint64_t low = d->sectors < (1 << 28) ? d->sectors : (1 << 28) - 1;
        char serial[21];

        memset(to, 0, DISK_SECTOR);
        disk_serial(d, serial);
        disk_store_string(to, 10, 20, serial);
        disk_store_string(to, 23, 8, "1.0");
        disk_store_string(to, 27, 40, "Simulated disk");
        disk_store16(to, 60, low & 0xffff);
        disk_store16(to, 61, low >> 16);
        disk_store16(to, 83, d->lba48 ? 0x7400 : 0x5000); /* FLUSH, FLUSH EXT, LBA48 */
        disk_store16(to, 86, d->lba48 ? 0x3400 : 0x1000);
        disk_store16(to, 69, d->trim ? 0x4020 : 0);
        disk_store16(to, 169, d->trim ? 1 : 0);
        for (unsigned i = 0; d->lba48 && i < 4; i++)
                disk_store16(to, 100 + i, d->sectors >> (16 * i) & 0xffff);
}
