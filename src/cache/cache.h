/* The cache of one shard: which users are in memory, who goes next, who must be written when?
 *
 *     index ──► user block ──► leaf blocks (large users)
 *               ▲   ▲
 *              LRU  dirty queue
 *
 * It keeps users and says what they take. When to load, write and evict is the shard's business.
 *
 * A user is named by the handle of its root block, which changes when the block grows or is moved:
 * every function that may move it takes the handle by address. A handle is good until the next
 * call that is given another user, or none.
 *
 * Eras say how old a change is that the store does not have: which segments of the journal are
 * still needed. The caller names the present one, and asks of which ones there are such changes.
 * Era 0 is the oldest of all: what was recovered.
 *
 * Memory: one slab holds index, users and leaves; its used bytes are what cache-memory
 * bounds.  Thread: the shard's.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "cache/dirty.h"
#include "cache/index.h"
#include "cache/lru.h"
#include "cache/user.h"
#include "readstate/record.h"

enum { CACHE_ERAS = 256 };

struct cache {
    struct slab *slab;
    struct index index;
    struct lru lru;
    struct dirty dirty;
    /* Of the dirty users' blocks; of large users the root and the dirty leaves. */
    uint64_t dirty_bytes;
    uint64_t live_states;
    uint32_t partial_users;
    uint32_t subscribed_users;
    uint32_t eras[CACHE_ERAS]; /* Of each, how many users' unwritten changes began in it. */
    uint8_t era;
    uint32_t
        removed; /* Large users whose leaves are still to be freed, a chain. BLOCK_NONE: none. */
};

/* What one change of one state may take beside what is there already, while it is made: a leaf
 * being split, and the root it stands in. */
enum { CACHE_CHANGE_BYTES_MAX = 4 * BLOCK_SLAB_SIZE_MAX };

/* The most leaves of one user: as many as a root has room for. */
enum {
    CACHE_LEAVES_MAX = (BLOCK_SIZE_MAX - sizeof(struct user) - sizeof(struct user_leaves)) /
                       sizeof(struct leaf_entry)
};

NODISCARD enum status cache_init(struct cache *self, uint64_t now_ms);
void cache_deinit(struct cache *self);

uint32_t cache_count_users(const struct cache *self);
uint32_t cache_count_dirty(const struct cache *self);
uint64_t cache_count_bytes(const struct cache *self);

/* Users. */

/* BLOCK_NONE where the user is not in memory. Changes nothing. */
uint32_t cache_find(const struct cache *self, struct user_id user);
struct user *cache_get(const struct cache *self, uint32_t block);

/* A user without states, the newest in the LRU. STATUS_MEMORY changes nothing. */
NODISCARD enum status cache_insert(struct cache *self, struct user_id user, uint32_t *out_block);

/* A small user as it comes from the store, the newest in the LRU. */
NODISCARD enum status cache_insert_small(struct cache *self, struct user_id user,
                                         const struct record_head *head, struct slice leaf,
                                         uint32_t *out_block);

/* A large user, whose leaves come one by one, ascending by fence, and are `leaves` in all. It is
 * in the index, and in no other list, and flagged USER_LOADING, until cache_end_load. */
NODISCARD enum status cache_begin_load(struct cache *self, struct user_id user,
                                       const struct record_head *head, uint32_t leaves,
                                       uint32_t *out_block);
NODISCARD enum status cache_load_leaf(struct cache *self, uint32_t block, struct channel_key fence,
                                      struct slice leaf);
void cache_end_load(struct cache *self, uint32_t block);

/* A user of whom only what is written from now on is known, until cache_end_partial: in the index,
 * and not in the LRU. */
NODISCARD enum status cache_insert_partial(struct cache *self, struct user_id user,
                                           uint32_t incarnation, uint32_t *out_block);
/* That is all there is of the user: the newest in the LRU. */
void cache_end_partial(struct cache *self, uint32_t block);

/* The user is no more, and its memory is free: that of a large user after cache_turn_removed. Not
 * while it is being written. */
void cache_remove(struct cache *self, uint32_t block);

/* Frees up to `leaves_max` leaves of large users that were removed. False: none is left. */
bool cache_turn_removed(struct cache *self, uint32_t leaves_max);

void cache_touch(struct cache *self, uint32_t block, uint32_t now_s);

/* The user, who is in the LRU or has other readers, stays in memory for `reader`, 0 to 63: out of
 * the LRU. */
