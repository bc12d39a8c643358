/* The store in a folder of this machine: RocksDB inside the process.
 *
 * A write is in the system's hands when it is answered, so the process may be killed; what must
 * outlive a power cut needs a sync. One process at a time can have the folder.
 *
 *     key                      value
 *     user                     record, and of a large user its leaves (reading.h)
 *     0xff │ name              what belongs to no user: the store's identity, the generations of
 *                              slots, that something is to be purged (purge.h)
 *
 * Users are 1 to 2^63-1, so no user's key begins with 0xff.
 *
 * After a failed write (a full disk, a quota, an I/O error) all writes answer STATUS_STORE and
 * reads go on, until the database was closed and opened again: tried by a call that comes 100 ms
 * later, and then after twice as long each time, up to 5 s, once a file as large as the write
 * buffers has room beside it. Other calls wait while it is closed and opened; if it cannot be
 * opened, reads fail too until it can.
 *
 * A user who was forgotten is gone from the disk after a round of the purge: of a database that
 * rests, some seconds later; the id may stand for longer in RocksDB's MANIFEST, as a bound of a
 * file, until that is written anew (MANIFEST_SIZE_MAX, and at each start).
 *
 * Memory: RocksDB's heap, which the budget bounds but for what single calls need. RocksDB ends the
 * process where the system gives no memory.  Threads: as in store.h; two of RocksDB's own, and
 * the purge's.
 */
#ifndef STORE_ROCKSDB_STORE_ROCKSDB_H
#define STORE_ROCKSDB_STORE_ROCKSDB_H

#include "base/attribute.h"
#include "base/status.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

enum {
    STORE_ROCKSDB_MEMORY_BYTES_MIN = 8 * 1024 * 1024,
    STORE_ROCKSDB_MEMORY_BYTES_DEFAULT = 64 * 1024 * 1024,
    STORE_ROCKSDB_PROBLEM_SIZE = 1024,
};

struct store_rocksdb_config {
    const char *path;      /* Made if it is not there; the folder above it must be. */
    uint64_t memory_bytes; /* Write buffers and block cache together. */

    /* Told in one line what was wrong, each time that a call ends with STATUS_STORE, STATUS_CORRUPT
     * or STATUS_NEWER. On the caller's thread; NULL: nobody is told. */
    void (*report)(void *lent_context, const char *problem);
    void *lent_context;
};

/* STATUS_BUSY (another process has the folder), STATUS_CORRUPT, STATUS_IO or STATUS_MEMORY: nothing
 * is open, and `problem` says why in one sentence without a full stop. */
NODISCARD enum status store_rocksdb_open(struct store *out_store,
                                         const struct store_rocksdb_config *config,
                                         char problem[static STORE_ROCKSDB_PROBLEM_SIZE]);

/* What ops->close of such a store is; takes its `self`. */
void store_rocksdb_close(void *taken_self);

#endif
