/* Reads one log, segment by segment, and tells a torn end from damage.
 *
 *     1 ─► 2 ─► 3 ─► 4 ▒▒▒      the end may be torn: what had no time to reach the disk is cut off
 *          2 ▒▒ 3 ─► 4          damage before it: what follows was written later
 *
 * After kill -9 all that was written is there, up to the last write: behind a place that is not
 * whole there may be nothing. After a power cut, whatever was not synced may be lost, torn, or
 * there although what was written before it is not: so only where a SYNCED entry names a later
 * place is the place damaged. Which of the two it was says the boot in the segments' heads.
 *
 * Memory: the segment reader's.  Thread: one at a time.
 */
#ifndef JOURNAL_LOG_READER_H
#define JOURNAL_LOG_READER_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "journal/segment_reader.h"

#include <stdbool.h>
#include <stdint.h>

struct log_reader_config {
    struct files lent_files;
    const char *lent_folder;
    struct segment_boot boot; /* The machine's present one. */
    uint64_t set;
    uint32_t log;
    uint64_t first; /* The segments that are there, first to last. */
    uint64_t last;
};

struct log_reader {
    struct log_reader_config config;
    struct segment_reader segment;
    uint64_t number;
    bool is_open;             /* `segment` is. */
    struct segment_boot boot; /* Of the segment that was begun last. */

    /* How far it went; whole at the end. */
    enum journal_sync weakest; /* Of the segments that were begun. */
    bool was_elsewhere;        /* Written under another boot. */
    bool is_torn;              /* The end was cut, there: */
    uint64_t torn_segment;
    uint64_t torn_offset;
    uint64_t synced_segment; /* So far it says that it was on the disk; 0: nowhere. */
    uint64_t synced_offset;
    uint64_t entries;
    uint64_t bytes;
};

void log_reader_init(struct log_reader *self, const struct log_reader_config *config);
void log_reader_deinit(struct log_reader *self);

/* STATUS_OK: the next entry that changes a user (PLAIN, STATES, FORGETTING); what it points to is
 * good until the next call. STATUS_MISSING: that was all. Else out_failure has a sentence with file
 * and offset: STATUS_CORRUPT: the log is damaged before its end. STATUS_NEWER, STATUS_IO,
 * STATUS_MEMORY. */
NODISCARD enum status log_reader_next(struct log_reader *self, struct journal_entry *out_entry,
                                      struct failure *out_failure);

#endif
