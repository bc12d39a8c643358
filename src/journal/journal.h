/* The log of one shard: what was changed, in order, until the store has it.
 *
 *     shard ──entries──► buffer ──journal_write──► segment ─► segment ─► ...   files of one size
 *                                                  oldest      current    next, made ready
 *
 * A machine: it writes when told to, and says what else is to be done (journal_next_task), which
 * somebody does elsewhere (journal_task_run) and brings back (journal_complete). So a thread does
 * it in the server, and a simulator does it when it likes.
 *
 * One write for all that came in a turn; nothing may be answered before it. The current segment is
 * sealed when it is full, and the next one begun, if that is ready; until then it grows beyond its
 * size. A segment goes when the caller says that nothing in it is needed (journal_release), oldest
 * first, and its file becomes the next one.
 *
 * Positions count the bytes of all entries since journal_open.
 *
 * Memory: the caller's; 254 segments at most.  Thread: one at a time.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "journal/segment.h"
#include "journal/task.h"
#include "memory/buffer.h"
#include "os/files.h"
#include "os/random.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_SEGMENTS_MAX = 254,
    JOURNAL_SEGMENT_BYTES_MIN = 4 * 1024,
    JOURNAL_SYNC_INTERVAL_MS = 1000,
    JOURNAL_CHECK_INTERVAL_MS = 250,

    /* What was forgotten is in a sealed segment so long after, and the segment's file is removed
     * when it goes. */
    JOURNAL_FORGOTTEN_WITHIN_MS = 5000,
};

/* Unsynced bytes that are synced before the second is over. */
#define JOURNAL_UNSYNCED_MAX (UINT64_C(64) * 1024 * 1024)

struct journal_config {
    struct files lent_files;
    struct random lent_random;
    const char *lent_folder; /* At most FILES_PATH_SIZE - SEGMENT_NAME_SIZE - 1 bytes. */
    uint64_t set;
    uint32_t log;
    uint32_t logs;
    struct segment_boot boot;
    enum journal_sync sync;
    uint64_t segment_bytes;
    uint64_t reserve_bytes; /* What must stay free on the disk. */
};

struct journal_segment {
    struct file file;
    uint64_t size;
    bool is_to_vanish; /* Holds what was forgotten: its file is not used again. */
};

struct journal {
    struct journal_config config;
    enum journal_sync sync; /* What holds for the current segment: as in its head, or stronger. */
    enum journal_sync sync_in_head;

    struct journal_segment segments[JOURNAL_SEGMENTS_MAX + 2]; /* By number modulo. */
    uint64_t oldest;
    uint64_t current;
    uint64_t released_to; /* What may go: all up to that number. */
    bool is_releasing;    /* The oldest: it could not go yet. */
    uint64_t release_retry_ms;
    bool has_next;
    bool has_spare;
    bool spare_is_to_vanish;
    bool next_is_refused;   /* The disk had no room for it. */
    uint64_t next_retry_ms; /* Not to be made ready before. */
    uint32_t key;           /* Of the current segment. */
    uint32_t crc;           /* Of the last entry. */

    uint64_t written;
    uint64_t synced;
    uint64_t synced_segment; /* The same, as a place in a file. */
    uint64_t synced_offset;
    bool has_to_mark; /* It is still to be written down. */
    uint64_t sync_due_ms;
    uint64_t asked; /* So far somebody wants it synced, whatever the mode. */

    bool is_disk_full;
    bool wants_rotation;
    uint64_t rotate_at_ms; /* For what was forgotten. 0: nothing was. */
    uint64_t check_at_ms;
    bool has_task; /* One is out. */

    /* For whoever watches. */
    uint64_t entries;
    uint64_t syncs;
    uint64_t sync_ns_last;
    uint64_t sync_ns_max;
};

/* Makes the first segment, on the disk. On failure nothing is held, and out_failure has a sentence;
 * STATUS_DISK_FULL: less is free than must stay so. */
NODISCARD enum status journal_open(struct journal *self, const struct journal_config *config,
                                   uint64_t now_ms, struct failure *out_failure);

/* Writes the buffer's entries, whole and not yet sealed, and empties it. A failure is not to be got
 * over: what is in the file is not known any more, and nothing may be answered. out_failure has a
 * sentence. */
NODISCARD enum status journal_write(struct journal *self, struct buffer *entries, uint64_t now_ms,
                                    struct failure *out_failure);

/* True: something is to be done, and is out until journal_complete. One at a time. */
bool journal_next_task(struct journal *self, uint64_t now_ms, struct journal_task *out_task);

/* As journal_write where a sync has failed. */
NODISCARD enum status journal_complete(struct journal *self, const struct journal_task *task,
                                       uint64_t now_ms, struct failure *out_failure);

/* Where that is weaker: once a segment whose head says so is on the disk, which begins with the
 * next write. So after a power cut the heads do not say that more was safe than was. */
void journal_set_sync(struct journal *self, enum journal_sync sync);

/* The segments up to that number, before the current one, are needed no more. */
void journal_release(struct journal *self, uint64_t number);

/* An entry of FORGETTING was written: what it names is to be gone from the files as well. */
void journal_note_forgetting(struct journal *self, uint64_t now_ms);

/* Up to that position all is synced soon, whatever the mode. */
void journal_ask_sync(struct journal *self, uint64_t position);

/* May changes be taken? STATUS_OK, STATUS_DISK_FULL or STATUS_JOURNAL_FULL. STATUS_BUSY: the next
 * segment will be ready soon, and the current one is full: what comes now would make it grow. */
enum status journal_peek_status(const struct journal *self);

/* Up to which position all is safe, as far as the mode asks. */
static inline uint64_t journal_get_safe(const struct journal *self)
{
    return self->sync == JOURNAL_SYNC_ALWAYS ? self->synced : self->written;
}

/* What its segments hold, in bytes, and what their files take. */
uint64_t journal_count_bytes(const struct journal *self);
uint64_t journal_count_file_bytes(const struct journal *self);

/* Waits until all is on the disk. No task is out. The files stay. */
NODISCARD enum status journal_sync_all(struct journal *self, struct failure *out_failure);

/* No task is out. */
void journal_close(struct journal *self);

#endif
