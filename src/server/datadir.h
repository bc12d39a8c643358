/* The folder of all data: one server at a time, one format, and which history it holds.
 *
 *     lock     the process id of the server that holds it, which has locked the file
 *     format   the version of this layout, `2`
 *     epoch    one line: epoch, mark, store id
 *              `0123456789abcdef running fedcba9876543210`
 *
 * The mark says how the last server ended: `clean` when every answered change was in the store or
 * the journal, on the disk, else `running`. While it is open the folder says `running`, on the
 * disk: after any other end than datadir_mark_clean its owner must find out whether something was
 * lost, and then renew the epoch.
 *
 * The store is beside these files, or elsewhere. It keeps the folder's store id as its identity:
 * where they differ, one of the two was restored or exchanged, and the history is not the same any
 * more.
 *
 * Memory: the caller's.  Thread: one at a time.
 */
#ifndef SERVER_DATADIR_H
#define SERVER_DATADIR_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "os/files.h"
#include "os/random.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DATADIR_FORMAT = 2,                           /* 1 had no journal. */
    DATADIR_PATH_SIZE_MAX = FILES_PATH_SIZE - 64, /* Room for the names of what is inside. */
    DATADIR_EPOCH_SIZE = 17,                      /* 16 hexadecimal digits, the terminator. */
    DATADIR_STORE_ID_SIZE = 65,
};

/* What open found; for the log. */
enum datadir_found {
    DATADIR_NEW,     /* Nothing: the folder was empty or not there. */
    DATADIR_CLEAN,   /* The last server had kept everything: the epoch goes on. */
    DATADIR_UNCLEAN, /* It had not: the epoch goes on, unless it is renewed. */
    DATADIR_DAMAGED, /* The epoch's file is not readable: a new epoch, a new store id. */
};

struct datadir {
    struct files lent_files;
    struct random lent_random;
    struct file lock;
    enum datadir_found found;
    bool is_marked_clean;
    char epoch[DATADIR_EPOCH_SIZE];
    char store_id[DATADIR_STORE_ID_SIZE];
    char path[DATADIR_PATH_SIZE_MAX + 1];
};

/* Makes the folder if it is missing, but no folder above it. STATUS_BUSY: another server has it.
 * STATUS_NEWER: a later version of this program wrote it. STATUS_CORRUPT, STATUS_IO,
 * STATUS_MISSING, STATUS_INVALID (too long a path), STATUS_MEMORY. On failure nothing is held, and
 * out_failure has a sentence. */
NODISCARD enum status datadir_open(struct datadir *self, const char *path,
                                   const struct files *lent_files, const struct random *lent_random,
                                   struct failure *out_failure);

/* Lets the folder go. What it says of its end is what was marked. */
void datadir_close(struct datadir *self);

/* Told once the store is open, with its identity, or NULL where it has none yet; before anyone is
 * served. Where it is not the folder's own store a new epoch begins, and the folder takes over the
 * store's identity. A store without identity is to be given `store_id` after it. On failure the
 * server must not go on. */
NODISCARD enum status datadir_meet_store(struct datadir *self, const char *identity,
                                         struct failure *out_failure);

/* A new epoch from here on: what was answered may have been lost. On failure the old one stays in
 * `epoch`, and either is on the disk. */
NODISCARD enum status datadir_renew_epoch(struct datadir *self, struct failure *out_failure);

/* All that was answered is in the store, on the disk, and nothing follows but datadir_close. On
 * failure the next server may begin a new epoch. */
NODISCARD enum status datadir_mark_clean(struct datadir *self, struct failure *out_failure);

#endif
