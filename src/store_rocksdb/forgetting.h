/* What stays of users who were forgotten, and how the rest goes: keys that belong to no user.
 *
 *     0xff "generation" │ slot u16, big-endian    u32, little-endian
 *     0xff "purge"                             empty: something is to be purged (purge.h)
 *     0x00                                     never there, only deleted: below any user's
 *
 * Memory: the caller's.  Threads: any, while the database is open.
 */
#ifndef STORE_ROCKSDB_FORGETTING_H
#define STORE_ROCKSDB_FORGETTING_H

#include "base/hash.h"
#include "base/status.h"
#include "store_rocksdb/reading.h"

#include <rocksdb/c.h>
#include <stdbool.h>
#include <stdint.h>

/* All of the user's keys go, the slot has that generation, a purge is due. */
void forgetting_put(rocksdb_writebatch_t *batch, struct user_id user, uint32_t generation);

/* No purge is due. */
void forgetting_put_purged(rocksdb_writebatch_t *batch);

/* Also where that cannot be read. */
bool forgetting_is_purge_due(rocksdb_t *db);

/* STATUS_STORE or STATUS_CORRUPT: `problem` has a sentence. */
NODISCARD enum status forgetting_read_generations(rocksdb_t *db,
                                                  uint32_t generations[static HASH_SLOTS],
                                                  char problem[static READING_PROBLEM_SIZE]);

/* Rewrites all files that the users' keys may stand in; with NULL, all files. False: perhaps not
 * all. *out_error is RocksDB's own, or NULL. */
bool forgetting_rewrite(rocksdb_t *db, const struct user_id *users, uint32_t count,
                        char **out_error);

#endif
