#include "memory/region.h"

#include "base/assert.h"
#include "memory/box.h"
#include "memory/poison.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

enum {
    REGION_WORDS = REGION_ARENAS / WORD_BITS,
    MAPPING_SIZE = ARENA_SIZE + REGION_SIZE + (int)sizeof(struct region),
};

void regions_init(struct regions *self)
{
    memset(self, 0, sizeof *self);
}

/* The first position from `from` on whose bit is `wanted`; REGION_ARENAS where there is none. */
static uint32_t bits_find(const uint64_t words[REGION_WORDS], uint32_t from, bool wanted)
{
    for (uint32_t word = from / WORD_BITS; word < REGION_WORDS; word++) {
        uint64_t bits = wanted ? words[word] : ~words[word];
        if (word == from / WORD_BITS) {
            bits &= UINT64_MAX << (from % WORD_BITS);
        }
        if (bits != 0) {
            return word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
        }
    }
    return REGION_ARENAS;
}

static void bits_flip(uint64_t words[REGION_WORDS], uint32_t from, uint32_t count)
{
    for (uint32_t at = from; at < from + count; at++) {
        words[at / WORD_BITS] ^= UINT64_C(1) << (at % WORD_BITS);
    }
}

/* The first of the lowest `count` free arenas side by side; REGION_ARENAS where there are none. */
static uint32_t region_find_run(const struct region *region, uint32_t count)
{
    if (region->arenas_free < count) {
        return REGION_ARENAS;
    }
    uint32_t begin = bits_find(region->free_arenas, 0, true);
    while (begin + count <= REGION_ARENAS) {
        const uint32_t end = bits_find(region->free_arenas, begin, false);
        if (end - begin >= count) {
            return begin;
        }
        begin = bits_find(region->free_arenas, end, true);
    }
    return REGION_ARENAS;
}

static void regions_mark_free(struct regions *self, uint32_t index)
{
    const uint64_t bit = UINT64_C(1) << (index % WORD_BITS);
    if (self->bases[index] != NULL && regions_get_region(self, index)->arenas_free > 0) {
        self->with_free[index / WORD_BITS] |= bit;
    } else {
        self->with_free[index / WORD_BITS] &= ~bit;
    }
}

/* The index of a fresh region; REGIONS_MAX when there can be no more. */
static uint32_t regions_map(struct regions *self)
{
    uint32_t index = 0;
    while (index < REGIONS_MAX && self->bases[index] != NULL) {
        index++;
    }
    if (index == REGIONS_MAX) {
        return REGIONS_MAX;
    }
    void *const mapping = mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        return REGIONS_MAX;
    }
    /* A huge page would make one touched byte cost 2 MiB, beside the count. Kernels without them
     * refuse: as good. */
    (void)madvise(mapping, MAPPING_SIZE, MADV_NOHUGEPAGE);

    uint8_t *const bytes = mapping;
    self->bases[index] = bytes + (-(uintptr_t)bytes & (ARENA_SIZE - 1));
    struct region *const region = regions_get_region(self, index);
    region->mapping = mapping;
    region->arenas_free = REGION_ARENAS;
    memset(region->free_arenas, 0xff, sizeof region->free_arenas);
    regions_mark_free(self, index);
    return index;
}

/* A region the system will not unmap (it would have to split a mapping, and has no more of them)
 * stays as an empty one. */
static void regions_unmap(struct regions *self, uint32_t index)
{
    void *const mapping = regions_get_region(self, index)->mapping;
    memory_unpoison(self->bases[index], REGION_SIZE);
    if (munmap(mapping, MAPPING_SIZE) == 0) {
        self->bases[index] = NULL;
    } else {
        (void)madvise(mapping, MAPPING_SIZE - sizeof(struct region), MADV_DONTNEED);
    }
    regions_mark_free(self, index);
}

void regions_deinit(struct regions *self)
{
    for (uint32_t index = 0; index < REGIONS_MAX; index++) {
        if (self->bases[index] != NULL) {
            regions_unmap(self, index);
        }
    }
}

