/* Moving blocks out of sparse arenas, so that what evictions freed goes back to the system. */
#include "base/assert.h"
#include "cache/cache.h"
#include "cache/cache_internal.h"

#include <string.h>

/* The entry that names the leaf block. */
static struct leaf_entry *find_entry(const struct cache *self, struct user_leaves *leaves,
                                     uint32_t block)
{
    const uint8_t *leaf = user_leaf_get(self->slab, block);
    if (leaf_get_rows(leaf) > 0) {
        struct leaf_entry *entry =
            &leaves->entries[user_leaves_find(leaves, leaf_get_channel(leaf, 0))];
        ASSERT(entry->block == block);
        return entry;
    }
    uint32_t at = 0;
    while (at < leaves->count && leaves->entries[at].block != block) {
        at++;
    }
    ASSERT(at < leaves->count);
    return &leaves->entries[at];
}

static bool move_block(struct cache *self, uint32_t from)
{
    const size_t size = slab_get_size(self->slab, from);
    const uint32_t to = slab_acquire(self->slab, size);
    if (to == BLOCK_NONE) {
        return false;
    }
    memcpy(slab_get(self->slab, to), slab_get(self->slab, from), size);
    const uint64_t name = *(const uint64_t *)slab_get(self->slab, from);
    if (name & USER_BLOCK_IS_LEAF) {
        const uint32_t root = cache_find(self, (struct user_id){name & ~USER_BLOCK_IS_LEAF});
        ASSERT(root != BLOCK_NONE);
        struct user_leaves *leaves = user_get_leaves(cache_get(self, root));
        cache_replace_leaf(self, find_entry(self, leaves, from), to);
    } else {
        cache_relocate(self, from, to);
    }
    return true;
}

uint32_t cache_compact(struct cache *self, uint32_t blocks_max)
{
    uint32_t moved = 0;
    /* Nothing can be found that names a block of a removed user: those go first. */
    while (moved < blocks_max && self->removed == BLOCK_NONE) {
        const uint32_t block = slab_find_move(self->slab);
        if (block == BLOCK_NONE || !move_block(self, block)) {
            break;
        }
        moved++;
    }
    return moved;
}
