/* How RocksDB is set up for read states: small values read by user, written by user in batches.
 *
 *     memory ─┬─ 1/2  write buffers: of 1/8 each; the more they hold, the more writes of one user
 * merge └─ 1/2  block cache: data, and the indexes and filters of all files too
 *
 * Memory: the heap, RocksDB's.  Threads: the one that opens.
 */
#ifndef STORE_ROCKSDB_SETTINGS_H
#define STORE_ROCKSDB_SETTINGS_H

#include <rocksdb/c.h>
#include <stdint.h>

struct settings {
    rocksdb_options_t *options; /* Wanted at open only. */
    rocksdb_cache_t *cache;     /* NULL once taken out. */
};

/* RocksDB stops the process where the heap is exhausted, so this cannot fail. */
void settings_init(struct settings *self, uint64_t memory_bytes);

/* A database opened with it keeps what it needs. A cache that was taken out is the taker's. */
void settings_deinit(struct settings *self);

#endif
