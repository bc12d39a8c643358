/* Tombstones that are too many: the oldest are forgotten. */
#include "base/assert.h"
#include "cache/cache.h"
#include "cache/cache_internal.h"

#include <string.h>

enum {
    /* Found in one walk over the user's states. More go at once only where many are deleted at
     * once. */
    PURGED_AT_ONCE = 256,
    VIEWS_AT_ONCE = 32,
};

struct tombstone {
    uint64_t version;
    struct channel_key channel;
};

/* The oldest so far, in order. */
struct oldest {
    uint32_t count;
    uint32_t count_max;
    struct tombstone tombstones[PURGED_AT_ONCE];
};

static bool is_older(const struct tombstone *a, const struct tombstone *b)
{
    return a->version != b->version ? a->version < b->version
                                    : channel_key_compare(a->channel, b->channel) < 0;
}

static void keep_if_old(struct oldest *self, const struct tombstone *tombstone)
{
    if (self->count == self->count_max &&
        !is_older(tombstone, &self->tombstones[self->count - 1])) {
        return;
    }
    uint32_t at = self->count < self->count_max ? self->count++ : self->count - 1;
    for (; at > 0 && is_older(tombstone, &self->tombstones[at - 1]); at--) {
        self->tombstones[at] = self->tombstones[at - 1];
    }
    self->tombstones[at] = *tombstone;
}

static void find_oldest(const struct cache *self, uint32_t block, struct oldest *out_oldest)
{
    struct state_view views[VIEWS_AT_ONCE];
    struct channel_key from = {0};
    uint32_t count = 0;
    do {
        count = cache_list_states(self, block, from, views, VIEWS_AT_ONCE);
        for (uint32_t i = 0; i < count; i++) {
            const struct tombstone tombstone = {.version = views[i].version,
                                                .channel = views[i].channel};
            if (views[i].deleted) {
                keep_if_old(out_oldest, &tombstone);
            }
        }
        from = count == 0 ? from : channel_key_after(views[count - 1].channel);
    } while (count == VIEWS_AT_ONCE);
}

static void forget(struct cache *self, uint32_t *block, const struct tombstone *tombstone)
{
    const struct cache_place place = cache_find_state(self, *block, tombstone->channel);
    ASSERT(place.there);
    cache_remove_state(self, block, &place);
    struct user *user = cache_get(self, *block);
    user->tombstones--;
    if (tombstone->version > user->purged_to) {
        user->purged_to = tombstone->version;
    }
}

void cache_purge(struct cache *self, uint32_t *block, uint32_t kept)
{
    for (;;) {
        const uint32_t there = cache_get(self, *block)->tombstones;
        if (there <= kept) {
            return;
        }
        const uint32_t excess = there - kept;
        struct oldest oldest = {.count_max = excess < PURGED_AT_ONCE ? excess : PURGED_AT_ONCE};
        find_oldest(self, *block, &oldest);
        ASSERT(oldest.count == oldest.count_max);
        for (uint32_t i = 0; i < oldest.count; i++) {
            forget(self, block, &oldest.tombstones[i]);
        }
    }
}
