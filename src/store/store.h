/* What a store promises: the port that RocksDB, Cassandra and plain memory stand behind.
 *
 * A store keeps one image a user. A write is absolute: it replaces the record and the named leaves
 * (of one named twice the later counts), erases the named erasures, and leaves the user's other
 * leaves alone. A user is there once a record was written; a record that says the user has no
 * leaves is written with the erasures of those it had. A forgetting erases all of the user, and
 * raises the generation of the user's slot (base/hash.h), which stays. All of one write call is
 * there after it, or nothing. What was written is read back by every read that begins later, also
 * after close and open (but for the memory store).
 *
 * What was forgotten may stand on the disk for a while, where nothing reads it.
 *
 * Its functions may wait for disk or network. They are called on store threads (role.h; clang
 * cannot check that through a pointer), several at a time; two writes that name one user are never.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/hash.h"
#include "base/ids.h"
#include "base/status.h"
#include "store/image.h"

#include <stddef.h>
#include <stdint.h>

/* The longest name a store can be given, without its terminator. */
enum { STORE_IDENTITY_SIZE_MAX = 64 };

struct store_ops {
    const char *name;

    /* STATUS_OK: *out_image is the caller's, record first, then the leaves by fence.
     * STATUS_MISSING: there is no such user. Else STATUS_STORE, STATUS_CORRUPT or STATUS_MEMORY;
     * *out_image is untouched then. */
    enum status (*read)(void *self, struct user_id user, struct image **out_image);

    /* The images stay the caller's; of two of the same user the later one counts. STATUS_STORE:
     * none is written, or it is not known. STATUS_MEMORY: none is. */
    enum status (*write)(void *self, const struct image *const *images, uint32_t count);

    /* STATUS_OK: all that was written is on the disk, after a power cut too. Else STATUS_STORE. */
    enum status (*sync)(void *self);

    /* Sets each slot's generation: 0 where nobody of it was ever forgotten. */
    enum status (*read_generations)(void *self, uint32_t generations[static HASH_SLOTS]);

    /* A name given to a new store, once, at most STORE_IDENTITY_SIZE_MAX bytes, and kept by it.
     * read: terminated; STATUS_MISSING on a new store; STATUS_CORRUPT where `size` is too little.
     */
    enum status (*read_identity)(void *self, char *to, size_t size);
    enum status (*write_identity)(void *self, const char *identity);

    /* What the store itself holds in memory, in bytes: write buffers, block cache. Any thread, any
     * time before close. */
    uint64_t (*count_memory)(void *self);

    /* Finishes what is in hand. No other call is under way, none follows. */
    void (*close)(void *self);
};

/* Owned by who opened it, and closed by it. */
struct store {
    const struct store_ops *ops;
    void *self;
};

#endif
