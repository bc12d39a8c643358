/* The index: from a user's id to the block of the user.
 *
 * Linear hashing: the table grows by splitting one bucket after the other, and shrinks by merging
 * them again, so that no command ever pays for more than a few buckets and nothing is ever
 * rehashed at once.
 *
 *     bucket, one cache line:   12 tags u8 │ 12 blocks u32 │ chain u32
 *
 *     round with base 1024:     [ split already | not yet split | made by splits ]
 *                               0               ^ buckets - base                 buckets
 *
 * A tag is one byte of the hash: a look-up touches the bucket's line and, but for 1 in 256, only
 * the right block. Users beyond a bucket's places hang in a chain through struct user.
 *
 * Memory: segments of 1,024 buckets, each an arena of the lent slab, so it is counted with the
 * rest.  Thread: the shard's.
 */
#ifndef CACHE_INDEX_H
#define CACHE_INDEX_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"
#include "memory/arena.h"

#include <stdint.h>

enum {
    INDEX_BUCKET_PLACES = 12,
    INDEX_SEGMENT_BUCKETS = 1024,
    /* Users a bucket, before one more bucket is made. One that waits for its split has up to twice
     * as many, and should seldom need its chain. */
    INDEX_LOAD_MAX = 5,
    INDEX_LOAD_MIN = 2, /* Below this a bucket is merged away. */
};

struct index_bucket {
    uint8_t tags[INDEX_BUCKET_PLACES];
    uint32_t blocks[INDEX_BUCKET_PLACES]; /* BLOCK_NONE: a free place; taken ones come first. */
    uint32_t chain;                       /* BLOCK_NONE: no more. */
};

struct index {
    struct slab *lent_slab;
    struct index_bucket **segments; /* The addresses of segment_blocks: saves a step a look-up. */
    uint32_t *segment_blocks;
    uint32_t segments_count;
    uint32_t segments_capacity;
    uint32_t buckets;
    uint32_t base; /* Buckets at the start of this round: a power of two. */
    uint32_t users;
};

/* Takes its first segment. */
NODISCARD enum status index_init(struct index *self, struct slab *lent_slab);
void index_deinit(struct index *self);

/* BLOCK_NONE where the user is not there. */
uint32_t index_find(const struct index *self, struct user_id user);

/* The user is not there yet. Without memory
 * for growing the index gets slower, not wrong. */
void index_insert(struct index *self, struct user_id user, uint32_t block);

/* The user is there. */
void index_remove(struct index *self, struct user_id user);

/* The user's block has moved from `from`, which is still readable, to `to`, its copy. */
void index_replace(struct index *self, struct user_id user, uint32_t from, uint32_t to);

/* Gives the blocks of a bucket, 0 to buckets - 1, to `take`, which leaves the index alone. */
void index_visit(const struct index *self, uint32_t bucket,
                 void (*take)(void *lent_context, uint32_t block), void *lent_context);

/* Brings what index_find will touch nearer, in two steps: first the bucket, and when that has come,
 * the block. `hash` is hash_user's. The second says which block: the user's, or one of the same
 * bucket with the same tag; BLOCK_NONE where there is neither. */
void index_prefetch_bucket(const struct index *self, uint64_t hash);
uint32_t index_prefetch_block(const struct index *self, uint64_t hash);

#endif
