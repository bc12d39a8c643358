#include "replay/id_map.h"

#include "replay/array.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

/* Ids often ascend one by one: multiplying by an odd constant near 2^64 divided by the golden
 * ratio, and taking the upper half, spreads them. */
static size_t home_of(const struct id_map *self, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (self->slots_count - 1);
}

/* The slot that holds `key`, or the free one where it would go. */
static size_t slot_of(const struct id_map *self, uint64_t key)
{
    size_t slot = home_of(self, key);
    while (self->slots[slot] != ID_MAP_NONE && self->keys[self->slots[slot]] != key) {
        slot = (slot + 1) & (self->slots_count - 1);
    }
    return slot;
}

static void grow(struct id_map *self)
{
    const size_t wanted = self->slots_count == 0 ? SLOTS_MIN : self->slots_count * 2;
    size_t capacity = 0;
    free(self->slots);
    self->slots = array_reserve(NULL, &capacity, wanted, sizeof *self->slots);
    self->slots_count = wanted;
    for (size_t slot = 0; slot < wanted; slot++) {
        self->slots[slot] = ID_MAP_NONE;
    }
    for (uint32_t number = 0; number < self->count; number++) {
        self->slots[slot_of(self, self->keys[number])] = number;
    }
}

void id_map_init(struct id_map *self)
{
    *self = (struct id_map){0};
}

void id_map_deinit(struct id_map *self)
{
    free(self->slots);
    free(self->keys);
    *self = (struct id_map){0};
}

uint32_t id_map_insert(struct id_map *self, uint64_t key)
{
    /* At most half full, so that a search ends soon. */
    if ((size_t)self->count * 2 >= self->slots_count) {
        grow(self);
    }
    const size_t slot = slot_of(self, key);
    if (self->slots[slot] == ID_MAP_NONE) {
        self->keys = array_reserve(self->keys, &self->keys_capacity, (size_t)self->count + 1,
                                   sizeof *self->keys);
        self->keys[self->count] = key;
        self->slots[slot] = self->count;
        self->count++;
    }
    return self->slots[slot];
}

uint32_t id_map_find(const struct id_map *self, uint64_t key)
{
    return self->slots_count == 0 ? ID_MAP_NONE : self->slots[slot_of(self, key)];
}

uint64_t id_map_get_key(const struct id_map *self, uint32_t number)
{
    return self->keys[number];
}
