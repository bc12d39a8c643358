/* Recovery: what the journal had of users, and how it comes upon what the store has.
 *
 *     journal ──► partial user ──► first command, or time to be written ──► load ──► rows upon it
 *
 * Loading every user of the journal before anybody is served would take longer than anybody waits.
 * So what the journal had of a user stands in the cache by itself, marked, dirty, and due like
 * others; and comes upon what the store has when the user is loaded, of two states of a channel
 * that with the higher version. */
#include "base/assert.h"
#include "shard/shard_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOMBSTONES_UNKNOWN = UINT32_MAX,
    /* Loaded at once because they are to be written: what they take beyond the bounds, and what the
     * store has to do beside what clients ask for, are bounded. */
    MERGES_MAX = 16,
};

_Static_assert(BLOCK_NONE == UINT32_MAX, "a partial user that knows no tombstones says so");

static uint64_t get_higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Is what the user has of the channel newer than that version? Of a user that is whole, what is not
 * there was removed, and its tombstone has gone, if the user has come so far. */
static bool has_newer(const struct shard *self, uint32_t block, const struct cache_place *place,
                      uint64_t version)
{
    const struct user *user = cache_get(&self->cache, block);
    return place->there ? leaf_get_version(place->leaf, place->row) > version
                        : !user_is(user, USER_PARTIAL) && user->version >= version;
}

/* The state, unless what is there is newer. */
static enum status write_newer(struct shard *self, uint32_t *block, const struct read_state *state)
{
    const struct cache_place place = cache_find_state(&self->cache, *block, state->channel);
    if (has_newer(self, *block, &place, state->version)) {
        return STATUS_OK;
    }
    return cache_write_state(&self->cache, block, &place, state);
}

/* Rows `first` and after of a leaf, `rows_max` at the most. */
static enum status write_rows(struct shard *self, uint32_t *block, const uint8_t *leaf,
                              uint32_t first, uint32_t rows_max, uint32_t *out_next)
{
    const uint32_t rows = leaf_get_rows(leaf);
    enum status status = STATUS_OK;
    uint32_t row = first;
    for (; row < rows && row - first < rows_max && status == STATUS_OK; row++) {
        struct read_state state;
        leaf_read(leaf, row, &state);
        status = write_newer(self, block, &state);
    }
    *out_next = row;
    return status;
}

static enum status write_leaves(struct shard *self, uint32_t *block, const uint8_t *leaves,
                                size_t size)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < size && status == STATUS_OK; at += leaf_get_size(leaves + at)) {
        uint32_t next = 0;
        status = write_rows(self, block, leaves + at, 0, UINT32_MAX, &next);
    }
    return status;
}

static enum status write_plain(struct shard *self, uint32_t *block,
                               const struct journal_entry *entry)
{
    const struct cache_place place = cache_find_state(&self->cache, *block, entry->channel);
    if (has_newer(self, *block, &place, entry->version)) {
        return STATUS_OK;
    }
    uint64_t version = 0;
    if (place.there &&
        cache_ack_state(&self->cache, *block, &place, (struct message_id){entry->last_read},
                        entry->version, &version) == LEAF_ACKED_CHANGED) {
        return STATUS_OK;
    }
    struct read_state state;
    read_state_init(&state, entry->channel);
    state.last_read = entry->last_read;
    state.floor = entry->last_read;
    state.version = entry->version;
    return cache_write_state(&self->cache, block, &place, &state);
}

/* What the entry may take of the cache beside what is there. */
static uint64_t measure_entry(const struct shard *self, uint32_t block,
                              const struct journal_entry *entry)
{
    const uint64_t changes = 1 + entry->leaves.size / LEAF_HEAD_SIZE;
    const uint64_t rows =
        shard_room_to_change(self, block, (uint32_t)(changes < 4096 ? changes : 4096));
    return rows + entry->leaves.size + (block == BLOCK_NONE ? shard_room_to_insert() : 0);
}

