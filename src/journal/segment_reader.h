/* Reads one segment, entry by entry, as far as it is whole.
 *
 * Memory: a window over the file, 256 KiB, or as much as the largest entry takes (16 MiB at the
 * most).  Thread: one at a time.
 */
#ifndef JOURNAL_SEGMENT_READER_H
#define JOURNAL_SEGMENT_READER_H

#include "base/attribute.h"
#include "base/status.h"
#include "journal/entry.h"
#include "journal/segment.h"
#include "memory/buffer.h"
#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

struct segment_reader {
    struct files lent_files;
    struct file file;
    struct segment_head head;
    struct buffer window;
    uint64_t window_at; /* Of the window's first byte in the file. */
    bool is_at_end;     /* The file has no more than is in the window. */
    uint64_t offset;    /* Of the entry that is read next: what is before it is whole. */
    uint32_t crc;
};

/* STATUS_MISSING: the file is not there, or was not begun (its head is all zero). STATUS_CORRUPT,
 * STATUS_NEWER: its head is no head, or of a later format. STATUS_IO, STATUS_MEMORY: *out_result
 * says why. Nothing is open then. */
NODISCARD enum status segment_reader_open(struct segment_reader *self, const struct files *files,
                                          const char *path, struct files_result *out_result);
void segment_reader_close(struct segment_reader *self);

/* STATUS_OK: the next entry; what it points to is good until the next call. STATUS_MISSING: there
 * is no whole one here, whatever the reason; the reader stays where it is. STATUS_IO,
 * STATUS_MEMORY. */
NODISCARD enum status segment_reader_next(struct segment_reader *self,
                                          struct journal_entry *out_entry,
                                          struct files_result *out_result);

/* Entries of this segment that were written after where the reader stands. */
struct segment_rest {
    bool is_there;
    uint64_t offset; /* Of the first that was found. */

    /* The highest of what its SYNCED entries name; 0, 0 without. */
    uint64_t synced_segment;
    uint64_t synced_offset;
};

/* Looks through the rest of the file, and uses up the reader. */
NODISCARD enum status segment_reader_find_rest(struct segment_reader *self,
                                               struct segment_rest *out_rest,
                                               struct files_result *out_result);

#endif
