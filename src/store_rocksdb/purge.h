/* What was forgotten goes from the disk: a thread that has RocksDB rewrite the files it stands in.
 *
 * An erased key stands in older files until a compaction meets it. This one is asked for, down to
 * the last level, for the key ranges of those who were forgotten: a moment after the first of them,
 * so that many take one round, and then no sooner than four times as long as the round before took.
 * With more than PURGE_USERS_MAX in a round the whole database is gone through.
 *
 * That something is to be purged stands in the database, without saying who: after a crash all is
 * gone through.
 *
 * Memory: a list of users, and a thread.  Threads: purge_note any; the others whoever owns it.
 */
#ifndef STORE_ROCKSDB_PURGE_H
#define STORE_ROCKSDB_PURGE_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { PURGE_USERS_MAX = 1024 };

struct purge;

struct purge_config {
    /* A round begins: before it is known whom it is for. */
    void (*begin)(void *lent_context);

    /* Rewrites all that these users' keys may stand in, or with NULL everything. On the purge's own
     * thread. False: later again. */
    bool (*rewrite)(void *lent_context, const struct user_id *users, uint32_t count);

    /* Everything erased before `begin` is gone. */
    void (*end)(void *lent_context);

    void *lent_context;
    bool is_due; /* Of an earlier process: everything. */
};

/* Starts the thread. STATUS_MEMORY leaves nothing behind. */
NODISCARD enum status purge_create(struct purge **out_purge, const struct purge_config *config);

/* The user is to be erased, or was: called before the erasure, so that no round that begins after
 * it leaves the user out, and after it, so that a later one comes in any case. */
void purge_note(struct purge *self, struct user_id user);

/* Ends the thread: a rewrite that is under way must have been told to end. */
void purge_destroy(struct purge **taken_purge);

#endif
