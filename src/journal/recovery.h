/* What an earlier server has left of its journal: which logs there are, and what becomes of them.
 *
 *     recovery_open ──► logs ──log_reader──► shards ──► recovery_begin_set ──► serving ──►
 *     recovery_end: all that was left is in the store
 *
 * Memory: the caller's, and a table of the logs on the heap.  Threads: one at a time; the logs of
 * an open recovery may be read by several.
 */
#ifndef JOURNAL_RECOVERY_H
#define JOURNAL_RECOVERY_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "journal/manifest.h"
#include "journal/segment.h"
#include "memory/vec.h"
#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

struct recovery_log {
    uint64_t set;
    uint32_t log;
    uint32_t logs; /* Of its set. */
    uint64_t first;
    uint64_t last;
    bool is_recovered; /* By an earlier start as well. */

    /* Filled in by who reads it. Written under this boot, and so far on the disk for sure: what
     * comes after it may be in the system's memory only, and a sync that failed may be why. */
    bool is_here;
    uint64_t synced_segment;
    uint64_t synced_offset;
};

struct recovery {
    struct files lent_files;
    const char *lent_folder;
    struct manifest manifest;
    bool has_manifest;
    VEC(struct recovery_log) logs; /* The oldest set first. */
};

/* Makes the folder where it is missing. STATUS_CORRUPT: a log that must be there is not, or the
 * list is damaged. On failure nothing is held, and out_failure has a sentence. */
NODISCARD enum status recovery_open(struct recovery *self, const struct files *lent_files,
                                    const char *lent_folder, struct failure *out_failure);
void recovery_close(struct recovery *self);

/* The number of a set of this start. */
uint64_t recovery_get_next_set(const struct recovery *self);

/* Takes away what an earlier start had begun, and not put on the list: before this one makes its
 * logs. */
NODISCARD enum status recovery_clean(const struct recovery *self, struct failure *out_failure);

/* The set's logs are there, on the disk, each with a first segment; what was there before is
 * recovered, and is on the disk afterwards. From here on both count. */
NODISCARD enum status recovery_begin_set(struct recovery *self, uint32_t logs,
                                         struct failure *out_failure);

/* All of the earlier sets is in the store, on its disk: only this start's counts. */
NODISCARD enum status recovery_end(struct recovery *self, struct failure *out_failure);

/* All of this start's is in the store as well: nothing counts. */
NODISCARD enum status recovery_end_all(struct recovery *self, struct failure *out_failure);

#endif
