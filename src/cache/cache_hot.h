/* Who was used last? A walk over the users of a cache, hottest first, in slices between which the
 * cache changes as it likes.
 *
 *     HELD   in nobody's order, since somebody reads them, or all of them is not known yet
 *     USED   in the order of use, from the newest on
 *     SINCE  those who have become the newest since the walk began: the hottest of all
 *
 * Each part begins with its hottest user. Whoever is touched after its turn is given twice: once
 * in its place, and among SINCE. Users without states are left out: the store has nothing of them.
 *
 * Memory: none; the order of use keeps a place for one walk.  Thread: the shard's.
 */
#ifndef CACHE_CACHE_HOT_H
#define CACHE_CACHE_HOT_H

#include "cache/cache.h"

enum cache_hot_part {
    CACHE_HOT_HELD,
    CACHE_HOT_USED,
    CACHE_HOT_SINCE,
    CACHE_HOT_END,
};

struct cache_hot {
    enum cache_hot_part part;
    uint32_t bucket; /* HELD: of the index, the next one. */
};

/* A walk that was under way ends. */
void cache_begin_hot(struct cache *self, struct cache_hot *hot);

/* A slice of the walk: gives some users of one part, hot->part at the call, `users_max` at the
 * most and a few more. What `take` is given is good for the call. At CACHE_HOT_END there is no
 * more. */
void cache_walk_hot(struct cache *self, struct cache_hot *hot, uint32_t users_max,
                    void (*take)(void *lent_context, struct user_id user), void *lent_context);

/* The rest of the part is left out, up to SINCE. */
void cache_skip_hot(struct cache *self, struct cache_hot *hot);

/* The user, who is in the order of use, becomes the oldest: the next to go. */
void cache_cool(struct cache *self, uint32_t block, uint32_t now_s);

#endif