void cache_subscribe(struct cache *self, uint32_t block, uint32_t reader);

/* Without readers the user is back in the LRU, as the newest. */
void cache_unsubscribe(struct cache *self, uint32_t block, uint32_t reader);

/* States. */

/* Where a channel's state stands, or would stand. Good until the user is changed. */
struct cache_place {
    struct channel_key channel;
    uint8_t *leaf;
    uint32_t entry; /* Of a large user's directory. */
    uint32_t row;
    bool there;
};

struct cache_place cache_find_state(const struct cache *self, uint32_t block,
                                    struct channel_key channel);

/* Writes `state` at its place, makes the user dirty, and may move the user. `place` is used up.
 * STATUS_MEMORY changes nothing. */
NODISCARD enum status cache_write_state(struct cache *self, uint32_t *block,
                                        const struct cache_place *place,
                                        const struct read_state *state);

/* An ack of a state that is there, and plain (leaf_ack): the user becomes dirty where it changes,
 * and its version is the caller's business. */
enum leaf_acked cache_ack_state(struct cache *self, uint32_t block, const struct cache_place *place,
                                struct message_id message, uint64_t version, uint64_t *out_version);

/* Tombstones beyond `kept` are forgotten, the oldest first, of one version the lowest channel
 * first, and the user's purged_to says up to which version. May move the user, who is dirty. */
void cache_purge(struct cache *self, uint32_t *block, uint32_t kept);

/* The user's version went up without a state changing: it must be written all the same. */
void cache_mark_dirty(struct cache *self, uint32_t block);

/* The user, who is dirty, has changes of an era that is older than what is noted, or the same. */
void cache_age(struct cache *self, uint32_t block, uint8_t era);

/* All that is unwritten of the user, or on its way, counts as of the present era. */
void cache_renew_era(struct cache *self, uint32_t block);

/* Is era `a` older than `b`? Of the present one and the 254 before it. */
bool cache_era_is_older(const struct cache *self, uint8_t a, uint8_t b);

/* As if all of it had changed: the next save writes the user whole. */
void cache_mark_all_dirty(struct cache *self, uint32_t block);

/* The user becomes one without any state or version, in its place. Not while it is dirty or being
 * written. */
void cache_clear(struct cache *self, uint32_t block, uint32_t incarnation);

struct leaf_totals cache_count_totals(const struct cache *self, uint32_t block);

/* Views of the states from the first at or after `from`, in order, at most `views_max`. Returns
 * how many. */
uint32_t cache_list_states(const struct cache *self, uint32_t block, struct channel_key from,
                           struct state_view *views, uint32_t views_max);

/* Saving: the user as an image for the store, its leaves in slices. */

/* Out of the dirty queue, flagged USER_WRITING. What was dirty until now is what the image is made
 * of. */
void cache_begin_save(struct cache *self, uint32_t block);

struct cache_piece {
    struct channel_key fence;
    struct slice leaf; /* Borrowed until the user changes. */
};

/* A large user's next leaf of the image, from the first with a fence at or after `from`. False:
 * there are no more, and the record comes last. Leaves that change, or split, once given are not
 * given again: they are dirty anew. */
bool cache_next_save(struct cache *self, uint32_t block, struct channel_key from,
                     struct cache_piece *out_piece);

/* Leaves of a large user that have changed since cache_begin_save, whether or not they were given:
 * how many. */
uint32_t cache_count_changed(const struct cache *self, uint32_t block);

/* Those are part of the image as well: cache_next_save gives them, from the first fence on. */
void cache_collect_changed(struct cache *self, uint32_t block);

/* What the next image of the user would hold of leaves: their number, and their bytes. */
struct cache_save_size {
    uint32_t leaves;
    uint32_t bytes;
};
struct cache_save_size cache_measure_save(const struct cache *self, uint32_t block);

/* The user's head as the store keeps it. */
struct record_head cache_get_record(const struct cache *self, uint32_t block);

/* The store has it, or does not: then the user is dirty again, due at once, in the queue's
 * `epoch`. */
void cache_end_save(struct cache *self, uint32_t block, bool written, uint8_t epoch);

/* Moves blocks out of sparse arenas, `blocks_max` at the most. Returns how many were moved: 0 when
 * there is nothing to gain. */
uint32_t cache_compact(struct cache *self, uint32_t blocks_max);

uint64_t cache_count_user_bytes(const struct cache *self, uint32_t block);

#endif
