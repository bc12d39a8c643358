/* Carrying over: what old segments of the journal hold of users whom the store does not take, into
 * the current one, as it is now. So a store that is down for long does not make the journal grow
 * with each change, but with what is unwritten. */
#include "base/assert.h"
#include "shard/shard_internal.h"

#include "journal/entry.h"

enum {
    /* Segments that are needed: with more, a round begins, */
    CARRY_ABOVE_SEGMENTS = 2 * JOURNAL_LONG_SEGMENTS,
    /* after which no user needs any but so many. */
    CARRY_KEPT_SEGMENTS = JOURNAL_LONG_SEGMENTS / 2,
    TURN_BUCKETS = 8,
};

static bool is_old(const struct shard *self, uint8_t era)
{
    return cache_era_is_older(&self->cache, era, self->carry_era);
}

/* All of a leaf as one entry. */
static bool journal_leaf(struct shard *self, const struct user *user, const uint8_t *leaf)
{
    struct buffer *to = self->config.lent_journal;
    const size_t size = leaf_get_size(leaf);
    char *bytes = buffer_reserve(to, journal_entry_measure_states(size));
    if (bytes == NULL) {
        return false;
    }
    const struct journal_entry head = {.user = {user->id},
                                       .incarnation = user->incarnation,
                                       .tombstones = user_is(user, USER_PARTIAL) ? user->older
                                                                                 : user->tombstones,
                                       .version = user->version,
                                       .purged_to = user->purged_to};
    memcpy(bytes + JOURNAL_STATES_HEAD_SIZE, leaf, size);
    journal_entry_encode_states((uint8_t *)bytes, &head, size);
    buffer_extend(to, journal_entry_measure_states(size));
    return true;
}

bool shard_journal_user(struct shard *self, uint32_t block, bool whole)
{
    if (self->config.lent_journal == NULL) {
        return true;
    }
    struct user *user = cache_get(&self->cache, block);
    if (!user_is(user, USER_LARGE)) {
        return journal_leaf(self, user, user_get_leaf(user));
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    bool done = true;
    for (uint32_t i = 0; i < leaves->count && done; i++) {
        const bool is_wanted = whole || leaves->entries[i].flags != 0;
        done = !is_wanted ||
               journal_leaf(self, user, user_leaf_get(self->cache.slab, leaves->entries[i].block));
    }
    return done;
}

static void visit(void *context, uint32_t block)
{
    struct shard *self = context;
    const struct user *user = cache_get(&self->cache, block);
    const bool needs_old = (user_is(user, USER_DIRTY) && is_old(self, user->era)) ||
                           (user_is(user, USER_WRITING) && is_old(self, user->era_writing));
    /* One that is being forgotten must not come back behind the entry that says so. */
    if (!needs_old || user_is(user, USER_FORGETTING) || self->carry_failed) {
        return;
    }
    if (!shard_journal_user(self, block, false)) {
        self->carry_failed = true;
        return;
    }
    cache_renew_era(&self->cache, block);
}

/* The era of the segment from which on users are left alone. */
static uint8_t find_kept_era(const struct shard *self)
{
    return shard_era_of(self->journal_segment - CARRY_KEPT_SEGMENTS);
}

bool shard_turn_carry(struct shard *self)
{
    if (self->config.lent_journal == NULL) {
        return false;
    }
    const uint64_t needed = self->journal_segment - self->journal_released;
    if (self->carry_bucket == 0) {
        if (needed <= CARRY_ABOVE_SEGMENTS) {
            return false;
        }
        self->carry_era = find_kept_era(self);
    }
    self->carry_failed = false;
    for (int i = 0; i < TURN_BUCKETS && self->carry_bucket < self->cache.index.buckets; i++) {
        index_visit(&self->cache.index, self->carry_bucket, visit, self);
        if (self->carry_failed) {
            return false;
        }
        self->carry_bucket++;
    }
    /* Buckets that were made or merged meanwhile: what was missed needs another round. */
    if (self->carry_bucket >= self->cache.index.buckets) {
        self->carry_bucket = 0;
    }
    return self->carry_bucket != 0;
}
