#include "memory/arena.h"

#include "base/assert.h"
#include "memory/box.h"
#include "memory/poison.h"
#include "memory/region.h"

#include <stdlib.h>

/* The size classes, each as X(from, to): it takes blocks of `from` to `to` granules, in slots of
 * `to`.
 *
 * Up to 512 bytes, where most users are, steps of 16 and then 32 bytes. From there on `to` is the
 * largest that lets some number of slots into an arena, so that at most 1.2 % of any arena lies
 * behind its last slot; steps between 5 % and 11 %. */
/* clang-format off */
#define CLASS_TABLE(X)                                                                             \
    X(0, 4) X(5, 5) X(6, 6) X(7, 7) X(8, 8) X(9, 9) X(10, 10) X(11, 11) X(12, 12) X(13, 13)        \
    X(14, 14) X(15, 15) X(16, 16)                                                                  \
    X(17, 18) X(19, 20) X(21, 22) X(23, 24) X(25, 26) X(27, 28) X(29, 30) X(31, 32)                \
    X(33, 34) X(35, 36) X(37, 39) X(40, 42) X(43, 45) X(46, 48) X(49, 52) X(53, 56) X(57, 60)      \
    X(61, 64)                                                                                      \
    X(65, 68) X(69, 71) X(72, 77) X(78, 83) X(84, 89) X(90, 95) X(96, 102) X(103, 110)             \
    X(111, 120) X(121, 128)                                                                        \
    X(129, 136) X(137, 146) X(147, 157) X(158, 170) X(171, 186) X(187, 204) X(205, 215)            \
    X(216, 227) X(228, 240) X(241, 256)                                                            \
    X(257, 273) X(274, 292) X(293, 315) X(316, 341) X(342, 372) X(373, 409) X(410, 455)            \
    X(456, 512)
/* clang-format on */

enum class_index {
#define X(from, to) CLASS_OF_##to,
    CLASS_TABLE(X)
#undef X
        CLASSES,
};

enum {
    /* Arenas with free slots stand in lists by how full they are: from the emptiest eighth to the
       fullest. */
    FILLS = 8,
    /* A division by a class's constant is a multiplication and a shift, exact for what an arena
       holds. */
    SLOT_SHIFT = 22,
    FILL_SHIFT = 16,
    /* What may be held beside what is used before blocks move: one part in eight, and this much. */
    SPARSE_ARENAS = 8,
};

struct class_shape {
    uint32_t slot_reciprocal; /* Of the slot's granules. */
    uint16_t granules;
    uint16_t slots;
    uint16_t fill_reciprocal; /* Of `slots`, times FILLS. */
};

static const struct class_shape shapes[CLASSES] = {
#define X(from, to)                                                                                \
    [CLASS_OF_##to] = {                                                                            \
        .slot_reciprocal = ((1U << SLOT_SHIFT) + (to) - 1) / (to),                                 \
        .granules = (to),                                                                          \
        .slots = ARENA_GRANULES / (to),                                                            \
        .fill_reciprocal = (FILLS << FILL_SHIFT) / (ARENA_GRANULES / (to) + 1),                    \
    },
    CLASS_TABLE(X)
#undef X
};

static const uint8_t class_of_granules[BLOCK_SLAB_SIZE_MAX / GRANULE_SIZE + 1] = {
#define X(from, to) [(from)...(to)] = CLASS_OF_##to,
    CLASS_TABLE(X)
#undef X
};

enum arena_state {
    ARENA_FREE,
    ARENA_CURRENT, /* Its class takes slots from here. */
    ARENA_PARTIAL, /* In the list of its fill. */
    ARENA_FULL,
    ARENA_DRAINING, /* Gives no slots: its blocks are on their way out. */
    ARENA_LARGE,    /* The first of a large block. */
};

struct slab_class {
    struct arena *current; /* Has a free slot; NULL: the next acquire finds one. */
    struct arena *partial[FILLS];
    uint32_t free_slots; /* In all arenas of the class. */
};

struct slab {
    struct slab_class classes[CLASSES];
    struct arena *draining; /* At most one at a time. */
    uint64_t used_bytes;
    uint64_t blocks;
    struct regions regions;
};

