/* Regions: address space taken from the system 64 MiB at a time, lent out as arenas of 64 KiB.
 *
 *     mapping      base, aligned to 64 KiB                 base + 64 MiB
 *     ┌───────────┬─────────┬─────────┬─────┬────────────┬──────────────────────────┐
 *     │ alignment │ arena 0 │ arena 1 │ ... │ arena 1023 │ struct region: metadata  │
 *     └───────────┴─────────┴─────────┴─────┴────────────┴──────────────────────────┘
 *
 * The inner half of memory/arena.h, and used by nothing else. An arena given back holds no memory
 * of the system from then on, but for spares, one and another for 32 that are taken: they count as
 * resident, so that a slab whose arenas fill and empty in turn does not call the system each time.
 * A region without a taken arena is unmapped.
 *
 * What describes the arenas stands behind them, so that a page of an arena never stays for the sake
 * of a list link; it takes 0.25 % of what it describes, and is not counted.
 *
 * Memory: mmap only; `struct regions` is the caller's.  Thread: the owner's.
 */
#ifndef MEMORY_REGION_H
#define MEMORY_REGION_H

#include "base/attribute.h"
#include "memory/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GRANULE_SIZE = 16,
    ARENA_GRANULES_LOG2 = 12,
    ARENA_GRANULES = 1 << ARENA_GRANULES_LOG2,
    REGION_ARENAS_LOG2 = 10,
    REGION_ARENAS = 1 << REGION_ARENAS_LOG2,
    REGION_GRANULES_LOG2 = ARENA_GRANULES_LOG2 + REGION_ARENAS_LOG2,
    REGION_SIZE = REGION_ARENAS * ARENA_SIZE,
    REGIONS_MAX = 1024,
    ARENA_SLOTS_MAX = ARENA_SIZE / BLOCK_SIZE_MIN,
    WORD_BITS = 64,
    ARENA_WORDS = ARENA_SLOTS_MAX / WORD_BITS,
};

/* Only `id` is set and read by the regions, the rest is the slab's. All zero before the first use.
 */
struct arena {
    struct arena *next;
    struct arena *previous;
    uint32_t id;         /* What the handles of its blocks have above their 12 low bits. */
    uint16_t taken;      /* Slots; of a large block's first arena: arenas. */
    uint16_t free_words; /* Which of free_slots are not 0. */
    uint8_t state;
    uint8_t class_index;
    uint8_t fill;
    uint64_t free_slots[ARENA_WORDS];
};

enum {
    REGIONS_SPARES_MAX = 64,
    /* One spare, and one more for so many resident arenas. */
    REGIONS_RESIDENT_A_SPARE = 32,
};

struct regions {
    uint8_t *bases[REGIONS_MAX];                 /* NULL: not mapped. */
    uint64_t with_free[REGIONS_MAX / WORD_BITS]; /* A bit for each region that has a free arena. */
    struct arena *spares[REGIONS_SPARES_MAX];
    uint32_t spares_count;
    uint32_t arenas_resident; /* The taken ones and the spares. */
    bool is_exhausted;        /* The system is to be taken for one that gives no more. */
};

/* What stands behind the arenas of a region. */
struct region {
    void *mapping;
    uint32_t arenas_free;
    uint64_t free_arenas[REGION_ARENAS / WORD_BITS];
    struct arena arenas[REGION_ARENAS];
};

/* Maps nothing. */
void regions_init(struct regions *self);

/* Unmaps all, taken or not. */
void regions_deinit(struct regions *self);

/* `count` arenas side by side (1 to REGION_ARENAS), the lowest there are in a mapped region, or
 * else in a fresh one: the first one's metadata, its id set. Their bytes are poisoned: the caller
 * lifts that slot by slot. NULL when the system gives no more address space, or all regions are in
 * use, or with is_exhausted. */
NODISCARD struct arena *regions_acquire(struct regions *self, uint32_t count);

/* The same `count` as acquired. */
void regions_release(struct regions *self, struct arena *arena, uint32_t count);

static inline struct region *regions_get_region(const struct regions *self, uint32_t index)
{
    return __builtin_assume_aligned(self->bases[index] + REGION_SIZE, ARENA_SIZE);
}

static inline struct arena *regions_get_arena(const struct regions *self, uint32_t id)
{
    return &regions_get_region(self, id >> REGION_ARENAS_LOG2)->arenas[id % REGION_ARENAS];
}

/* Where a granule, named as in a handle, is. */
static inline void *regions_get_address(const struct regions *self, uint32_t granule)
{
    uint8_t *const base = self->bases[granule >> REGION_GRANULES_LOG2];
    const uint32_t at = granule % (1U << REGION_GRANULES_LOG2);
    return base + (size_t)at * GRANULE_SIZE;
}

#endif
