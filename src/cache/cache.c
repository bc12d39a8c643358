#include "cache/cache.h"

#include "base/assert.h"
#include "base/hash.h"
#include "cache/cache_internal.h"

#include <string.h>

_Static_assert(sizeof(struct user) == 64, "a user's head is one cache line");
_Static_assert(sizeof(struct leaf_entry) == 16, "a leaf's entry has no padding");

/* Leaves freed by cache_remove itself: more would take more than some 10 us. */
enum { REMOVED_AT_ONCE = 32 };

enum status cache_init(struct cache *self, uint64_t now_ms)
{
    *self = (struct cache){.removed = BLOCK_NONE};
    enum status status = slab_create(&self->slab);
    if (status != STATUS_OK) {
        return status;
    }
    status = index_init(&self->index, self->slab);
    if (status != STATUS_OK) {
        slab_destroy(&self->slab);
        return status;
    }
    lru_init(&self->lru, self->slab);
    dirty_init(&self->dirty, self->slab, now_ms);
    return STATUS_OK;
}

void cache_deinit(struct cache *self)
{
    index_deinit(&self->index);
    slab_destroy(&self->slab);
}

uint32_t cache_count_users(const struct cache *self)
{
    return self->index.users;
}

uint32_t cache_count_dirty(const struct cache *self)
{
    return self->dirty.counts[0] + self->dirty.counts[1];
}

uint64_t cache_count_bytes(const struct cache *self)
{
    return slab_peek_usage(self->slab).used_bytes;
}

uint32_t cache_find(const struct cache *self, struct user_id user)
{
    return index_find(&self->index, user);
}

struct user *cache_get(const struct cache *self, uint32_t block)
{
    return slab_get(self->slab, block);
}

size_t cache_size_small(size_t leaf_size)
{
    return sizeof(struct user) + leaf_size;
}

size_t cache_size_root(uint32_t leaves)
{
    return sizeof(struct user) + sizeof(struct user_leaves) + leaves * sizeof(struct leaf_entry);
}

size_t cache_size_leaf(size_t leaf_size)
{
    return USER_LEAF_HEAD_SIZE + leaf_size;
}

static bool is_in_lru(const struct user *user)
{
    return (user->flags & (USER_LOADING | USER_LEAVING | USER_SUBSCRIBED | USER_PARTIAL)) == 0;
}

void cache_relocate(struct cache *self, uint32_t from, uint32_t to)
{
    const struct user *user = cache_get(self, to);
    index_replace(&self->index, (struct user_id){user->id}, from, to);
    if (is_in_lru(user)) {
        lru_mend(&self->lru, from, to);
    }
    if (user_is(user, USER_DIRTY)) {
        dirty_mend(&self->dirty, to);
        self->dirty_bytes += slab_get_size(self->slab, to);
        self->dirty_bytes -= slab_get_size(self->slab, from);
    }
    slab_release(self->slab, from);
}

uint32_t cache_allot_leaf(struct cache *self, uint64_t user, size_t leaf_size)
{
    const uint32_t block = slab_acquire(self->slab, cache_size_leaf(leaf_size));
    if (block != BLOCK_NONE) {
        *(uint64_t *)slab_get(self->slab, block) = user | USER_BLOCK_IS_LEAF;
    }
    return block;
}

void cache_replace_leaf(struct cache *self, struct leaf_entry *entry, uint32_t block)
{
    if (entry->flags & LEAF_DIRTY) {
        self->dirty_bytes += slab_get_size(self->slab, block);
        self->dirty_bytes -= slab_get_size(self->slab, entry->block);
    }
    slab_release(self->slab, entry->block);
    entry->block = block;
}

void cache_mark_leaf_dirty(struct cache *self, struct leaf_entry *entry)
{
    if (!(entry->flags & LEAF_DIRTY)) {
        entry->flags |= LEAF_DIRTY;
        self->dirty_bytes += slab_get_size(self->slab, entry->block);
    }
}

void cache_mark_dirty(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    if (!user_is(user, USER_DIRTY)) {
        dirty_insert(&self->dirty, block, hash_user((struct user_id){user->id}) >> 8);
        self->dirty_bytes += slab_get_size(self->slab, block);
        user->era = self->era;
        self->eras[user->era]++;
    }
}

bool cache_era_is_older(const struct cache *self, uint8_t a, uint8_t b)
{
    /* Eras but the first go round from 1 to 255. */
    const unsigned age_of_a = (unsigned)(self->era - a + CACHE_ERAS - 1) % (CACHE_ERAS - 1);
    const unsigned age_of_b = (unsigned)(self->era - b + CACHE_ERAS - 1) % (CACHE_ERAS - 1);
    return b != 0 && (a == 0 || age_of_a > age_of_b);
}