static void note_head(struct user *user, const struct journal_entry *entry)
{
    if (user_is(user, USER_PARTIAL) && entry->kind == JOURNAL_STATES) {
        user->older = entry->tombstones;
    } else if (user_is(user, USER_PARTIAL) && entry->version > user->version + 1) {
        /* What came in between is in the store only. */
        user->older = TOMBSTONES_UNKNOWN;
    }
    user->version = get_higher(user->version, entry->version);
    user->purged_to = get_higher(user->purged_to, entry->purged_to);
}

/* A user that is whole already, since there was no room to leave it for later: the tombstones that
 * went with this change go. */
static void purge_as_then(struct shard *self, const struct journal_entry *entry, uint32_t block)
{
    const struct user *user = cache_get(&self->cache, block);
    if (entry->kind == JOURNAL_STATES && !user_is(user, USER_PARTIAL) &&
        user->version == entry->version) {
        cache_purge(&self->cache, &block, entry->tombstones);
        note_head(cache_get(&self->cache, block), entry);
    }
}

static enum status recover_change(struct shard *self, const struct journal_entry *entry,
                                  uint32_t block)
{
    enum status status = STATUS_OK;
    if (block == BLOCK_NONE) {
        status = cache_insert_partial(&self->cache, entry->user, entry->incarnation, &block);
        if (status != STATUS_OK) {
            return status;
        }
    }
    status =
        entry->kind == JOURNAL_PLAIN
            ? write_plain(self, &block, entry)
            : write_leaves(self, &block, (const uint8_t *)entry->leaves.bytes, entry->leaves.size);
    if (status == STATUS_OK) {
        cache_mark_dirty(&self->cache, block);
        note_head(cache_get(&self->cache, block), entry);
        purge_as_then(self, entry, block);
    }
    return status;
}

static void recover_forgetting(struct shard *self, const struct journal_entry *entry,
                               uint32_t block)
{
    uint32_t *generation = &self->generations[hash_slot_of_user(entry->user)];
    *generation = *generation > entry->incarnation ? *generation : entry->incarnation;
    if (block != BLOCK_NONE && cache_get(&self->cache, block)->incarnation < entry->incarnation) {
        cache_remove(&self->cache, block);
    }
}

enum status shard_recover(struct shard *self, const struct journal_entry *entry)
{
    ASSERT(self->cache.era == 0);
    const struct waiting *waiting = waiting_find(&self->waiting, entry->user);
    uint32_t block = cache_find(&self->cache, entry->user);
    const bool is_busy =
        (waiting != NULL && waiting->for_what != WAITING_FOR_NOTHING) ||
        (block != BLOCK_NONE && (user_is(cache_get(&self->cache, block), USER_WRITING) ||
                                 user_is(cache_get(&self->cache, block), USER_LEAVING)));
    if (is_busy) {
        return STATUS_BUSY;
    }
    if (entry->kind == JOURNAL_FORGETTING) {
        recover_forgetting(self, entry, block);
        return STATUS_OK;
    }
    if (block != BLOCK_NONE) {
        const uint32_t incarnation = cache_get(&self->cache, block)->incarnation;
        if (incarnation > entry->incarnation) {
            return STATUS_OK;
        }
        if (incarnation < entry->incarnation) {
            cache_remove(&self->cache, block);
            block = BLOCK_NONE;
        }
    }
    const enum status room =
        shard_make_room(self, measure_entry(self, block, entry), block == BLOCK_NONE, entry->user);
    self->is_short_of_room |= room != STATUS_OK;
    return room == STATUS_OK ? recover_change(self, entry, block) : STATUS_BUSY;
}

/* Where nobody else can go, what the user takes more must be borne: it can go after it. */
enum status shard_make_room_for_partial(struct shard *self, uint64_t bytes, struct user_id user)
{
    const enum status status = shard_make_room(self, bytes, 0, user);
    const uint32_t oldest = self->cache.lru.oldest;
    const bool nobody_can_go =
        self->leaving_users == 0 &&
        (oldest == BLOCK_NONE || cache_get(&self->cache, oldest)->id == user.value);
    return nobody_can_go ? STATUS_OK : status;
}