static struct arena *region_acquire_run(struct regions *self, uint32_t index, uint32_t first,
                                        uint32_t count)
{
    struct region *const region = regions_get_region(self, index);
    bits_flip(region->free_arenas, first, count);
    region->arenas_free -= count;
    regions_mark_free(self, index);
    self->arenas_resident += count;

    struct arena *const arena = &region->arenas[first];
    arena->id = index << REGION_ARENAS_LOG2 | first;
    /* Here and not for the whole region at once, where the checker's own memory would be 8 MiB. */
    memory_poison(regions_get_address(self, arena->id << ARENA_GRANULES_LOG2),
                  (size_t)count * ARENA_SIZE);
    return arena;
}

/* The highest, or the lowest one's place. */
static uint32_t find_spare(const struct regions *self, bool highest)
{
    uint32_t found = 0;
    for (uint32_t i = 1; i < self->spares_count; i++) {
        if ((self->spares[i]->id > self->spares[found]->id) == highest) {
            found = i;
        }
    }
    return found;
}

static struct arena *take_spare(struct regions *self, uint32_t at)
{
    struct arena *const arena = self->spares[at];
    self->spares[at] = self->spares[--self->spares_count];
    return arena;
}

struct arena *regions_acquire(struct regions *self, uint32_t count)
{
    ASSERT(count >= 1 && count <= REGION_ARENAS);
    if (self->is_exhausted) {
        return NULL;
    }
    if (count == 1 && self->spares_count > 0) {
        return take_spare(self, find_spare(self, false));
    }
    for (uint32_t word = 0; word < REGIONS_MAX / WORD_BITS; word++) {
        for (uint64_t left = self->with_free[word]; left != 0; left &= left - 1) {
            const uint32_t index = word * WORD_BITS + (uint32_t)__builtin_ctzll(left);
            const uint32_t first = region_find_run(regions_get_region(self, index), count);
            if (first != REGION_ARENAS) {
                return region_acquire_run(self, index, first, count);
            }
        }
    }
    const uint32_t index = regions_map(self);
    return index == REGIONS_MAX ? NULL : region_acquire_run(self, index, 0, count);
}

static void regions_give_back(struct regions *self, const struct arena *arena, uint32_t count)
{
    const uint32_t index = arena->id >> REGION_ARENAS_LOG2;
    const uint32_t first = arena->id % REGION_ARENAS;
    struct region *const region = regions_get_region(self, index);

    bits_flip(region->free_arenas, first, count);
    region->arenas_free += count;
    self->arenas_resident -= count;
    if (region->arenas_free == REGION_ARENAS) {
        regions_unmap(self, index);
        return;
    }
    regions_mark_free(self, index);
    void *const bytes = regions_get_address(self, arena->id << ARENA_GRANULES_LOG2);
    const int failed = madvise(bytes, (size_t)count * ARENA_SIZE, MADV_DONTNEED);
    /* Only a range that is not ours, or locked pages, which nothing here asks for. */
    ASSERT(failed == 0);
}

/* How many spares stay. */
static uint32_t count_kept(const struct regions *self)
{
    const uint32_t kept = 1 + self->arenas_resident / REGIONS_RESIDENT_A_SPARE;
    return kept < REGIONS_SPARES_MAX ? kept : REGIONS_SPARES_MAX - 1;
}

void regions_release(struct regions *self, struct arena *arena, uint32_t count)
{
    memory_poison(regions_get_address(self, arena->id << ARENA_GRANULES_LOG2),
                  (size_t)count * ARENA_SIZE);
    if (count > 1) {
        regions_give_back(self, arena, count);
        return;
    }
    self->spares[self->spares_count++] = arena;
    /* The lower ones stay, so that high regions become empty. */
    while (self->spares_count > count_kept(self)) {
        regions_give_back(self, take_spare(self, find_spare(self, true)), 1);
    }
}
