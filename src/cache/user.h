/* A user in memory: one block for a small user, a root and leaves for a large one.
 *
 *     small    ┌────────────┬──────────────────────────────────┐
 *              │ struct user│ leaf (readstate/leaf.h)          │
 *              └────────────┴──────────────────────────────────┘
 *     large    ┌────────────┬─────────────┬───────┬───────┬────
 *              │ struct user│ user_leaves │ entry │ entry │ ...      by fence, the first is {0, 0}
 *              └────────────┴─────────────┴───┬───┴───┬───┴────
 *                                             ▼       ▼
 *                              ┌──────────────┬───────────────┐
 *                              │ user's id    │ leaf          │
 *                              │ | 1 << 63    │               │
 *                              └──────────────┴───────────────┘
 *
 * An entry's leaf holds the channels from its fence up to, not including, the next one's. Every
 * block begins with the user's id, and the highest bit tells a leaf from a root: so whoever is
 * given a bare handle (when a block must move) finds the one place that names it.
 *
 * Memory: blocks of the cache's slab; the index owns the root, the root owns its leaves.  Thread:
 * the shard's.
 */
#ifndef CACHE_USER_H
#define CACHE_USER_H

#include "base/ids.h"
#include "memory/arena.h"
#include "readstate/leaf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Above this a user's states stand in leaves of their own, and a leaf is cut in two. Measured:
     * ARCHITECTURE.md. */
    USER_LEAF_SPLIT_SIZE = 2040,
    USER_LEAF_HEAD_SIZE = 8,
};

#define USER_BLOCK_IS_LEAF (UINT64_C(1) << 63)

enum user_flag {
    USER_LARGE = 1,
    USER_DIRTY = 2,       /* In the dirty queue. */
    USER_WRITING = 4,     /* An image of it is on its way to the store. */
    USER_LOADING = 8,     /* Its leaves are still coming in: no command may see it. */
    USER_LEAVING = 16,    /* Out of the LRU: goes when its write is done. */
    USER_FORGETTING = 64, /* With USER_WRITING: it is being erased from the store. */
    USER_SUBSCRIBED = 32, /* Out of the LRU: stays as long as somebody reads its feed. */
    USER_PARTIAL = 128, /* Out of the LRU: holds only what the journal had, which is newer than the
                           * store. No command may see it before it is put upon what the store has.
                           */
};

struct user {
    uint64_t id;
    uint64_t version;
    uint64_t purged_to;
    uint32_t incarnation;
    uint32_t
        older; /* LRU. Of a subscribed user, who is in none: its readers, a bit each. Of a partial
                     * one, `older`: how many tombstones it must have; BLOCK_NONE: not known. */
    uint32_t newer;
    uint32_t dirty_before; /* Dirty queue. */
    uint32_t dirty_after;
    uint32_t chain; /* The index: next of a bucket that is full. */
    uint32_t used_at_s;
    uint32_t live_states;
    uint32_t tombstones : 24; /* To USER_TOMBSTONES_MAX. */
    uint32_t era_writing : 8; /* With USER_WRITING: of what is on its way (cache.h). */
    uint16_t dirty_slot;
    uint8_t flags;
    uint8_t era; /* With USER_DIRTY: of the oldest change that is not on its way. */
};

enum { USER_TOMBSTONES_MAX = (1 << 24) - 1 };

enum leaf_entry_flag {
    LEAF_DIRTY = 1,      /* Changed since it was last copied for the store. */
    LEAF_COLLECTING = 2, /* Part of the image being made, not yet copied. */
    LEAF_WRITING = 4,    /* Copied, and the write is not done. */
};

struct leaf_entry {
    uint64_t fence_id;
    uint32_t block;
    uint8_t fence_type;
    uint8_t flags;
    uint16_t spare;
};

struct user_leaves {
    uint64_t mentions;
    uint32_t mentioned_states;
    uint32_t count;
    struct leaf_entry entries[];
};

static inline bool user_is(const struct user *self, enum user_flag flag)
{
    return (self->flags & flag) != 0;
}

static inline void user_set(struct user *self, enum user_flag flag, bool on)
{
    self->flags = (uint8_t)(on ? self->flags | flag : self->flags & ~(unsigned)flag);
}

/* The loops that read the feed of a subscribed user, a bit each. */
static inline uint64_t user_get_readers(const struct user *self)
{
    return (uint64_t)self->newer << 32 | self->older;
}

static inline void user_set_readers(struct user *self, uint64_t readers)
{
    self->older = (uint32_t)readers;
    self->newer = (uint32_t)(readers >> 32);
}

/* Small users only. */
static inline uint8_t *user_get_leaf(struct user *self)
{
    return (uint8_t *)(self + 1);
}

/* Large users only. */
static inline struct user_leaves *user_get_leaves(struct user *self)
{
    return (struct user_leaves *)(self + 1);
}

static inline struct channel_key leaf_entry_get_fence(const struct leaf_entry *self)
{
    return (struct channel_key){.id = self->fence_id, .type = self->fence_type};
}

/* The entry whose leaf holds, or would hold, the channel. */
uint32_t user_leaves_find(const struct user_leaves *self, struct channel_key channel);

/* The bytes of a leaf block after its head. */
uint8_t *user_leaf_get(const struct slab *slab, uint32_t block);

#endif
