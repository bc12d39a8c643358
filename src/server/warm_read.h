/* Reads the file with the hottest users' ids (shard/hot_file.h), in steps: all of it once, to see
 * whether it is whole, and then again, id by id. The file stays open meanwhile: a later one may
 * take its name.
 *
 *     warm_read_open ──► warm_read_check, until it is not STATUS_BUSY ──► warm_read_next ──►
 *     warm_read_close
 *
 * Memory: the caller's.  Thread: one at a time.
 */
#ifndef SERVER_WARM_READ_H
#define SERVER_WARM_READ_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/ids.h"
#include "base/status.h"
#include "os/files.h"
#include "shard/hot_file.h"

#include <stdbool.h>
#include <stdint.h>

enum { WARM_READ_SIZE = 64 * 1024 };

struct warm_read {
    struct files lent_files;
    struct file file;
    bool is_open;
    struct hot_check check;
    char path[FILES_PATH_SIZE];
    uint64_t offset; /* Of the file, behind `bytes`. */
    size_t size;
    size_t at;
    uint8_t bytes[WARM_READ_SIZE];
};

/* STATUS_MISSING: there is no file. Else, and from the others, out_failure has a sentence where it
 * is not STATUS_OK; then it is closed. */
NODISCARD enum status warm_read_open(struct warm_read *self, const struct files *lent_files,
                                     const char *folder, struct failure *out_failure);

/* A step. STATUS_BUSY: there are more. STATUS_OK: it is whole. */
NODISCARD enum status warm_read_check(struct warm_read *self, struct failure *out_failure);

/* How many ids there are, once it is checked. */
static inline uint64_t warm_read_count(const struct warm_read *self)
{
    return self->check.head.count;
}

/* The next id, which stays the next one until warm_read_pass. STATUS_MISSING: those were all. */
NODISCARD enum status warm_read_next(struct warm_read *self, struct user_id *out_user,
                                     struct failure *out_failure);
static inline void warm_read_pass(struct warm_read *self)
{
    self->at += HOT_FILE_ID_SIZE;
}

/* Harmless where it is closed. */
void warm_read_close(struct warm_read *self);

#endif
