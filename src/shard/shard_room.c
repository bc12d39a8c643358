/* Room in the cache: who goes, in which order, and who waits for whom. */
#include "base/assert.h"
#include "shard/shard_internal.h"

/* An insertion may make the index one segment larger. */
uint64_t shard_room_to_insert(void)
{
    return ARENA_SIZE;
}

/* What `changes` changes of states may take beside what is there, at their worst: rows, leaves
 * being split, the root being written anew, every row of the leaves they are in getting wider. */
uint64_t shard_room_to_change(const struct shard *self, uint32_t block, uint32_t changes)
{
    const uint64_t more = changes - 1;
    uint64_t bytes = CACHE_CHANGE_BYTES_MAX + more * 2 * LEAF_ROW_SIZE_MAX;
    if (block == BLOCK_NONE || !user_is(cache_get(&self->cache, block), USER_LARGE)) {
        return bytes;
    }
    struct user *user = cache_get(&self->cache, block);
    const uint64_t rows = (uint64_t)user->live_states + user->tombstones;
    const uint64_t leaves = user_get_leaves(user)->count;
    const uint64_t touched = more < leaves ? more : leaves;
    const uint64_t all_wider = rows * LEAF_ROW_SIZE_MAX;
    const uint64_t touched_fuller = touched * USER_LEAF_SPLIT_SIZE;
    bytes += all_wider < touched_fuller ? all_wider : touched_fuller;
    return bytes + 2 * (slab_get_size(self->cache.slab, block) + ARENA_SIZE);
}

uint64_t shard_room_to_load(const struct image *image)
{
    const uint32_t pieces = image_count_pieces(image);
    uint64_t bytes = shard_room_to_insert();
    for (uint32_t i = 0; i < pieces; i++) {
        /* A small user's record has a shorter head than the block: the sum is a little more than
         * it takes. */
        bytes += slab_round_size(sizeof(struct user) + image_get_piece(image, i).size);
    }
    return bytes + slab_round_size(sizeof(struct user) + sizeof(struct user_leaves) +
                                   pieces * sizeof(struct leaf_entry));
}

void shard_evict(struct shard *self, uint32_t block)
{
    self->sent_away++;
    cache_remove(&self->cache, block);
    self->wants_turn |= self->cache.removed != BLOCK_NONE;
    metrics_add(self->lent_metrics, METRIC_EVICTED_USERS, 1);
}

void shard_leave(struct shard *self, uint32_t block)
{
    struct user *user = cache_get(&self->cache, block);
    ASSERT(!user_is(user, USER_LEAVING));
    self->sent_away++;
    lru_remove(&self->cache.lru, block);
    user_set(user, USER_LEAVING, true);
    self->leaving_users++;
    self->leaving_bytes += cache_count_user_bytes(&self->cache, block);
    if (!user_is(user, USER_WRITING)) {
        shard_begin_save(self, block);
    }
}

static void end_leaving(struct shard *self, uint32_t block)
{
    user_set(cache_get(&self->cache, block), USER_LEAVING, false);
    self->leaving_users--;
    self->leaving_bytes -= cache_count_user_bytes(&self->cache, block);
}

void shard_rescue(struct shard *self, uint32_t block)
{
    if (user_is(cache_get(&self->cache, block), USER_LEAVING)) {
        end_leaving(self, block);
        lru_insert_newest(&self->cache.lru, block);
    }
}

void shard_end_leaving(struct shard *self, uint32_t block)
{
    struct user *user = cache_get(&self->cache, block);
    end_leaving(self, block);
    lru_insert_oldest(&self->cache.lru, block);
    if (!user_is(user, USER_DIRTY)) {
        shard_evict(self, block);
    }
}

/* While the store takes no writes only those can go whose changes it has: the others are passed by,
 * and stand at the end of the order then, so that they are not passed by again at once. */
