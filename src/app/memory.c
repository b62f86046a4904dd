/* SPDX-License-Identifier: MIT */
#include "app/memory.h"

#include <errno.h>
#include <sys/mman.h>

#include "io/privilege.h"

int memory_map(size_t bytes, void **ret)
{
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

void memory_unmap(void *p, size_t bytes)
{
        munmap(p, bytes);
}

static size_t memory_frame_count(size_t bytes, uint32_t room_bytes)
{
        size_t one = frame_pool_bytes(room_bytes, 1);
        size_t count = bytes / one;

        while (count > 0 && frame_pool_bytes(room_bytes, count) > bytes)
                count--;
        return count;
}

int memory_init(struct memory *m, unsigned mib, uint32_t room_bytes)
{
        size_t bytes = (size_t)mib << 20, page = 4096;
        size_t frames_bytes = bytes / 4 & ~(page - 1);
        size_t count = memory_frame_count(frames_bytes, room_bytes);
        size_t blocks = (bytes - frames_bytes) / ARENA_BLOCK_BYTES;
        int r;

        *m = (struct memory){.region_bytes = bytes, .arena_at = frames_bytes, .frame_count = count};
        m->meta_bytes = arena_meta_bytes(blocks);
        if (count < MEMORY_FRAMES_MIN || blocks == 0)
                return -ENOMEM;
        r = memory_map(m->region_bytes, &m->region);
        if (r < 0)
                return r;
        r = memory_map(m->meta_bytes, &m->meta);
        if (r < 0)
                return r;
        frame_pool_init(&m->frames, m->region, room_bytes, count);
        arena_init(&m->arena, (uint8_t *)m->region + frames_bytes, m->meta, blocks);
        return 0;
}

int memory_lock(struct memory *m)
{
        size_t frames = MEMORY_LOCKED_FRAMES_BYTES, arena = MEMORY_LOCKED_BYTES - frames;
        size_t arena_bytes = m->arena.blocks * ARENA_BLOCK_BYTES;
        int r, also;

        if (frames > m->arena_at)
                frames = m->arena_at;
        if (arena > arena_bytes)
                arena = arena_bytes;
        /* The arena hands out its lowest addresses first, the pool its lowest frames. */
        r = privilege_lock((uint8_t *)m->region + m->arena_at, arena);
        also = privilege_lock(m->region, frames);
        return r < 0 ? r : also;
}

void memory_fini(struct memory *m)
{
        if (m->region)
                munmap(m->region, m->region_bytes);
        if (m->meta)
                munmap(m->meta, m->meta_bytes);
        *m = (struct memory){0};
}
