/* Which logs count: a file of text, replaced in one step.
 *
 *     readstates-journal 1
 *     set 3 logs 2 recovered
 *     set 4 logs 2
 *     crc 8e0f60b3
 *
 * Each start of the server makes a set, of a log for each of its threads. What an earlier set holds
 * counts until all of it is in the store; then the set is taken off the list, and its files go.
 * `recovered`: a later start has read it, and drawn what follows for the epoch. `crc` is the
 * CRC-32C of all that stands before its line.
 *
 * Memory: the caller's.  Threads: any, one at a time.
 */
#ifndef JOURNAL_MANIFEST_H
#define JOURNAL_MANIFEST_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

enum { MANIFEST_SETS_MAX = 64, MANIFEST_FORMAT = 1 };

struct manifest_set {
    uint64_t number;
    uint32_t logs;
    bool is_recovered;
};

struct manifest {
    uint32_t count;
    struct manifest_set sets[MANIFEST_SETS_MAX]; /* The oldest first. */
};

/* STATUS_MISSING: there is none. STATUS_CORRUPT, STATUS_NEWER, STATUS_IO: out_failure has a
 * sentence. */
NODISCARD enum status manifest_read(struct manifest *self, const struct files *files,
                                    const char *folder, struct failure *out_failure);

/* On the disk afterwards. */
NODISCARD enum status manifest_write(const struct manifest *self, const struct files *files,
                                     const char *folder, struct failure *out_failure);

#endif
