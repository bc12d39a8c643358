/* Reads one segment's file to where it ends, and says how it ends.
 *
 * Memory: the segment reader's.  Thread: one at a time.
 */
#ifndef JOURNAL_TOOL_LOOK_H
#define JOURNAL_TOOL_LOOK_H

#include "journal/entry.h"
#include "journal/segment.h"
#include "journal_tool/file_list.h"

enum look_end {
    LOOK_SEALED,    /* Whole: its last entry says that the next segment follows. */
    LOOK_OPEN,      /* No entry of it follows: the end of the log, or of what reached the disk. */
    LOOK_DAMAGED,   /* Entries follow that were written later. */
    LOOK_NOT_BEGUN, /* Its head is all zero, or from an earlier life of the file. */
    LOOK_HEAD_DAMAGED,
    LOOK_NEWER,      /* Of a later format. */
    LOOK_UNREADABLE, /* `result`, or no memory. */
};

enum { LOOK_KINDS = JOURNAL_SEALED + 1 };

struct look {
    enum look_end end;
    struct segment_head head;
    uint64_t offset; /* Whole up to here. */
    uint64_t entries;
    uint64_t by_kind[LOOK_KINDS];
    uint64_t next;        /* LOOK_SEALED: the segment it names. */
    uint64_t rest_offset; /* LOOK_DAMAGED: of the first entry that was found behind. */
    bool was_synced;      /* One of those says that this place was on the disk. */
    enum status status;   /* LOOK_UNREADABLE. */
    struct files_result result;
};

/* Whoever wants to have the entries. */
struct look_taker {
    void (*take)(void *lent_context, const struct journal_entry *entry, uint64_t offset,
                 uint64_t size);
    void *lent_context;
};

/* `taker` may be NULL. */
void look_at(struct look *out_look, const struct files *files, const struct file_list_item *item,
             const struct look_taker *taker);

#endif
