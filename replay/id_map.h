/* Dense numbers for sparse ids: the first id inserted becomes 0, the next new one 1, and so on.
 *
 *     slots (open addressing, linear)         keys
 *     ┌───┬───┬───┬───┬───┬───┬───┬───┐       ┌──────┬──────┬──────┐
 *     │ - │ 1 │ - │ - │ 0 │ 2 │ - │ - │  ───► │ id 0 │ id 1 │ id 2 │
 *     └───┴───┴───┴───┴───┴───┴───┴───┘       └──────┴──────┴──────┘
 *
 * Memory: its own, until id_map_deinit.  Limit: 2^31 ids.
 */
#ifndef REPLAY_ID_MAP_H
#define REPLAY_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

#define ID_MAP_NONE UINT32_MAX

struct id_map {
    uint32_t *slots;    /* A number, or ID_MAP_NONE. */
    size_t slots_count; /* 0, or a power of two. */
    uint64_t *keys;
    size_t keys_capacity;
    uint32_t count;
};

void id_map_init(struct id_map *self);
void id_map_deinit(struct id_map *self);

/* The number of `key`: a new one where it was not there. */
uint32_t id_map_insert(struct id_map *self, uint64_t key);

/* The number of `key`, or ID_MAP_NONE. */
uint32_t id_map_find(const struct id_map *self, uint64_t key);

/* `number` is below self->count. */
uint64_t id_map_get_key(const struct id_map *self, uint32_t number);

#endif