static enum status send_written_away(struct shard *self, struct user_id spare)
{
    for (int i = 0; i < TURN_PASSED_BY && self->cache.lru.oldest != BLOCK_NONE; i++) {
        const uint32_t block = self->cache.lru.oldest;
        const struct user *user = cache_get(&self->cache, block);
        if (!user_is(user, USER_DIRTY) && !user_is(user, USER_WRITING) && user->id != spare.value) {
            shard_evict(self, block);
            return STATUS_OK;
        }
        lru_touch(&self->cache.lru, block);
    }
    return STATUS_STORE;
}

/* Sends the least recently used user away, at once or after its write. */
static enum status send_oldest_away(struct shard *self, struct user_id spare)
{
    if (UNLIKELY(shard_store_is_ailing(self))) {
        return send_written_away(self, spare);
    }
    const uint32_t block = self->cache.lru.oldest;
    if (block == BLOCK_NONE || cache_get(&self->cache, block)->id == spare.value) {
        const bool has_partial = self->cache.partial_users > 0;
        const bool more_comes = self->leaving_users > 0 || self->leaf_queue.first != NULL;
        self->is_short_of_room |= has_partial;
        self->wants_turn |= has_partial;
        return more_comes || has_partial ? STATUS_BUSY : STATUS_CACHE_FULL;
    }
    const struct user *user = cache_get(&self->cache, block);
    if (!user_is(user, USER_DIRTY) && !user_is(user, USER_WRITING)) {
        shard_evict(self, block);
        return STATUS_OK;
    }
    if (!user_is(user, USER_WRITING) && !shard_may_save(self)) {
        return STATUS_BUSY;
    }
    shard_leave(self, block);
    return STATUS_OK;
}

enum status shard_make_room(struct shard *self, uint64_t bytes, uint32_t users,
                            struct user_id spare)
{
    for (int i = 0; i < TURN_EVICTIONS; i++) {
        const uint64_t bytes_then = cache_count_bytes(&self->cache) + self->reserved_bytes + bytes;
        const uint64_t users_then = (uint64_t)cache_count_users(&self->cache) + users;
        if (LIKELY(bytes_then <= self->ceiling_bytes && users_then <= self->ceiling_users)) {
            return STATUS_OK;
        }
        if (bytes > self->limits.cache_bytes) {
            return STATUS_CACHE_FULL;
        }
        if (self->cache.removed != BLOCK_NONE && bytes_then > self->ceiling_bytes) {
            (void)cache_turn_removed(&self->cache, TURN_LEAVES);
            self->sent_away++;
            i += TURN_LEAVES;
            continue;
        }
        if (!shard_store_is_ailing(self) &&
            bytes_then - self->leaving_bytes <= self->ceiling_bytes &&
            users_then - self->leaving_users <= self->ceiling_users) {
            return STATUS_BUSY;
        }
        const enum status status = send_oldest_away(self, spare);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_BUSY;
}

/* After a bound was lowered: down to it in slices. What leaves on the way lowers the ceilings, so
 * that room that was won is not taken again. */
bool shard_turn_room(struct shard *self)
{
    const uint64_t users_max =
        self->limits.cache_users == 0 ? UINT32_MAX : self->limits.cache_users;
    const bool freeing = cache_turn_removed(&self->cache, TURN_EVICTIONS);
    if (self->ceiling_bytes <= self->limits.cache_bytes && self->ceiling_users <= users_max) {
        return freeing;
    }
    bool more = true;
    /* What is still being freed counts: nobody goes for it. */
    for (int i = 0; i < TURN_EVICTIONS && more && self->cache.removed == BLOCK_NONE; i++) {
        const bool over =
            cache_count_bytes(&self->cache) - self->leaving_bytes > self->limits.cache_bytes ||
            cache_count_users(&self->cache) - self->leaving_users > users_max;
        more = over && send_oldest_away(self, (struct user_id){0}) == STATUS_OK;
    }
    const uint64_t bytes = cache_count_bytes(&self->cache);
    const uint64_t users = cache_count_users(&self->cache);
    self->ceiling_bytes = bytes > self->limits.cache_bytes ? bytes : self->limits.cache_bytes;
    self->ceiling_users = users > users_max ? users : users_max;
    return more;
}
