/* What an earlier server has left in its journal, and whether its epoch goes on.
 *
 *     history_open ──► history_recover, a thread a shard ──► history_begin ──► serving ──►
 *     history_end: all of it is in the store
 *
 * Memory: the owner's.  Threads: history_recover several at a time; else one.
 */
#ifndef SERVER_HISTORY_H
#define SERVER_HISTORY_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/hash.h"
#include "base/status.h"
#include "journal/entry.h"
#include "journal/log_reader.h"
#include "journal/recovery.h"
#include "os/files.h"
#include "server/log.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct history {
    struct files lent_files;
    struct log *lent_log;
    struct store lent_store;
    const uint32_t *lent_generations; /* The store's, of all HASH_SLOTS slots. */
    char folder[FILES_PATH_SIZE];
    struct segment_boot boot;
    struct recovery recovery;
    bool is_open;
    bool is_ended;
    uint32_t threads;
    uint64_t began_ms;
    _Atomic bool has_lost; /* Answered updates may be gone. */
    _Atomic uint64_t entries;
    _Atomic uint64_t bytes;
    _Atomic uint64_t said_ms;
};

/* What is there. The folder of data is `path`, the shards will be `threads`. On failure nothing is
 * held, and out_failure has a sentence. */
NODISCARD enum status history_open(struct history *self, const char *path,
                                   const struct files *lent_files, struct log *lent_log,
                                   uint32_t threads, struct failure *out_failure);
void history_close(struct history *self);

/* As net_host's recover. What was forgotten is erased from the store as well. STATUS_SHUTDOWN: a
 * signal came. */
NODISCARD enum status history_recover(struct history *self, uint32_t shard,
                                      enum status (*take)(void *to,
                                                          const struct journal_entry *entry),
                                      void *to, struct failure *out_failure);

/* This start's logs count from here on. */
NODISCARD enum status history_begin(struct history *self, struct failure *out_failure);

/* What was left is in the store, on its disk: its files go. */
NODISCARD enum status history_end(struct history *self, struct failure *out_failure);

/* So is all of this start's. */
NODISCARD enum status history_end_all(struct history *self, struct failure *out_failure);

#endif