bool shard_may_merge(const struct shard *self)
{
    return self->loads_in_flight + self->images_held < MERGES_MAX &&
           breaker_may(&self->breaker, self->now_ms);
}

void shard_begin_merge(struct shard *self, uint32_t block)
{
    const struct user_id user = {cache_get(&self->cache, block)->id};
    /* Nobody has this connection: the answer goes nowhere. */
    const struct waiter waiter = {
        .command = {.kind = COMMAND_FLUSH_USER,
                    .user = user,
                    .token = {.shard = (uint16_t)self->config.number, .connection = UINT32_MAX}}};
    dirty_park(&self->cache.dirty, block);
    const struct waiting *waiting = waiting_find(&self->waiting, user);
    if (waiting != NULL && waiting->first != NULL) {
        return;
    }
    shard_wait(self, &waiter, OUTCOME_NEEDS_LOAD);
    if (waiting_find(&self->waiting, user) == NULL) {
        /* There was no memory for it, or the store is not asked. */
        dirty_unpark(&self->cache.dirty, cache_find(&self->cache, user));
    }
}

static size_t measure_leaves(const struct shard *self, struct user *user)
{
    if (!user_is(user, USER_LARGE)) {
        return leaf_get_size(user_get_leaf(user));
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    size_t size = 0;
    for (uint32_t i = 0; i < leaves->count; i++) {
        size += leaf_get_size(user_leaf_get(self->cache.slab, leaves->entries[i].block));
    }
    return size;
}

static void copy_leaves(const struct shard *self, struct user *user, uint8_t *to)
{
    if (!user_is(user, USER_LARGE)) {
        const uint8_t *leaf = user_get_leaf(user);
        memcpy(to, leaf, leaf_get_size(leaf));
        return;
    }
    const struct user_leaves *leaves = user_get_leaves(user);
    for (uint32_t i = 0; i < leaves->count; i++) {
        const uint8_t *leaf = user_leaf_get(self->cache.slab, leaves->entries[i].block);
        const size_t size = leaf_get_size(leaf);
        memcpy(to, leaf, size);
        to += size;
    }
}

enum status shard_take_overlay(struct shard *self, struct waiting *waiting, uint32_t block)
{
    struct user *user = cache_get(&self->cache, block);
    ASSERT(user_is(user, USER_PARTIAL) && user_is(user, USER_DIRTY) && waiting->overlay == NULL);
    const size_t size = measure_leaves(self, user);
    struct overlay *overlay = malloc(sizeof *overlay + size);
    if (overlay == NULL) {
        return STATUS_MEMORY;
    }
    *overlay = (struct overlay){.incarnation = user->incarnation,
                                .version = user->version,
                                .purged_to = user->purged_to,
                                .tombstones = user->older,
                                .era = user->era,
                                .epoch = dirty_get_epoch(&self->cache.dirty, block),
                                .size = size};
    copy_leaves(self, user, overlay->leaves);
    /* Neither the journal nor a flush may take it for written meanwhile. */
    self->cache.eras[overlay->era]++;
    self->merging[overlay->epoch]++;
    waiting->overlay = overlay;
    cache_remove(&self->cache, block);
    return STATUS_OK;
}

static void end_overlay(struct shard *self, struct waiting *waiting)
{
    self->cache.eras[waiting->overlay->era]--;
    self->merging[waiting->overlay->epoch]--;
    free(waiting->overlay);
    waiting->overlay = NULL;
}

/* As dirty as it was before it was taken. */
static void note_dirt(struct shard *self, const struct overlay *overlay, uint32_t block)
{
    if (!user_is(cache_get(&self->cache, block), USER_DIRTY)) {
        return;
    }
    cache_age(&self->cache, block, overlay->era);
    if (dirty_get_epoch(&self->cache.dirty, block) != overlay->epoch) {
        dirty_remove(&self->cache.dirty, block);
        dirty_insert_due(&self->cache.dirty, block, overlay->epoch);
    }
}

void shard_return_overlay(struct shard *self, struct waiting *waiting)
{
    const struct overlay *overlay = waiting->overlay;
    if (overlay == NULL) {
        return;
    }
    uint32_t block = BLOCK_NONE;
    enum status status =
        cache_insert_partial(&self->cache, waiting->user, overlay->incarnation, &block);
    if (status == STATUS_OK) {
        status = write_leaves(self, &block, overlay->leaves, overlay->size);
    }
    /* It has what it took before. */
    ASSERT(status == STATUS_OK);
    cache_mark_dirty(&self->cache, block);
    struct user *user = cache_get(&self->cache, block);
    user->version = overlay->version;
    user->purged_to = overlay->purged_to;
    user->older = overlay->tombstones;
    note_dirt(self, overlay, block);
    end_overlay(self, waiting);
}

/* All rows are there. */
static void end_applying(struct shard *self, struct waiting *waiting, uint32_t block)
{
    const struct overlay *overlay = waiting->overlay;
    struct user *user = cache_get(&self->cache, block);
    if (overlay->version > user->version || overlay->purged_to > user->purged_to) {
        cache_mark_dirty(&self->cache, block);
    }
    const bool is_newest = overlay->version >= user->version;
    user->version = get_higher(user->version, overlay->version);
    if (is_newest && overlay->tombstones != TOMBSTONES_UNKNOWN) {
        cache_purge(&self->cache, &block, overlay->tombstones);
        user = cache_get(&self->cache, block);
    }
    user->purged_to = get_higher(user->purged_to, overlay->purged_to);
    note_dirt(self, overlay, block);
    end_overlay(self, waiting);
}

/* Only where the store was restored from elsewhere: what the journal had is newer than all of it.
 */
static void drop_older(struct shard *self, const struct overlay *overlay, uint32_t block)
{
    const struct user *user = cache_get(&self->cache, block);
    if (user->incarnation < overlay->incarnation && !user_is(user, USER_DIRTY)) {
        cache_clear(&self->cache, block, overlay->incarnation);
    }
}

enum overlay_outcome shard_apply_overlay(struct shard *self, struct waiting *waiting,
                                         uint32_t block)
{
    struct overlay *overlay = waiting->overlay;
    drop_older(self, overlay, block);
    if (cache_get(&self->cache, block)->incarnation > overlay->incarnation) {
        end_overlay(self, waiting);
        return OVERLAY_APPLIED;
    }
    uint32_t budget = TURN_ROWS;
    while (overlay->at < overlay->size && budget > 0) {
        const uint8_t *leaf = overlay->leaves + overlay->at;
        const uint32_t before = overlay->row;
        const uint64_t room = shard_room_to_change(self, block, 1);
        if (shard_make_room_for_partial(self, room, waiting->user) != STATUS_OK) {
            return OVERLAY_NEEDS_ROOM;
        }
        if (overlay->row < leaf_get_rows(leaf) &&
            write_rows(self, &block, leaf, before, 1, &overlay->row) != STATUS_OK) {
            overlay->row = before;
            return OVERLAY_NEEDS_ROOM;
        }
        budget--;
        if (overlay->row == leaf_get_rows(leaf)) {
            overlay->at += leaf_get_size(leaf);
            overlay->row = 0;
        }
    }
    if (overlay->at < overlay->size) {
        return OVERLAY_CONTINUES;
    }
    end_applying(self, waiting, block);
    return OVERLAY_APPLIED;
}

void shard_complete_partial(struct shard *self, uint32_t *block)
{
    const uint32_t tombstones = cache_get(&self->cache, *block)->older;
    const uint64_t purged_to = cache_get(&self->cache, *block)->purged_to;
    cache_end_partial(&self->cache, *block);
    dirty_unpark(&self->cache.dirty, *block);
    if (tombstones != TOMBSTONES_UNKNOWN) {
        cache_purge(&self->cache, block, tombstones);
        struct user *user = cache_get(&self->cache, *block);
        user->purged_to = get_higher(user->purged_to, purged_to);
    }
}
