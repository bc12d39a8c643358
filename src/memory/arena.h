/* Slab arenas: where every block of the cache comes from, with exact accounting.
 *
 *     handle   31           22 21                        0
 *              ┌──────────────┬──────────────────────────┐
 *              │ region       │ granule of 16 bytes      │
 *              └──────────────┴──────────────────────────┘
 *
 *     region   64 MiB of address space, taken as needed, given back when empty
 *     ├ arena 0      64 KiB: slots of one size class; a bitmap outside of it says which are taken
 *     ├ arena 1      free: holds no memory of the system
 *     ├ arena 2..4   one large block: whole arenas side by side
 *     └ arena 1023
 *
 * A block is named by a 32-bit handle, so links between blocks cost 4 bytes; 1,024 regions give
 * 64 GiB a slab. Each class takes the lowest free slot of one arena until that is full, and goes on
 * with the fullest of the others, so that sparse arenas run empty. An arena without a taken slot is
 * given back to the system at once, but for a few that are kept as spares.
 *
 * Who owns a block: whoever holds its handle, exactly one place. Since nobody else may keep a
 * pointer, a block can be moved: slab_find_move names the blocks of a sparse arena one by one,
 * and the owner copies each and releases the old one. Under AddressSanitizer what is not taken is
 * poisoned.
 *
 * Memory: the system's (mmap); of the heap only struct slab itself.  Thread: the owner's.
 */
#ifndef MEMORY_ARENA_H
#define MEMORY_ARENA_H

#include "base/attribute.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No block has this handle. */
#define BLOCK_NONE UINT32_MAX

enum {
    ARENA_SIZE = 64 * 1024,
    /* Blocks up to this come from size classes, larger ones are whole arenas. */
    BLOCK_SLAB_SIZE_MAX = 8192,
    /* What a block takes at the least. */
    BLOCK_SIZE_MIN = 64,
    /* What one block may take at the most: 4 MiB. */
    BLOCK_SIZE_MAX = 64 * ARENA_SIZE,
};

struct slab;

struct slab_usage {
    /* Of the blocks, rounded up to their class: what the bound bounds. */
    uint64_t used_bytes;
    /* Of the arenas with a block in them, and of the spare ones: what the system gave. Of an arena
     * not yet touched everywhere it may have given less; its metadata (0.25 % beside it) is not in
     * here. */
    uint64_t resident_bytes;
    uint64_t blocks;
};

/* Takes nothing from the system before the first block. STATUS_MEMORY where the heap is exhausted;
 * *out_slab is then untouched. */
NODISCARD enum status slab_create(struct slab **out_slab);

/* Frees every block with it. Nothing to do where *taken_slab is NULL. */
void slab_destroy(struct slab **taken_slab);

/* The handle of a block of at least `size` bytes (1 to BLOCK_SIZE_MAX), 16-byte aligned, content
 * undefined; BLOCK_NONE when the system gives no more memory. */
NODISCARD uint32_t slab_acquire(struct slab *self, size_t size);

/* For tests: while it is set, no arena is taken that is not taken already, as if the system gave no
 * more. */
void slab_set_exhausted(struct slab *self, bool is_exhausted);

/* The block's memory is free at once; it may not be touched after. A second release of it is a
 * failed assertion, as long as no other block took its place. */
void slab_release(struct slab *self, uint32_t block);

/* Valid until the block is released. */
void *slab_get(const struct slab *self, uint32_t block);

/* How many bytes the block really has: at least what was asked for. */
size_t slab_get_size(const struct slab *self, uint32_t block);

/* What slab_acquire(size) would take of used_bytes. */
size_t slab_round_size(size_t size);

struct slab_usage slab_peek_usage(const struct slab *self);

/* Is so much more resident than used (by an eighth and half a MiB) that blocks should move, and
 * would moving them give arenas back? */
bool slab_is_sparse(const struct slab *self);

/* Names the next block that should move, from the sparsest arena of the class with the most free
 * bytes. That arena gives no more slots until it is empty or not worth emptying any more.
 *
 * The owner acquires another block for the same content, copies, puts its handle in place of the
 * old one and releases the old one, before it asks again: asked without that, it names the same
 * block. Between the two calls the owner may use the slab freely, and may also release the block
 * instead.
 *
 * BLOCK_NONE: no class has an arena to gain; then at most one arena a class and the spare ones are
 * resident beside what is used and the 1.2 % that slots leave over in an arena. Takes a bounded,
 * short time. Large blocks never move. */
NODISCARD uint32_t slab_find_move(struct slab *self);

#endif