static size_t granules_of(size_t size)
{
    return (size + GRANULE_SIZE - 1) / GRANULE_SIZE;
}

static size_t arenas_of(size_t size)
{
    return (size + ARENA_SIZE - 1) / ARENA_SIZE;
}

static size_t shape_size(const struct class_shape *shape)
{
    return (size_t)shape->granules * GRANULE_SIZE;
}

enum status slab_create(struct slab **out_slab)
{
    struct slab *const self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    regions_init(&self->regions);
    *out_slab = self;
    return STATUS_OK;
}

void slab_destroy(struct slab **taken_slab)
{
    struct slab *const self = TAKE(*taken_slab);
    if (self == NULL) {
        return;
    }
    regions_deinit(&self->regions);
    free(self);
}

static void partial_insert(struct slab_class *self, struct arena *arena)
{
    const uint32_t reciprocal = shapes[arena->class_index].fill_reciprocal;
    arena->state = ARENA_PARTIAL;
    arena->fill = (uint8_t)(arena->taken * reciprocal >> FILL_SHIFT);
    struct arena **const head = &self->partial[arena->fill];
    arena->previous = NULL;
    arena->next = *head;
    if (*head != NULL) {
        (*head)->previous = arena;
    }
    *head = arena;
}

static void partial_remove(struct slab_class *self, struct arena *arena)
{
    if (arena->previous == NULL) {
        self->partial[arena->fill] = arena->next;
    } else {
        arena->previous->next = arena->next;
    }
    if (arena->next != NULL) {
        arena->next->previous = arena->previous;
    }
}

static struct arena *partial_find_fullest(const struct slab_class *self)
{
    for (uint32_t fill = FILLS; fill > 0; fill--) {
        if (self->partial[fill - 1] != NULL) {
            return self->partial[fill - 1];
        }
    }
    return NULL;
}

static struct arena *partial_find_sparsest(const struct slab_class *self)
{
    for (uint32_t fill = 0; fill < FILLS; fill++) {
        if (self->partial[fill] != NULL) {
            return self->partial[fill];
        }
    }
    return NULL;
}

static void arena_format(struct arena *arena, uint8_t class_index)
{
    const uint32_t slots = shapes[class_index].slots;
    arena->class_index = class_index;
    arena->taken = 0;
    arena->free_words = 0;
    for (uint32_t word = 0; word < ARENA_WORDS; word++) {
        const uint32_t before = word * WORD_BITS;
        const uint32_t left = slots > before ? slots - before : 0;
        arena->free_slots[word] = left >= WORD_BITS ? UINT64_MAX : (UINT64_C(1) << left) - 1;
        arena->free_words |= (uint16_t)((left > 0) << word);
    }
}

/* A class without a current arena gets one with a free slot; NULL when there is no memory. */
static struct arena *slab_find_current(struct slab *self, uint8_t class_index)
{
    struct slab_class *const class = &self->classes[class_index];
    struct arena *arena = partial_find_fullest(class);
    if (arena != NULL) {
        partial_remove(class, arena);
    } else if (self->draining != NULL && self->draining->class_index == class_index) {
        /* Better than to take an arena so that another can be given back. */
        arena = TAKE(self->draining);
    } else {
        arena = regions_acquire(&self->regions, 1);
        if (arena == NULL) {
            return NULL;
        }
        arena_format(arena, class_index);
        class->free_slots += shapes[class_index].slots;
    }
    arena->state = ARENA_CURRENT;
    class->current = arena;
    return arena;
}

static uint32_t slab_acquire_large(struct slab *self, size_t size)
{
    const size_t count = arenas_of(size);
    struct arena *const arena = regions_acquire(&self->regions, (uint32_t)count);
    if (arena == NULL) {
        return BLOCK_NONE;
    }
    arena->state = ARENA_LARGE;
    arena->taken = (uint16_t)count;
    self->used_bytes += count * ARENA_SIZE;
    self->blocks++;
    const uint32_t block = arena->id << ARENA_GRANULES_LOG2;
    memory_unpoison(regions_get_address(&self->regions, block), count * ARENA_SIZE);
    return block;
}

