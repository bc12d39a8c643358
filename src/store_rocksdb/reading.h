/* A user as RocksDB gives it, checked, and made an image of.
 *
 *     key                      value
 *     user                     record                     (readstate/record.h)
 *     user │ fence             leaf                       (readstate/leaf.h), only of a large user
 *
 * Nothing that comes from a disk is believed: the record is whole, each leaf is whole, and holds
 * channels only from its fence up to the next one's.
 *
 * Memory: the image is the caller's.  Threads: store threads, several at a time.
 */
#ifndef STORE_ROCKSDB_READING_H
#define STORE_ROCKSDB_READING_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"
#include "store/image.h"

#include <rocksdb/c.h>
#include <stddef.h>

/* What was wrong, for people. */
enum { READING_PROBLEM_SIZE = 256 };

/* Statuses as of a store's read; with STATUS_STORE, STATUS_CORRUPT and STATUS_NEWER `problem` is
 * set. */
NODISCARD enum status reading_read_user(rocksdb_t *db, const rocksdb_readoptions_t *options,
                                        struct user_id user, struct image **out_image,
                                        char problem[static READING_PROBLEM_SIZE]);

/* A status for what RocksDB says; frees it and clears the caller's pointer. */
enum status reading_take_error(char **taken_error, const char *doing,
                               char problem[static READING_PROBLEM_SIZE]);

#endif
