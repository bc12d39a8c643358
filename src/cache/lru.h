/* Recency order of the users in memory: who was not used for longest?
 *
 *     oldest -> ... -> newest        links: struct user's `older` and `newer`
 *
 * Memory: some handles; the links lie in the users' blocks.  Thread: the shard's.
 */
#ifndef CACHE_LRU_H
#define CACHE_LRU_H

#include "memory/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct lru {
    struct slab *lent_slab;
    uint32_t oldest; /* BLOCK_NONE when empty. */
    uint32_t newest;
    uint32_t cursor; /* Of a walk: the next user. BLOCK_NONE: there is none. */
    uint32_t mark;   /* Whoever is newer became the newest after the walk had begun. */
    bool walks_to_mark;
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

/* The user, who is in the order, was copied from `from` to `block`, links included: mends what
 * points at it. */
void lru_mend(struct lru *self, uint32_t from, uint32_t block);

/* A walk from the newest user to the oldest, one at a time, as slowly as the caller likes: in
 * between users may come, be touched and go. Each who is in the order all the time is given once,
 * but for those who are touched before their turn has come: they are with the newest then, whom the
 * second walk gives, of those who have become the newest since the first began. */
void lru_begin_walk(struct lru *self);
void lru_begin_second_walk(struct lru *self);
/* BLOCK_NONE: those were all. */
uint32_t lru_walk(struct lru *self);

#endif
