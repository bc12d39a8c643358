#include "cache/index.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/prefetch.h"
#include "cache/user.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

_Static_assert(sizeof(struct index_bucket) == 64, "a bucket is one cache line");

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

static uint32_t bucket_number(const struct index *self, uint64_t hash)
{
    const uint32_t wide = (uint32_t)hash & (2 * self->base - 1);
    return wide < self->buckets ? wide : (uint32_t)hash & (self->base - 1);
}

static struct index_bucket *bucket_at(const struct index *self, uint32_t number)
{
    return &self->segments[number / INDEX_SEGMENT_BUCKETS][number % INDEX_SEGMENT_BUCKETS];
}

static struct user *user_at(const struct index *self, uint32_t block)
{
    return slab_get(self->lent_slab, block);
}

static bool is_user(const struct index *self, uint32_t block, struct user_id user)
{
    return user_at(self, block)->id == user.value;
}

static enum status add_segment(struct index *self)
{
    if (self->segments_count == self->segments_capacity) {
        const uint32_t capacity = self->segments_capacity == 0 ? 16 : 2 * self->segments_capacity;
        struct index_bucket **segments =
            realloc(self->segments, capacity * sizeof(*self->segments));
        if (segments == NULL) {
            return STATUS_MEMORY;
        }
        self->segments = segments;
        uint32_t *blocks = realloc(self->segment_blocks, capacity * sizeof(*blocks));
        if (blocks == NULL) {
            return STATUS_MEMORY;
        }
        self->segment_blocks = blocks;
        self->segments_capacity = capacity;
    }
    const uint32_t block =
        slab_acquire(self->lent_slab, INDEX_SEGMENT_BUCKETS * sizeof(struct index_bucket));
    if (block == BLOCK_NONE) {
        return STATUS_MEMORY;
    }
    self->segment_blocks[self->segments_count] = block;
    self->segments[self->segments_count] = slab_get(self->lent_slab, block);
    self->segments_count++;
    return STATUS_OK;
}

static void bucket_init(struct index_bucket *bucket)
{
    /* BLOCK_NONE is all ones. */
    memset(bucket, 0xff, sizeof *bucket);
}

enum status index_init(struct index *self, struct slab *lent_slab)
{
    *self = (struct index){.lent_slab = lent_slab, .base = INDEX_SEGMENT_BUCKETS};
    const enum status status = add_segment(self);
    if (status != STATUS_OK) {
        index_deinit(self);
        return status;
    }
    self->buckets = INDEX_SEGMENT_BUCKETS;
    for (uint32_t i = 0; i < self->buckets; i++) {
        bucket_init(bucket_at(self, i));
    }
    return STATUS_OK;
}

void index_deinit(struct index *self)
{
    for (uint32_t i = 0; i < self->segments_count; i++) {
        slab_release(self->lent_slab, self->segment_blocks[i]);
    }
    free(self->segments);
    free(self->segment_blocks);
    *self = (struct index){0};
}

/* The places whose tag it is, a bit each: side by side, as no branch would be foreseen. */
static uint32_t match_tags(const struct index_bucket *bucket, uint8_t tag)
{
#ifdef __SSE2__
    /* All at once; the load takes four bytes of the blocks with it. */
    const __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)bucket);
    const int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
    return (uint32_t)equal & ((1U << INDEX_BUCKET_PLACES) - 1);
#else
    uint32_t places = 0;
    for (uint32_t i = 0; i < INDEX_BUCKET_PLACES; i++) {
        places |= (uint32_t)(bucket->tags[i] == tag) << i;
    }
    return places;
#endif
}

uint32_t index_find(const struct index *self, struct user_id user)
{
    const uint64_t hash = hash_user(user);
    const struct index_bucket *bucket = bucket_at(self, bucket_number(self, hash));
    for (uint32_t places = match_tags(bucket, tag_of(hash)); places != 0; places &= places - 1) {
        const uint32_t block = bucket->blocks[__builtin_ctz(places)];
        if (block != BLOCK_NONE && is_user(self, block, user)) {
            return block;
        }
    }
    for (uint32_t block = bucket->chain; block != BLOCK_NONE; block = user_at(self, block)->chain) {
        if (is_user(self, block, user)) {
            return block;
        }
    }
    return BLOCK_NONE;
}

static void bucket_add(const struct index *self, struct index_bucket *bucket, uint8_t tag,
                       uint32_t block)
{
    for (uint32_t i = 0; i < INDEX_BUCKET_PLACES; i++) {
        if (bucket->blocks[i] == BLOCK_NONE) {
            bucket->blocks[i] = block;
            bucket->tags[i] = tag;
            return;
        }
    }
    user_at(self, block)->chain = bucket->chain;
    bucket->chain = block;
}

/* Moves every user of `from` to the bucket where the hash now leads. */
static void bucket_deal_out(struct index *self, uint32_t from)
{
    const struct index_bucket old = *bucket_at(self, from);
    bucket_init(bucket_at(self, from));
    for (uint32_t i = 0; i < INDEX_BUCKET_PLACES && old.blocks[i] != BLOCK_NONE; i++) {
        const struct user_id user = {user_at(self, old.blocks[i])->id};
        const uint64_t hash = hash_user(user);
        bucket_add(self, bucket_at(self, bucket_number(self, hash)), old.tags[i], old.blocks[i]);
    }
    for (uint32_t block = old.chain; block != BLOCK_NONE;) {
        struct user *user = user_at(self, block);
        const uint32_t next = user->chain;
        user->chain = BLOCK_NONE;
        const uint64_t hash = hash_user((struct user_id){user->id});
        bucket_add(self, bucket_at(self, bucket_number(self, hash)), tag_of(hash), block);
        block = next;
    }
}

