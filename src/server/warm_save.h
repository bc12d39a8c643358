/* Writes the file with the hottest users' ids (shard/hot_file.h) into the data folder: under
 * another name, synced, and renamed, so that it is there whole, or as it was.
 *
 *     shard 0 ──list──┐
 *     shard 1 ──list──┴─ one of each in turn ──► warm.new ──► warm
 *
 * Memory: none beyond the call.  Thread: one at a time.
 */
#ifndef SERVER_WARM_SAVE_H
#define SERVER_WARM_SAVE_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "os/files.h"
#include "shard/hot_list.h"

#include <stdint.h>

#define WARM_FILE_NAME "warm"

struct warm_save {
    const struct files *lent_files;
    const char *lent_folder;
    const struct hot_list *lent_lists;
    uint32_t lists;
    uint64_t users_max;     /* Of all lists together, the coldest are left out. */
    uint64_t reserve_bytes; /* What has to stay free on the disk. */
};

/* How many ids would be written. */
uint64_t warm_save_count(const struct warm_save *self);

/* On failure what was there before is there, and out_failure has a sentence. */
NODISCARD enum status warm_save_run(const struct warm_save *self, struct failure *out_failure);

/* The list goes. STATUS_OK as well where there is none. */
NODISCARD enum status warm_save_remove(const struct files *lent_files, const char *folder);

/* What a server that was killed has left of a list that it was writing goes, if it can. */
void warm_save_clean(const struct files *lent_files, const char *folder);

#endif
