/* The ids of a shard's hottest users: what a warm restart loads.
 *
 *     [ held and used, hottest first ──► . . . ◄── since then, hottest last ]
 *
 * It is filled from both ends (cache/cache_hot.h): those who were used while it was being filled
 * are hotter than all the others, and take the place of the coldest where there is no room.
 *
 * Memory: one block on the heap, the owner's.  Thread: the owner's.
 */
#ifndef SHARD_HOT_LIST_H
#define SHARD_HOT_LIST_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct hot_list {
    uint64_t *ids; /* NULL: there is no list. */
    uint32_t capacity;
    uint32_t front; /* So many from the first place on, */
    uint32_t back;  /* and so many from the last place down. */
};

/* `capacity` is 1 or more. */
NODISCARD enum status hot_list_init(struct hot_list *self, uint32_t capacity);

/* Harmless where there is none. */
void hot_list_deinit(struct hot_list *self);

static inline uint32_t hot_list_count(const struct hot_list *self)
{
    return self->front + self->back;
}

static inline bool hot_list_is_full(const struct hot_list *self)
{
    return self->front + self->back == self->capacity;
}

static inline uint64_t hot_list_count_bytes(const struct hot_list *self)
{
    return (uint64_t)self->capacity * sizeof *self->ids;
}

/* Colder than all that were added so, and left out where the list is full. */
void hot_list_add(struct hot_list *self, struct user_id user);

/* Hotter than those, and colder than all that were added so. */
void hot_list_add_since(struct hot_list *self, struct user_id user);

/* The `at`-th, from the hottest on. */
struct user_id hot_list_get(const struct hot_list *self, uint32_t at);

#endif
