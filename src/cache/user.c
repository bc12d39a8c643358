#include "cache/user.h"

uint32_t user_leaves_find(const struct user_leaves *self, struct channel_key channel)
{
    uint32_t low = 0;
    uint32_t high = self->count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (channel_key_compare(leaf_entry_get_fence(&self->entries[middle]), channel) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint8_t *user_leaf_get(const struct slab *slab, uint32_t block)
{
    return (uint8_t *)slab_get(slab, block) + USER_LEAF_HEAD_SIZE;
}