void cache_age(struct cache *self, uint32_t block, uint8_t era)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_DIRTY));
    if (cache_era_is_older(self, era, user->era)) {
        self->eras[user->era]--;
        self->eras[era]++;
        user->era = era;
    }
}

void cache_mark_all_dirty(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    if (user_is(user, USER_LARGE)) {
        struct user_leaves *leaves = user_get_leaves(user);
        for (uint32_t i = 0; i < leaves->count; i++) {
            cache_mark_leaf_dirty(self, &leaves->entries[i]);
        }
    }
    cache_mark_dirty(self, block);
}

void cache_clear(struct cache *self, uint32_t block, uint32_t incarnation)
{
    struct user *user = cache_get(self, block);
    ASSERT(!user_is(user, USER_WRITING) && !user_is(user, USER_DIRTY));
    self->live_states -= user->live_states;
    if (user_is(user, USER_LARGE)) {
        struct user_leaves *leaves = user_get_leaves(user);
        while (leaves->count > 0) {
            slab_release(self->slab, leaves->entries[--leaves->count].block);
        }
        user_set(user, USER_LARGE, false);
    }
    /* A root has room for a leaf without rows. */
    leaf_init(user_get_leaf(user));
    user->version = 0;
    user->purged_to = 0;
    user->incarnation = incarnation;
    user->live_states = 0;
    user->tombstones = 0;
}

void cache_renew_era(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    if (user_is(user, USER_DIRTY)) {
        self->eras[user->era]--;
        self->eras[self->era]++;
        user->era = self->era;
    }
    if (user_is(user, USER_WRITING)) {
        self->eras[user->era_writing]--;
        self->eras[self->era]++;
        user->era_writing = self->era;
    }
}

static void user_init(struct user *user, struct user_id id, const struct record_head *head)
{
    *user = (struct user){
        .id = id.value,
        .version = head->version,
        .purged_to = head->purged_to,
        .incarnation = head->incarnation,
        .live_states = head->live_states,
        .tombstones = head->tombstones & USER_TOMBSTONES_MAX,
        .older = BLOCK_NONE,
        .newer = BLOCK_NONE,
        .dirty_before = BLOCK_NONE,
        .dirty_after = BLOCK_NONE,
        .chain = BLOCK_NONE,
    };
}

enum status cache_insert_small(struct cache *self, struct user_id user,
                               const struct record_head *head, struct slice leaf,
                               uint32_t *out_block)
{
    const uint32_t block = slab_acquire(self->slab, cache_size_small(leaf.size));
    if (block == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    struct user *new_user = cache_get(self, block);
    user_init(new_user, user, head);
    memcpy(user_get_leaf(new_user), leaf.bytes, leaf.size);
    index_insert(&self->index, user, block);
    lru_insert_newest(&self->lru, block);
    self->live_states += new_user->live_states;
    *out_block = block;
    return STATUS_OK;
}

enum status cache_insert(struct cache *self, struct user_id user, uint32_t *out_block)
{
    uint8_t leaf[LEAF_HEAD_SIZE];
    leaf_init(leaf);
    const struct record_head head = {0};
    const struct slice bytes = {.bytes = (const char *)leaf, .size = sizeof leaf};
    return cache_insert_small(self, user, &head, bytes, out_block);
}

enum status cache_insert_partial(struct cache *self, struct user_id user, uint32_t incarnation,
                                 uint32_t *out_block)
{
    const enum status status = cache_insert(self, user, out_block);
    if (status == STATUS_OK) {
        struct user *new_user = cache_get(self, *out_block);
        lru_remove(&self->lru, *out_block);
        user_set(new_user, USER_PARTIAL, true);
        self->partial_users++;
        new_user->incarnation = incarnation;
        new_user->older = BLOCK_NONE;
    }
    return status;
}

void cache_end_partial(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_PARTIAL));
    user_set(user, USER_PARTIAL, false);
    self->partial_users--;
    lru_insert_newest(&self->lru, block);
}