uint32_t slab_acquire(struct slab *self, size_t size)
{
    ASSERT(size >= 1 && size <= BLOCK_SIZE_MAX);
    if (UNLIKELY(size > BLOCK_SLAB_SIZE_MAX)) {
        return slab_acquire_large(self, size);
    }
    const uint8_t class_index = class_of_granules[granules_of(size)];
    const struct class_shape *const shape = &shapes[class_index];
    struct slab_class *const class = &self->classes[class_index];
    struct arena *arena = class->current;
    if (UNLIKELY(arena == NULL)) {
        arena = slab_find_current(self, class_index);
        if (arena == NULL) {
            return BLOCK_NONE;
        }
    }

    const uint32_t word = (uint32_t)__builtin_ctz(arena->free_words);
    const uint64_t slots = arena->free_slots[word];
    const uint32_t slot = word * WORD_BITS + (uint32_t)__builtin_ctzll(slots);
    arena->free_slots[word] = slots & (slots - 1);
    arena->free_words &= (uint16_t)~((arena->free_slots[word] == 0) << word);
    arena->taken++;
    if (UNLIKELY(arena->taken == shape->slots)) {
        arena->state = ARENA_FULL;
        class->current = NULL;
    }
    class->free_slots--;
    self->used_bytes += shape_size(shape);
    self->blocks++;

    const uint32_t block = arena->id << ARENA_GRANULES_LOG2 | slot * shape->granules;
    memory_unpoison(regions_get_address(&self->regions, block), shape_size(shape));
    return block;
}

static void slab_release_large(struct slab *self, struct arena *arena, uint32_t block)
{
    ASSERT(block == arena->id << ARENA_GRANULES_LOG2);
    const uint32_t count = arena->taken;
    arena->state = ARENA_FREE;
    arena->taken = 0;
    self->used_bytes -= (uint64_t)count * ARENA_SIZE;
    self->blocks--;
    regions_release(&self->regions, arena, count);
}

/* After a slot was freed: where does its arena belong now? */
static void slab_place_arena(struct slab *self, struct arena *arena)
{
    struct slab_class *const class = &self->classes[arena->class_index];
    const struct class_shape *const shape = &shapes[arena->class_index];
    const bool empty = arena->taken == 0;

    switch ((enum arena_state)arena->state) {
    case ARENA_CURRENT:
        if (empty) {
            class->current = NULL;
        }
        break;
    case ARENA_PARTIAL:
        if (empty) {
            partial_remove(class, arena);
        } else if ((uint32_t)arena->taken * shape->fill_reciprocal >> FILL_SHIFT != arena->fill) {
            partial_remove(class, arena);
            partial_insert(class, arena);
        }
        break;
    case ARENA_FULL:
        partial_insert(class, arena); /* No class has arenas of one slot. */
        break;
    case ARENA_DRAINING:
        if (empty) {
            self->draining = NULL;
        }
        break;
    case ARENA_FREE:
    case ARENA_LARGE:
        UNREACHABLE("the arena has no slots");
    }
    if (empty) {
        arena->state = ARENA_FREE;
        class->free_slots -= shape->slots;
        regions_release(&self->regions, arena, 1);
    }
}

void slab_release(struct slab *self, uint32_t block)
{
    struct arena *const arena = regions_get_arena(&self->regions, block >> ARENA_GRANULES_LOG2);
    if (UNLIKELY(arena->state == ARENA_LARGE)) {
        slab_release_large(self, arena, block);
        return;
    }
    const struct class_shape *const shape = &shapes[arena->class_index];
    const uint32_t granule = block % ARENA_GRANULES;
    const uint32_t slot = granule * shape->slot_reciprocal >> SLOT_SHIFT;
    const uint32_t word = slot / WORD_BITS;
    const uint64_t bit = UINT64_C(1) << (slot % WORD_BITS);
    ASSERT(slot * shape->granules == granule);
    ASSERT((arena->free_slots[word] & bit) == 0); /* Else it was released before. */

    memory_poison(regions_get_address(&self->regions, block), shape_size(shape));
    arena->free_slots[word] |= bit;
    arena->free_words |= (uint16_t)(1U << word);
    arena->taken--;
    self->classes[arena->class_index].free_slots++;
    self->used_bytes -= shape_size(shape);
    self->blocks--;
    slab_place_arena(self, arena);
}

