/* The files that are to be looked into: each that was named, and the segments in each folder that
 * was, log by log and in their order.
 *
 * Memory: the heap.  Thread: one at a time.
 */
#ifndef JOURNAL_TOOL_FILE_LIST_H
#define JOURNAL_TOOL_FILE_LIST_H

#include "base/attribute.h"
#include "base/status.h"
#include "journal_tool/options.h"
#include "memory/vec.h"
#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

struct file_list_item {
    char *path;
    bool has_name; /* The file's name is a segment's: */
    uint64_t set;
    uint32_t log;
    uint64_t number;
    uint32_t from;     /* The argument that it comes from, */
    bool is_of_folder; /* a folder, of which all segments are here. */
};

struct file_list {
    VEC(struct file_list_item) items;
};

/* STATUS_MEMORY; STATUS_MISSING, STATUS_IO: *out_path cannot be read, *out_result says why. Nothing
 * is held then. */
NODISCARD enum status file_list_init(struct file_list *self, const struct files *files,
                                     const struct options *options, const char **out_path,
                                     struct files_result *out_result);
void file_list_deinit(struct file_list *self);

#endif