enum status cache_begin_load(struct cache *self, struct user_id user,
                             const struct record_head *head, uint32_t leaves, uint32_t *out_block)
{
    if (leaves == 0) {
        return STATUS_CORRUPT;
    }
    if (leaves > CACHE_LEAVES_MAX) {
        return STATUS_CACHE_FULL;
    }
    const uint32_t block = slab_acquire(self->slab, cache_size_root(leaves));
    if (block == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    struct user *new_user = cache_get(self, block);
    user_init(new_user, user, head);
    new_user->flags = USER_LARGE | USER_LOADING;
    /* Counted leaf by leaf: the sums are right even where the head and the leaves were not written
     * by one and the same save. */
    new_user->live_states = 0;
    new_user->tombstones = 0;
    *user_get_leaves(new_user) = (struct user_leaves){0};
    index_insert(&self->index, user, block);
    *out_block = block;
    return STATUS_OK;
}

enum status cache_load_leaf(struct cache *self, uint32_t block, struct channel_key fence,
                            struct slice leaf)
{
    struct user *user = cache_get(self, block);
    struct user_leaves *leaves = user_get_leaves(user);
    const struct leaf_totals totals = leaf_count_totals((const uint8_t *)leaf.bytes);
    if (user->tombstones + totals.tombstones > USER_TOMBSTONES_MAX) {
        return STATUS_CORRUPT;
    }
    const uint32_t leaf_block = cache_allot_leaf(self, user->id, leaf.size);
    if (leaf_block == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    memcpy(user_leaf_get(self->slab, leaf_block), leaf.bytes, leaf.size);
    user->live_states += totals.live_states;
    user->tombstones = (user->tombstones + totals.tombstones) & USER_TOMBSTONES_MAX;
    self->live_states += totals.live_states;
    leaves->mentions += totals.mentions;
    leaves->mentioned_states += totals.mentioned_states;
    leaves->entries[leaves->count++] =
        (struct leaf_entry){.fence_id = fence.id, .fence_type = fence.type, .block = leaf_block};
    return STATUS_OK;
}

void cache_end_load(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    ASSERT(user_is(user, USER_LOADING));
    user_set(user, USER_LOADING, false);
    lru_insert_newest(&self->lru, block);
}

void cache_remove(struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    ASSERT(!user_is(user, USER_WRITING));
    self->live_states -= user->live_states;
    self->partial_users -= user_is(user, USER_PARTIAL);
    self->subscribed_users -= user_is(user, USER_SUBSCRIBED);
    if (is_in_lru(user)) {
        lru_remove(&self->lru, block);
    }
    if (user_is(user, USER_DIRTY)) {
        dirty_remove(&self->dirty, block);
        self->dirty_bytes -= slab_get_size(self->slab, block);
        self->eras[user->era]--;
    }
    index_remove(&self->index, (struct user_id){user->id});
    if (user_is(user, USER_LARGE)) {
        user->older = self->removed;
        self->removed = block;
        (void)cache_turn_removed(self, REMOVED_AT_ONCE);
        return;
    }
    slab_release(self->slab, block);
}

bool cache_turn_removed(struct cache *self, uint32_t leaves_max)
{
    for (uint32_t freed = 0; self->removed != BLOCK_NONE && freed < leaves_max;) {
        const uint32_t block = self->removed;
        struct user *user = cache_get(self, block);
        struct user_leaves *leaves = user_get_leaves(user);
        for (; leaves->count > 0 && freed < leaves_max; freed++) {
            const struct leaf_entry *entry = &leaves->entries[--leaves->count];
            if (entry->flags & LEAF_DIRTY) {
                self->dirty_bytes -= slab_get_size(self->slab, entry->block);
            }
            slab_release(self->slab, entry->block);
        }
        if (leaves->count > 0) {
            break;
        }
        self->removed = user->older;
        slab_release(self->slab, block);
    }
    return self->removed != BLOCK_NONE;
}

void cache_touch(struct cache *self, uint32_t block, uint32_t now_s)
{
    struct user *user = cache_get(self, block);
    user->used_at_s = now_s;
    if (LIKELY(!user_is(user, USER_SUBSCRIBED))) {
        lru_touch(&self->lru, block);
    }
}

void cache_subscribe(struct cache *self, uint32_t block, uint32_t reader)
{
    struct user *user = cache_get(self, block);
    if (!user_is(user, USER_SUBSCRIBED)) {
        ASSERT(is_in_lru(user));
        lru_remove(&self->lru, block);
        user_set(user, USER_SUBSCRIBED, true);
        user_set_readers(user, 0);
        self->subscribed_users++;
    }
    user_set_readers(user, user_get_readers(user) | UINT64_C(1) << reader);
}

void cache_unsubscribe(struct cache *self, uint32_t block, uint32_t reader)
{
    struct user *user = cache_get(self, block);
    if (!user_is(user, USER_SUBSCRIBED)) {
        return;
    }
    user_set_readers(user, user_get_readers(user) & ~(UINT64_C(1) << reader));
    if (user_get_readers(user) == 0) {
        user_set(user, USER_SUBSCRIBED, false);
        self->subscribed_users--;
        lru_insert_newest(&self->lru, block);
    }
}

uint64_t cache_count_user_bytes(const struct cache *self, uint32_t block)
{
    struct user *user = cache_get(self, block);
    uint64_t bytes = slab_get_size(self->slab, block);
    if (user_is(user, USER_LARGE)) {
        const struct user_leaves *leaves = user_get_leaves(user);
        for (uint32_t i = 0; i < leaves->count; i++) {
            bytes += slab_get_size(self->slab, leaves->entries[i].block);
        }
    }
    return bytes;
}
