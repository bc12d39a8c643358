/* The states of a user in the cache: finding, writing, listing; how a user becomes large, and
 * leaves split. */
#include "base/assert.h"
#include "cache/cache.h"
#include "cache/cache_internal.h"

#include <string.h>

struct cache_place cache_find_state(const struct cache *self, uint32_t block,
                                    struct channel_key channel)
{
    struct user *user = cache_get(self, block);
    uint8_t *leaf = user_get_leaf(user);
    uint32_t entry = 0;
    if (user_is(user, USER_LARGE)) {
        const struct user_leaves *leaves = user_get_leaves(user);
        entry = user_leaves_find(leaves, channel);
        leaf = user_leaf_get(self->slab, leaves->entries[entry].block);
    }
    uint32_t row = 0;
    const bool there = leaf_find(leaf, channel, &row);
    return (struct cache_place){
        .channel = channel, .leaf = leaf, .entry = entry, .row = row, .there = there};
}

/* Would the leaf's block, with `size` bytes needed, waste enough to be worth a smaller one? */
static bool is_too_roomy(const struct cache *self, uint32_t block, size_t size)
{
    return slab_round_size(size) < slab_get_size(self->slab, block) * 3 / 4;
}

/* The small user's block, of another size, with `state` written into its leaf. */
static enum status write_small(struct cache *self, uint32_t *block,
                               const struct leaf_change *change, const struct cache_place *place,
                               const struct read_state *state)
{
    const size_t size = cache_size_small(change->size);
    if (change->in_place && size <= slab_get_size(self->slab, *block) &&
        !is_too_roomy(self, *block, size)) {
        leaf_write(place->leaf, change, place->row, !place->there, state);
        return STATUS_OK;
    }
    const uint32_t to = slab_acquire(self->slab, size);
    if (to == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    struct user *user = cache_get(self, to);
    *user = *cache_get(self, *block);
    leaf_write_to(user_get_leaf(user), place->leaf, change, place->row, !place->there, state);
    cache_relocate(self, *block, to);
    *block = to;
    return STATUS_OK;
}

static enum status write_leaf(struct cache *self, struct user *user,
                              const struct leaf_change *change, const struct cache_place *place,
                              const struct read_state *state)
{
    struct leaf_entry *entry = &user_get_leaves(user)->entries[place->entry];
    const size_t size = cache_size_leaf(change->size);
    if (change->in_place && size <= slab_get_size(self->slab, entry->block) &&
        !is_too_roomy(self, entry->block, size)) {
        leaf_write(place->leaf, change, place->row, !place->there, state);
        return STATUS_OK;
    }
    const uint32_t to = cache_allot_leaf(self, user->id, change->size);
    if (to == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    leaf_write_to(user_leaf_get(self->slab, to), place->leaf, change, place->row, !place->there,
                  state);
    cache_replace_leaf(self, entry, to);
    return STATUS_OK;
}

/* Copies rows of a leaf into a leaf block of their own. BLOCK_NONE without memory. */
static uint32_t copy_rows(struct cache *self, uint64_t user, const uint8_t *leaf, uint32_t first,
                          uint32_t last)
{
    uint8_t rows[USER_LEAF_SPLIT_SIZE + LEAF_SIDE_SIZE_MAX];
    ASSERT(leaf_get_size(leaf) <= sizeof rows);
    const size_t size = leaf_copy_rows(rows, leaf, first, last);
    const uint32_t block = cache_allot_leaf(self, user, size);
    if (block != BLOCK_NONE) {
        memcpy(user_leaf_get(self->slab, block), rows, size);
    }
    return block;
}

/* A leaf as two: `out_halves` are new blocks, the leaf stays. */
static enum status copy_halves(struct cache *self, uint64_t user, const uint8_t *leaf,
                               uint32_t out_halves[2])
{
    const uint32_t middle = leaf_find_middle(leaf);
    const uint32_t left = copy_rows(self, user, leaf, 0, middle);
    if (left == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    const uint32_t right = copy_rows(self, user, leaf, middle, leaf_get_rows(leaf));
    if (right == BLOCK_NONE) {
        slab_release(self->slab, left);
        return STATUS_MEMORY;
    }
    out_halves[0] = left;
    out_halves[1] = right;
    return STATUS_OK;
}

static void set_fence(struct leaf_entry *entry, struct channel_key fence)
{
    entry->fence_id = fence.id;
    entry->fence_type = fence.type;
}

/* The small user becomes a root and two leaves. */
static enum status make_large(struct cache *self, uint32_t *block)
{
    struct user *small = cache_get(self, *block);
    const uint8_t *leaf = user_get_leaf(small);
    const struct leaf_totals totals = leaf_count_totals(leaf);
    const uint32_t root = slab_acquire(self->slab, cache_size_root(2));
    if (root == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    uint32_t halves[2];
    if (copy_halves(self, small->id, leaf, halves) != STATUS_OK) {
        slab_release(self->slab, root);
        return STATUS_MEMORY;
    }
    struct user *user = cache_get(self, root);
    *user = *small;
    struct user_leaves *leaves = user_get_leaves(user);
    *leaves = (struct user_leaves){
        .mentions = totals.mentions, .mentioned_states = totals.mentioned_states, .count = 2};
    leaves->entries[0] = (struct leaf_entry){.block = halves[0]};
    leaves->entries[1] = (struct leaf_entry){.block = halves[1]};
    set_fence(&leaves->entries[1], leaf_get_channel(user_leaf_get(self->slab, halves[1]), 0));
    user_set(user, USER_LARGE, true);
    cache_relocate(self, *block, root);
    *block = root;
    /* None of the leaves is in the store yet. */
    cache_mark_dirty(self, root);
    cache_mark_leaf_dirty(self, &leaves->entries[0]);
    cache_mark_leaf_dirty(self, &leaves->entries[1]);
    return STATUS_OK;
}

/* Room for one more entry in the root: it may move. */
static enum status grow_root(struct cache *self, uint32_t *block)
{
    const struct user_leaves *leaves = user_get_leaves(cache_get(self, *block));
    const size_t size = cache_size_root(leaves->count);
    if (cache_size_root(leaves->count + 1) <= slab_get_size(self->slab, *block)) {
        return STATUS_OK;
    }
    if (leaves->count == CACHE_LEAVES_MAX) {
        return STATUS_LIMIT;
    }
    const uint32_t room = leaves->count + leaves->count / 8 + 4;
    const uint32_t to = slab_acquire(
        self->slab, cache_size_root(room < CACHE_LEAVES_MAX ? room : CACHE_LEAVES_MAX));
    if (to == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    memcpy(slab_get(self->slab, to), slab_get(self->slab, *block), size);
    cache_relocate(self, *block, to);
    *block = to;
    return STATUS_OK;
}

static enum status split_leaf(struct cache *self, uint32_t *block, uint32_t at)
{
    const enum status status = grow_root(self, block);
    if (status != STATUS_OK) {
        return status;
    }
    struct user *user = cache_get(self, *block);
    struct user_leaves *leaves = user_get_leaves(user);
    struct leaf_entry *entry = &leaves->entries[at];
    uint32_t halves[2];
    if (copy_halves(self, user->id, user_leaf_get(self->slab, entry->block), halves) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    memmove(entry + 2, entry + 1, (leaves->count - at - 1) * sizeof *entry);
    leaves->count++;
    cache_replace_leaf(self, entry, halves[0]);
    /* A leaf of which the image being made has no copy yet goes into it as two. One that was
     * copied already was copied whole: its right half may not go into the same image a second
     * time. */
    entry[1] = (struct leaf_entry){.block = halves[1], .flags = entry->flags & LEAF_COLLECTING};
    set_fence(&entry[1], leaf_get_channel(user_leaf_get(self->slab, halves[1]), 0));
    cache_mark_dirty(self, *block);
    cache_mark_leaf_dirty(self, &entry[0]);
    cache_mark_leaf_dirty(self, &entry[1]);
    return STATUS_OK;
}

/* What a write adds to the sums of user and cache. */
struct sums_change {
    int32_t live_states;
    int32_t tombstones;
    int32_t mentioned_states;
    int64_t mentions;
};

static struct sums_change measure_sums(const struct cache_place *place,
                                       const struct read_state *state)
{
    struct state_view old = {.deleted = true};
    struct sums_change sums = {0};
    if (place->there) {
        leaf_view(place->leaf, place->row, &old);
        sums.tombstones -= old.deleted;
    }
    const uint32_t before = old.deleted ? 0 : old.mentions;
    const uint32_t after = state->deleted ? 0 : read_state_count_mentions(state);
    sums.tombstones += state->deleted;
    sums.live_states = (int32_t)old.deleted - (int32_t)state->deleted;
    sums.mentions = (int64_t)after - before;
    sums.mentioned_states = (int32_t)(after > 0) - (int32_t)(before > 0);
    return sums;
}

static void add_sums(struct cache *self, struct user *user, const struct sums_change *sums)
{
    user->live_states += (uint32_t)sums->live_states;
    user->tombstones = (user->tombstones + (uint32_t)sums->tombstones) & USER_TOMBSTONES_MAX;
    self->live_states += (uint64_t)(int64_t)sums->live_states;
    if (user_is(user, USER_LARGE)) {
        struct user_leaves *leaves = user_get_leaves(user);
        leaves->mentions += (uint64_t)sums->mentions;
        leaves->mentioned_states += (uint32_t)sums->mentioned_states;
    }
}

/* A place where the state fits: the user made large, or the leaf split, as long as it does not. */
static enum status make_fit(struct cache *self, uint32_t *block, struct cache_place *place,
                            const struct read_state *state, struct leaf_change *out_change)
{
    for (;;) {
        *out_change = leaf_measure(place->leaf, place->row, !place->there, state);
        if (out_change->size <= USER_LEAF_SPLIT_SIZE || leaf_get_rows(place->leaf) < 2) {
            return STATUS_OK;
        }
        const bool large = user_is(cache_get(self, *block), USER_LARGE);
        const enum status status =
            large ? split_leaf(self, block, place->entry) : make_large(self, block);
        if (status != STATUS_OK) {
            return status;
        }
        *place = cache_find_state(self, *block, place->channel);
    }
}

enum status cache_write_state(struct cache *self, uint32_t *block, const struct cache_place *place,
                              const struct read_state *state)
{
    struct cache_place at = *place;
    struct leaf_change change;
    enum status status = make_fit(self, block, &at, state, &change);
    if (status != STATUS_OK) {
        return status;
    }
    const struct sums_change sums = measure_sums(&at, state);
    struct user *user = cache_get(self, *block);
    status = user_is(user, USER_LARGE) ? write_leaf(self, user, &change, &at, state)
                                       : write_small(self, block, &change, &at, state);
    if (status != STATUS_OK) {
        return status;
    }
    user = cache_get(self, *block);
    add_sums(self, user, &sums);
    cache_mark_dirty(self, *block);
    if (user_is(user, USER_LARGE)) {
        cache_mark_leaf_dirty(self, &user_get_leaves(user)->entries[at.entry]);
    }
    return STATUS_OK;
}

static void shrink_small(struct cache *self, uint32_t *block, size_t leaf_size)
{
    const size_t size = cache_size_small(leaf_size);
    const uint32_t to =
        is_too_roomy(self, *block, size) ? slab_acquire(self->slab, size) : BLOCK_NONE;
    if (to != BLOCK_NONE) {
        memcpy(slab_get(self->slab, to), slab_get(self->slab, *block), size);
        cache_relocate(self, *block, to);
        *block = to;
    }
}

static void shrink_leaf(struct cache *self, const struct user *user, struct leaf_entry *entry,
                        size_t leaf_size)
{
    const bool roomy = is_too_roomy(self, entry->block, cache_size_leaf(leaf_size));
    const uint32_t to = roomy ? cache_allot_leaf(self, user->id, leaf_size) : BLOCK_NONE;
    if (to != BLOCK_NONE) {
        memcpy(user_leaf_get(self->slab, to), user_leaf_get(self->slab, entry->block), leaf_size);
        cache_replace_leaf(self, entry, to);
    }
}

/* Where there is no memory for a smaller block, the larger one stays. */
void cache_remove_state(struct cache *self, uint32_t *block, const struct cache_place *place)
{
    struct user *user = cache_get(self, *block);
    leaf_remove(place->leaf, place->row);
    const size_t leaf_size = leaf_get_size(place->leaf);
    cache_mark_dirty(self, *block);
    if (user_is(user, USER_LARGE)) {
        /* A leaf may stay without rows: its fence goes on leading to it. */
        struct leaf_entry *entry = &user_get_leaves(user)->entries[place->entry];
        cache_mark_leaf_dirty(self, entry);
        shrink_leaf(self, user, entry, leaf_size);
    } else {
        shrink_small(self, block, leaf_size);
    }
}

enum leaf_acked cache_ack_state(struct cache *self, uint32_t block, const struct cache_place *place,
                                struct message_id message, uint64_t version, uint64_t *out_version)
{
    const enum leaf_acked acked = leaf_ack(place->leaf, place->row, message, version, out_version);
    if (acked == LEAF_ACKED_CHANGED) {
        struct user *user = cache_get(self, block);
        cache_mark_dirty(self, block);
        if (user_is(user, USER_LARGE)) {
            cache_mark_leaf_dirty(self, &user_get_leaves(user)->entries[place->entry]);
        }
    }
    return acked;
}

struct leaf_totals cache_count_totals(const struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    if (!user_is(user, USER_LARGE)) {
        return leaf_count_totals(user_get_leaf(user));
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    return (struct leaf_totals){.mentions = leaves->mentions,
                                .mentioned_states = leaves->mentioned_states,
                                .live_states = user->live_states,
                                .tombstones = user->tombstones};
}

uint32_t cache_list_states(const struct cache *self, uint32_t block, struct channel_key from,
                           struct state_view *views, uint32_t views_max)
{
    struct user *user = cache_get(self, block);
    const struct cache_place start = cache_find_state(self, block, from);
    if (!user_is(user, USER_LARGE)) {
        return leaf_view_rows(start.leaf, start.row, views, views_max);
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    uint32_t count = leaf_view_rows(start.leaf, start.row, views, views_max);
    for (uint32_t i = start.entry + 1; i < leaves->count && count < views_max; i++) {
        const uint8_t *leaf = user_leaf_get(self->slab, leaves->entries[i].block);
        count += leaf_view_rows(leaf, 0, views + count, views_max - count);
    }
    return count;
}
