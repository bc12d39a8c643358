/* What the files of the cache share: how blocks change and keep the accounts right.
 *
 * Memory and thread: as in cache.h.
 */
#ifndef CACHE_CACHE_INTERNAL_H
#define CACHE_CACHE_INTERNAL_H

#include "cache/cache.h"

/* Bytes of a small user's block, a root's, a leaf's. */
size_t cache_size_small(size_t leaf_size);
size_t cache_size_root(uint32_t leaves);
size_t cache_size_leaf(size_t leaf_size);

/* The user's root was copied from `from` to `to`: everything that names it names `to`, and `from`
 * is free. */
void cache_relocate(struct cache *self, uint32_t from, uint32_t to);

/* A leaf's block takes the place of the entry's. The old one is free afterwards. */
void cache_replace_leaf(struct cache *self, struct leaf_entry *entry, uint32_t block);

/* The leaf must be written; its user is, or becomes, dirty. */
void cache_mark_leaf_dirty(struct cache *self, struct leaf_entry *entry);

/* Takes the state's row out of its leaf; the sums are the caller's. The user becomes dirty, and may
 * move. */
void cache_remove_state(struct cache *self, uint32_t *block, const struct cache_place *place);

/* A leaf block with the head that names its user; BLOCK_NONE without memory. */
uint32_t cache_allot_leaf(struct cache *self, uint64_t user, size_t leaf_size);

#endif
