/* What a log has to be done that may wait for the disk: done by a thread of its own, so that no
 * shard waits.
 *
 * Memory: whole, no pointer but the folder's. Who holds it owns it.  Thread: any, one at a time.
 */
#ifndef JOURNAL_TASK_H
#define JOURNAL_TASK_H

#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

enum { JOURNAL_TASK_FILES_MAX = 8, JOURNAL_NAME_SIZE = 64 };

enum journal_work {
    JOURNAL_WORK_SYNC,    /* What was written to these files is on the disk afterwards. */
    JOURNAL_WORK_PREPARE, /* The next segment's file: there, with all its room, and open. */
    JOURNAL_WORK_RELEASE, /* A segment that is needed no more: kept as a spare file, or removed. */
    JOURNAL_WORK_CHECK,   /* How much room has the disk? */
};

struct journal_task {
    enum journal_work work;
    struct files lent_files;
    const char *lent_folder;

    /* SYNC */
    struct file files[JOURNAL_TASK_FILES_MAX];
    uint32_t files_count;
    uint64_t segment; /* Up to where: of the files' last. */
    uint64_t offset;
    uint64_t position;

    /* PREPARE: the file is `to`, made of `from` where that is not empty. RELEASE: `from` becomes
     * `to`, or is removed where that is empty. */
    char from[JOURNAL_NAME_SIZE];
    char to[JOURNAL_NAME_SIZE];
    uint64_t segment_bytes;
    uint64_t reserve_bytes; /* What must stay free on the disk. */
    struct file file;       /* PREPARE: made. RELEASE: to be closed, */
    bool has_file;          /* if it is open. Only where all went well is it after PREPARE. */

    /* How it ended. */
    struct files_result result;
    bool is_full; /* The disk has less room than is to stay free: nothing was done. */
    uint64_t took_ns;
};

void journal_task_run(struct journal_task *self);

/* What failed, for the log: "sync the journal's file". */
const char *journal_task_text(const struct journal_task *self);

#endif
