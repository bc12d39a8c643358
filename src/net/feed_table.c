#include "net/feed_table.h"

#include "base/assert.h"

#include <stdlib.h>

enum { BUCKETS_AT_START = 16 };

/* The largest power of two that is not above N. */
static uint32_t level_of(const struct feed_table *self)
{
    return UINT32_C(1) << (31 - __builtin_clz(self->in_use));
}

static uint32_t bucket_of(const struct feed_table *self, uint64_t hash)
{
    const uint32_t level = level_of(self);
    const uint32_t wide = (uint32_t)hash & (2 * level - 1);
    return wide < self->in_use ? wide : wide - level;
}

static struct feed_node *find_from(struct feed_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash) {
        node = node->chain;
    }
    return node;
}

struct feed_node *feed_table_find(const struct feed_table *self, uint64_t hash)
{
    return self->count == 0 ? NULL : find_from(self->buckets[bucket_of(self, hash)], hash);
}

struct feed_node *feed_node_next(const struct feed_node *self)
{
    return find_from(self->chain, self->hash);
}

static enum status begin(struct feed_table *self)
{
    self->buckets = calloc(BUCKETS_AT_START, sizeof(struct feed_node *));
    if (self->buckets == NULL) {
        return STATUS_MEMORY;
    }
    self->room = BUCKETS_AT_START;
    self->in_use = BUCKETS_AT_START;
    return STATUS_OK;
}

/* One bucket more, whose nodes stand in another by now. */
static void split(struct feed_table *self)
{
    if (self->in_use == self->room) {
        if (self->room > UINT32_MAX / 4) {
            return;
        }
        struct feed_node **buckets =
            realloc(self->buckets, 2 * (size_t)self->room * sizeof(struct feed_node *));
        if (buckets == NULL) {
            return;
        }
        self->buckets = buckets;
        self->room *= 2;
    }
    const uint32_t from = self->in_use - level_of(self);
    const uint32_t to = self->in_use++;
    struct feed_node *node = self->buckets[from];
    struct feed_node **stays = &self->buckets[from];
    struct feed_node **goes = &self->buckets[to];
    for (; node != NULL; node = node->chain) {
        struct feed_node ***place = bucket_of(self, node->hash) == from ? &stays : &goes;
        **place = node;
        *place = &node->chain;
    }
    *stays = NULL;
    *goes = NULL;
}

enum status feed_table_insert(struct feed_table *self, struct feed_node *node, uint64_t hash)
{
    if (self->in_use == 0 && begin(self) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    if (self->count >= self->in_use) {
        split(self);
    }
    struct feed_node **bucket = &self->buckets[bucket_of(self, hash)];
    node->hash = hash;
    node->chain = *bucket;
    *bucket = node;
    self->count++;
    return STATUS_OK;
}

void feed_table_remove(struct feed_table *self, struct feed_node *node)
{
    struct feed_node **place = &self->buckets[bucket_of(self, node->hash)];
    while (*place != node) {
        ASSERT(*place != NULL);
        place = &(*place)->chain;
    }
    *place = node->chain;
    self->count--;
    if (self->count == 0) {
        feed_table_deinit(self);
    }
}

void feed_table_deinit(struct feed_table *self)
{
    free(self->buckets);
    *self = (struct feed_table){0};
}
