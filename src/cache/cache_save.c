/* Saving a user: which leaves go into the image, and what a finished or failed write means for
 * them. */
#include "base/assert.h"
#include "cache/cache.h"
#include "cache/cache_internal.h"

static void unmark_leaf(struct cache *self, struct leaf_entry *entry)
{
    if (entry->flags & LEAF_DIRTY) {
        entry->flags &= (uint8_t)~LEAF_DIRTY;
        self->dirty_bytes -= slab_get_size(self->slab, entry->block);
    }
}

void cache_begin_save(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_DIRTY));
    ASSERT(!user_is(user, USER_WRITING));
    dirty_remove(&self->dirty, block);
    self->dirty_bytes -= slab_get_size(self->slab, block);
    user_set(user, USER_WRITING, true);
    user->era_writing = user->era;
    if (user_is(user, USER_LARGE)) {
        struct user_leaves *leaves = user_get_leaves(user);
        for (uint32_t i = 0; i < leaves->count; i++) {
            if (leaves->entries[i].flags & LEAF_DIRTY) {
                unmark_leaf(self, &leaves->entries[i]);
                leaves->entries[i].flags |= LEAF_COLLECTING;
            }
        }
    }
}

bool cache_next_save(struct cache *self, uint32_t block, struct channel_key from,
                     struct cache_piece *out_piece)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_WRITING));
    if (!user_is(user, USER_LARGE)) {
        return false;
    }
    struct user_leaves *leaves = user_get_leaves(user);
    for (uint32_t i = user_leaves_find(leaves, from); i < leaves->count; i++) {
        struct leaf_entry *entry = &leaves->entries[i];
        if (entry->flags & LEAF_COLLECTING) {
            /* What was dirtied since the beginning is in this copy too. */
            unmark_leaf(self, entry);
            entry->flags = (uint8_t)((entry->flags & ~LEAF_COLLECTING) | LEAF_WRITING);
            const uint8_t *leaf = user_leaf_get(self->slab, entry->block);
            *out_piece = (struct cache_piece){
                .fence = leaf_entry_get_fence(entry),
                .leaf = {.bytes = (const char *)leaf, .size = leaf_get_size(leaf)}};
            return true;
        }
    }
    return false;
}

uint32_t cache_count_changed(const struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    uint32_t changed = 0;
    if (user_is(user, USER_LARGE)) {
        const struct user_leaves *leaves = user_get_leaves(user);
        for (uint32_t i = 0; i < leaves->count; i++) {
            changed += (leaves->entries[i].flags & LEAF_DIRTY) != 0;
        }
    }
    return changed;
}

void cache_collect_changed(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_WRITING) && user_is(user, USER_LARGE));
    struct user_leaves *leaves = user_get_leaves(user);
    for (uint32_t i = 0; i < leaves->count; i++) {
        if (leaves->entries[i].flags & LEAF_DIRTY) {
            unmark_leaf(self, &leaves->entries[i]);
            leaves->entries[i].flags |= LEAF_COLLECTING;
        }
    }
}

struct cache_save_size cache_measure_save(const struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    struct cache_save_size size = {0};
    if (!user_is(user, USER_LARGE)) {
        size.bytes = (uint32_t)leaf_get_size(user_get_leaf(user));
        return size;
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    for (uint32_t i = 0; i < leaves->count; i++) {
        if (leaves->entries[i].flags & (LEAF_DIRTY | LEAF_COLLECTING)) {
            size.leaves++;
            size.bytes += (uint32_t)slab_get_size(self->slab, leaves->entries[i].block);
        }
    }
    return size;
}

struct record_head cache_get_record(const struct cache *self, uint32_t block)
{
    const struct user *user = cache_get(self, block);
    return (struct record_head){
        .in_leaves = user_is(user, USER_LARGE),
        .incarnation = user->incarnation,
        .version = user->version,
        .purged_to = user->purged_to,
        .live_states = user->live_states,
        .tombstones = user->tombstones,
    };
}

void cache_end_save(struct cache *self, uint32_t block, bool written, uint8_t epoch)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_WRITING));
    user_set(user, USER_WRITING, false);
    if (user_is(user, USER_LARGE)) {
        struct user_leaves *leaves = user_get_leaves(user);
        for (uint32_t i = 0; i < leaves->count; i++) {
            struct leaf_entry *entry = &leaves->entries[i];
            const bool part = (entry->flags & (LEAF_WRITING | LEAF_COLLECTING)) != 0;
            entry->flags &= LEAF_DIRTY;
            if (part && !written) {
                cache_mark_leaf_dirty(self, entry);
            }
        }
    }
    if (user_is(user, USER_DIRTY)) {
        dirty_unpark(&self->dirty, block);
    } else if (!written) {
        dirty_insert_due(&self->dirty, block, epoch);
        self->dirty_bytes += slab_get_size(self->slab, block);
        user->era = user->era_writing;
        self->eras[user->era]++;
    }
    if (!written) {
        cache_age(self, block, user->era_writing);
    }
    self->eras[user->era_writing]--;
}