static void grow(struct index *self)
{
    if (self->buckets == UINT32_C(1) << 31) {
        return;
    }
    if (self->buckets % INDEX_SEGMENT_BUCKETS == 0 && add_segment(self) != STATUS_OK) {
        return;
    }
    const uint32_t split = self->buckets - self->base;
    bucket_init(bucket_at(self, self->buckets));
    self->buckets++;
    bucket_deal_out(self, split);
    if (self->buckets == 2 * self->base) {
        self->base *= 2;
    }
}

static void shrink(struct index *self)
{
    if (self->buckets == self->base) {
        self->base /= 2;
    }
    /* One fewer: the last bucket's users now lead to the one it was split from. */
    const uint32_t last = self->buckets - 1;
    self->buckets = last;
    bucket_deal_out(self, last);
    if (last % INDEX_SEGMENT_BUCKETS == 0) {
        self->segments_count--;
        slab_release(self->lent_slab, self->segment_blocks[self->segments_count]);
    }
}

void index_insert(struct index *self, struct user_id user, uint32_t block)
{
    const uint64_t hash = hash_user(user);
    user_at(self, block)->chain = BLOCK_NONE;
    bucket_add(self, bucket_at(self, bucket_number(self, hash)), tag_of(hash), block);
    self->users++;
    for (int i = 0; i < 2 && self->users / INDEX_LOAD_MAX >= self->buckets; i++) {
        grow(self);
    }
}

/* The place in the bucket or chain that names the user's block. */
static uint32_t *find_place(struct index *self, struct index_bucket *bucket, uint8_t tag,
                            struct user_id user)
{
    for (uint32_t i = 0; i < INDEX_BUCKET_PLACES; i++) {
        if (bucket->tags[i] == tag && bucket->blocks[i] != BLOCK_NONE &&
            is_user(self, bucket->blocks[i], user)) {
            return &bucket->blocks[i];
        }
    }
    uint32_t *place = &bucket->chain;
    while (*place != BLOCK_NONE && !is_user(self, *place, user)) {
        place = &user_at(self, *place)->chain;
    }
    ASSERT(*place != BLOCK_NONE);
    return place;
}

/* A place of the bucket became free: the chain's first moves in, else the last place does. */
static void close_gap(const struct index *self, struct index_bucket *bucket, uint32_t gap)
{
    if (bucket->chain != BLOCK_NONE) {
        struct user *first = user_at(self, bucket->chain);
        bucket->blocks[gap] = bucket->chain;
        bucket->tags[gap] = tag_of(hash_user((struct user_id){first->id}));
        bucket->chain = first->chain;
        first->chain = BLOCK_NONE;
        return;
    }
    uint32_t last = INDEX_BUCKET_PLACES - 1;
    while (bucket->blocks[last] == BLOCK_NONE && last > gap) {
        last--;
    }
    bucket->blocks[gap] = bucket->blocks[last];
    bucket->tags[gap] = bucket->tags[last];
    bucket->blocks[last] = BLOCK_NONE;
}

void index_remove(struct index *self, struct user_id user)
{
    const uint64_t hash = hash_user(user);
    struct index_bucket *bucket = bucket_at(self, bucket_number(self, hash));
    uint32_t *place = find_place(self, bucket, tag_of(hash), user);
    if (place >= bucket->blocks && place < bucket->blocks + INDEX_BUCKET_PLACES) {
        *place = BLOCK_NONE;
        close_gap(self, bucket, (uint32_t)(place - bucket->blocks));
    } else {
        *place = user_at(self, *place)->chain;
    }
    self->users--;
    if (self->buckets > INDEX_SEGMENT_BUCKETS && self->users / INDEX_LOAD_MIN < self->buckets) {
        shrink(self);
    }
}

void index_replace(struct index *self, struct user_id user, uint32_t from, uint32_t to)
{
    const uint64_t hash = hash_user(user);
    struct index_bucket *bucket = bucket_at(self, bucket_number(self, hash));
    uint32_t *place = find_place(self, bucket, tag_of(hash), user);
    ASSERT(*place == from);
    *place = to;
}

void index_prefetch_bucket(const struct index *self, uint64_t hash)
{
    prefetch_line(bucket_at(self, bucket_number(self, hash)));
}

uint32_t index_prefetch_block(const struct index *self, uint64_t hash)
{
    const struct index_bucket *bucket = bucket_at(self, bucket_number(self, hash));
    const uint32_t places = match_tags(bucket, tag_of(hash));
    const uint32_t likely = places == 0 ? BLOCK_NONE : bucket->blocks[__builtin_ctz(places)];
    if (likely != BLOCK_NONE) {
        const char *block = slab_get(self->lent_slab, likely);
        prefetch_line(block);
        prefetch_line(block + 64);
    }
    return likely;
}

void index_visit(const struct index *self, uint32_t bucket,
                 void (*take)(void *lent_context, uint32_t block), void *lent_context)
{
    const struct index_bucket *found = bucket_at(self, bucket);
    for (uint32_t i = 0; i < INDEX_BUCKET_PLACES && found->blocks[i] != BLOCK_NONE; i++) {
        take(lent_context, found->blocks[i]);
    }
    for (uint32_t block = found->chain; block != BLOCK_NONE; block = user_at(self, block)->chain) {
        take(lent_context, block);
    }
}
