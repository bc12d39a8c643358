#include "cache/cache_hot.h"

struct taker {
    const struct cache *lent_cache;
    void (*take)(void *lent_context, struct user_id user);
    void *lent_context;
};

void cache_begin_hot(struct cache *self, struct cache_hot *hot)
{
    *hot = (struct cache_hot){.part = CACHE_HOT_HELD};
    lru_begin_walk(&self->lru);
}

static void give(const struct taker *taker, const struct user *user)
{
    if (user->version > 0) {
        taker->take(taker->lent_context, (struct user_id){user->id});
    }
}

static void visit(void *context, uint32_t block)
{
    const struct taker *taker = context;
    const struct user *user = cache_get(taker->lent_cache, block);
    if (user_is(user, USER_SUBSCRIBED) || user_is(user, USER_PARTIAL)) {
        give(taker, user);
    }
}

/* Buckets that are made or merged meanwhile may be missed: so may their users, who are found the
 * next time. */
static void walk_held(const struct cache *self, struct cache_hot *hot, uint32_t buckets,
                      struct taker *taker)
{
    const bool has_some = self->subscribed_users + self->partial_users > 0;
    for (uint32_t i = 0; has_some && i < buckets && hot->bucket < self->index.buckets; i++) {
        index_visit(&self->index, hot->bucket++, visit, taker);
    }
    if (!has_some || hot->bucket >= self->index.buckets) {
        hot->part = CACHE_HOT_USED;
    }
}

static bool walk_order(struct cache *self, uint32_t users_max, const struct taker *taker)
{
    uint32_t block = BLOCK_NONE;
    for (uint32_t i = 0; i < users_max; i++) {
        block = lru_walk(&self->lru);
        if (block == BLOCK_NONE) {
            return false;
        }
        give(taker, cache_get(self, block));
    }
    return true;
}

void cache_walk_hot(struct cache *self, struct cache_hot *hot, uint32_t users_max,
                    void (*take)(void *lent_context, struct user_id user), void *lent_context)
{
    struct taker taker = {.lent_cache = self, .take = take, .lent_context = lent_context};
    switch (hot->part) {
    case CACHE_HOT_HELD:
        walk_held(self, hot, 1 + users_max / INDEX_LOAD_MAX, &taker);
        return;
    case CACHE_HOT_USED:
        if (!walk_order(self, users_max, &taker)) {
            cache_skip_hot(self, hot);
        }
        return;
    case CACHE_HOT_SINCE:
        if (!walk_order(self, users_max, &taker)) {
            hot->part = CACHE_HOT_END;
        }
        return;
    case CACHE_HOT_END:
        return;
    }
}

void cache_skip_hot(struct cache *self, struct cache_hot *hot)
{
    hot->part = CACHE_HOT_SINCE;
    lru_begin_second_walk(&self->lru);
}

void cache_cool(struct cache *self, uint32_t block, uint32_t now_s)
{
    cache_get(self, block)->used_at_s = now_s;
    lru_remove(&self->lru, block);
    lru_insert_oldest(&self->lru, block);
}
