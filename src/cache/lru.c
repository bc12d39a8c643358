#include "cache/lru.h"

#include "base/attribute.h"
#include "base/prefetch.h"
#include "cache/user.h"

static struct user *user_at(const struct lru *self, uint32_t block)
{
    return slab_get(self->lent_slab, block);
}

void lru_init(struct lru *self, struct slab *lent_slab)
{
    *self = (struct lru){.lent_slab = lent_slab,
                         .oldest = BLOCK_NONE,
                         .newest = BLOCK_NONE,
                         .cursor = BLOCK_NONE,
                         .mark = BLOCK_NONE};
}

void lru_insert_newest(struct lru *self, uint32_t block)
{
    struct user *user = user_at(self, block);
    user->older = self->newest;
    user->newer = BLOCK_NONE;
    if (self->newest != BLOCK_NONE) {
        user_at(self, self->newest)->newer = block;
    } else {
        self->oldest = block;
    }
    self->newest = block;
}

void lru_insert_oldest(struct lru *self, uint32_t block)
{
    struct user *user = user_at(self, block);
    user->newer = self->oldest;
    user->older = BLOCK_NONE;
    if (self->oldest != BLOCK_NONE) {
        user_at(self, self->oldest)->older = block;
    } else {
        self->newest = block;
    }
    self->oldest = block;
}

/* A walk that stands at the user is to go on from `to`. */
static void move_walk(struct lru *self, uint32_t block, uint32_t to)
{
    if (UNLIKELY(self->cursor == block)) {
        self->cursor = to;
    }
    if (UNLIKELY(self->mark == block)) {
        self->mark = to;
    }
}

/* Makes the neighbours of `user`, or the ends of the list, point at these two instead of at it. */
static void point_at(struct lru *self, const struct user *user, uint32_t for_older,
                     uint32_t for_newer)
{
    if (user->older != BLOCK_NONE) {
        user_at(self, user->older)->newer = for_older;
    } else {
        self->oldest = for_older;
    }
    if (user->newer != BLOCK_NONE) {
        user_at(self, user->newer)->older = for_newer;
    } else {
        self->newest = for_newer;
    }
}

void lru_touch(struct lru *self, uint32_t block)
{
    if (self->newest != block) {
        lru_remove(self, block);
        lru_insert_newest(self, block);
    }
}

void lru_remove(struct lru *self, uint32_t block)
{
    struct user *user = user_at(self, block);
    move_walk(self, block, user->older);
    point_at(self, user, user->newer, user->older);
    user->older = BLOCK_NONE;
    user->newer = BLOCK_NONE;
}

void lru_prefetch_neighbours(const struct lru *self, uint32_t block)
{
    const struct user *user = user_at(self, block);
    if (user_is(user, USER_SUBSCRIBED)) {
        return;
    }
    if (user->older != BLOCK_NONE) {
        prefetch_line(user_at(self, user->older));
    }
    if (user->newer != BLOCK_NONE) {
        prefetch_line(user_at(self, user->newer));
    }
}

void lru_mend(struct lru *self, uint32_t from, uint32_t block)
{
    move_walk(self, from, block);
    point_at(self, user_at(self, block), block, block);
}

void lru_begin_walk(struct lru *self)
{
    self->cursor = self->newest;
    self->mark = self->newest;
    self->walks_to_mark = false;
}

void lru_begin_second_walk(struct lru *self)
{
    self->cursor = self->newest;
    self->walks_to_mark = true;
}

uint32_t lru_walk(struct lru *self)
{
    const uint32_t block = self->cursor;
    if (block == BLOCK_NONE || (self->walks_to_mark && block == self->mark)) {
        return BLOCK_NONE;
    }
    self->cursor = user_at(self, block)->older;
    return block;
}
