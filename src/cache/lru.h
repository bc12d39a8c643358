/* Recency order of the users in memory: who was not used for longest?
 *
 *     oldest -> ... -> newest        links: struct user's `older` and `newer`
 *
 * Memory: two handles; the links lie in the users' blocks.  Thread: the shard's.
 */
#ifndef CACHE_LRU_H
#define CACHE_LRU_H

#include "memory/arena.h"

#include <stdint.h>

struct lru {
    struct slab *lent_slab;
    uint32_t oldest; /* BLOCK_NONE when empty. */
    uint32_t newest;
};

void lru_init(struct lru *self, struct slab *lent_slab);

/* The user is in no order yet. */
void lru_insert_newest(struct lru *self, uint32_t block);
void lru_insert_oldest(struct lru *self, uint32_t block);

/* The user is in the order. */
void lru_touch(struct lru *self, uint32_t block);
void lru_remove(struct lru *self, uint32_t block);

/* Brings nearer what lru_touch will write to, if the user is in the order. The user itself is
 * read. */
void lru_prefetch_neighbours(const struct lru *self, uint32_t block);

/* The user, who is in the order, was copied to `block`, links included: mends what points at it. */
void lru_mend(struct lru *self, uint32_t block);

#endif