void slab_set_exhausted(struct slab *self, bool is_exhausted)
{
    self->regions.is_exhausted = is_exhausted;
}

void *slab_get(const struct slab *self, uint32_t block)
{
    return regions_get_address(&self->regions, block);
}

size_t slab_get_size(const struct slab *self, uint32_t block)
{
    const struct arena *const arena =
        regions_get_arena(&self->regions, block >> ARENA_GRANULES_LOG2);
    if (arena->state == ARENA_LARGE) {
        return (size_t)arena->taken * ARENA_SIZE;
    }
    return shape_size(&shapes[arena->class_index]);
}

size_t slab_round_size(size_t size)
{
    ASSERT(size >= 1 && size <= BLOCK_SIZE_MAX);
    if (size > BLOCK_SLAB_SIZE_MAX) {
        return arenas_of(size) * ARENA_SIZE;
    }
    return shape_size(&shapes[class_of_granules[granules_of(size)]]);
}

struct slab_usage slab_peek_usage(const struct slab *self)
{
    return (struct slab_usage){
        .used_bytes = self->used_bytes,
        .resident_bytes = (uint64_t)self->regions.arenas_resident * ARENA_SIZE,
        .blocks = self->blocks,
    };
}

/* Would moving give an arena back? Then all of one arena's blocks find room in the others. */
static bool slab_class_has_gain(const struct slab *self, uint32_t class_index)
{
    return self->classes[class_index].free_slots >= shapes[class_index].slots;
}

/* The class whose free slots hold the most bytes; CLASSES where none has an arena to gain. */
static uint32_t slab_find_gain(const struct slab *self)
{
    uint32_t best = CLASSES;
    uint64_t best_granules = 0;
    for (uint32_t index = 0; index < CLASSES; index++) {
        const uint64_t granules =
            (uint64_t)self->classes[index].free_slots * shapes[index].granules;
        if (slab_class_has_gain(self, index) && granules > best_granules) {
            best = index;
            best_granules = granules;
        }
    }
    return best;
}

bool slab_is_sparse(const struct slab *self)
{
    const struct slab_usage usage = slab_peek_usage(self);
    const uint64_t allowed =
        usage.used_bytes + usage.used_bytes / 8 + (uint64_t)SPARSE_ARENAS * ARENA_SIZE;
    return usage.resident_bytes > allowed && slab_find_gain(self) != CLASSES;
}

static uint32_t arena_peek_first_block(const struct arena *arena)
{
    const struct class_shape *const shape = &shapes[arena->class_index];
    uint32_t word = 0;
    while (arena->free_slots[word] == UINT64_MAX) {
        word++;
    }
    /* Bits behind the last slot are 0 as well, but an arena that drains has a taken slot before
     * them. */
    const uint32_t slot = word * WORD_BITS + (uint32_t)__builtin_ctzll(~arena->free_slots[word]);
    ASSERT(slot < shape->slots);
    return arena->id << ARENA_GRANULES_LOG2 | slot * shape->granules;
}

uint32_t slab_find_move(struct slab *self)
{
    struct arena *arena = self->draining;
    if (arena != NULL && !slab_class_has_gain(self, arena->class_index)) {
        partial_insert(&self->classes[arena->class_index], TAKE(self->draining));
        arena = NULL;
    }
    if (arena == NULL) {
        const uint32_t index = slab_find_gain(self);
        if (index == CLASSES) {
            return BLOCK_NONE;
        }
        /* As the free slots make up an arena and none is empty, two have some: one is not the
         * current. */
        struct slab_class *const class = &self->classes[index];
        arena = partial_find_sparsest(class);
        ASSERT(arena != NULL);
        partial_remove(class, arena);
        arena->state = ARENA_DRAINING;
        self->draining = arena;
    }
    return arena_peek_first_block(arena);
}
