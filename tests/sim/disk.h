/* A disk in memory: it fails when told to, and forgets at a power cut what was not synced.
 *
 *     name ─┬─ now ─────────► node ─┬─ now        what a process reads
 *           ├─ since the sync       ├─ changes    since the sync, in their order
 *           └─ synced ──────► node  └─ synced     what a power cut leaves for sure
 *
 * Now and synced share the pages (4 KB) that are the same in both; a page nobody wrote reads as 0
 * and takes neither memory nor room. A power cut is as unkind as POSIX allows, or as kind as the
 * caller wants (`struct disk_cut`): each name is one of those it had since its folder was synced,
 * whatever became of the others, so that a renamed file may have both names or none; each content
 * is what was synced with any of the changes since.
 *
 * Same calls and seeds, same results: no clock, no addresses, nothing of the C library's rand. The
 * hash (`disk_get_hash`) tells whether two runs were the same.
 *
 * Other than the system's: a folder is neither opened nor renamed.
 *
 * Memory: the heap, twice what is not synced and once what is; `disk_destroy` ends it.
 * Thread: one at a time. Nothing waits: what is slow adds to `disk_take_delay`.
 * Limits: those of `struct disk_options`; DISK_FILE_SIZE_MAX a file; DISK_NAME_VERSIONS of a name.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "os/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DISK_PAGE_SIZE = 4096, /* Room is taken by the page. */
    DISK_SECTOR_SIZE = 512,
    DISK_FAULTS_PLANNED = 16, /* At most, at one time. */
    DISK_NAME_VERSIONS = 8,   /* Remembered of a name; of more, the oldest but the synced one go. */
    DISK_DEAD = ESHUTDOWN,    /* The errno of all operations of a process that was killed. */
};

#define DISK_FILE_SIZE_MAX (UINT64_C(1) << 32)

struct disk_options {
    uint32_t files_max;   /* Files and folders at one time; one more: ENOSPC. */
    uint32_t handles_max; /* One more: EMFILE. */
    uint64_t capacity_bytes;
    uint64_t seed; /* Of what faults draw. */
};

enum disk_operation {
    DISK_CREATE_FOLDER,
    DISK_OPEN,
    DISK_CLOSE, /* Never fails. */
    DISK_LOCK,
    DISK_READ,
    DISK_WRITE,
    DISK_RESIZE,
    DISK_ALLOCATE,
    DISK_SYNC,
    DISK_SYNC_DATA,
    DISK_COPY_RIGHTS,
    DISK_SYNC_FOLDER,
    DISK_RENAME,
    DISK_REMOVE,
    DISK_LIST,
    DISK_MEASURE_FREE,
    DISK_OPERATIONS,
};

/* What an operation that fails has not done; but for what stands here. */
enum disk_fault_kind {
    DISK_FOLDER_ERROR, /* Of create_folder. EIO, like all errors below. */
    DISK_OPEN_ERROR,
    DISK_READ_ERROR,
    DISK_WRITE_ERROR,
    DISK_WRITE_SHORT, /* EIO, when `bytes` of it were written. */
    DISK_WRITE_FULL,  /* ENOSPC, when `bytes` of it were written. */
    DISK_RESIZE_ERROR,
    DISK_ALLOCATE_FULL, /* ENOSPC. */
    /* As in Linux: some of the changes reach the disk (drawn), the others never do, although they
     * are read until the cache is dropped, and the next sync says that all is well. */
    DISK_SYNC_ERROR,
    DISK_SYNC_FOLDER_ERROR,
    DISK_RENAME_ERROR,
    DISK_REMOVE_ERROR,
    DISK_LIST_ERROR,
    /* Not errors: `delay_ns` is added to what disk_take_delay gives. */
    DISK_SLOW_READ,
    DISK_SLOW_WRITE,
    DISK_SLOW_SYNC, /* Of a file or a folder. */
    DISK_SLOW_ANY,
    DISK_FAULT_KINDS,
};

#define DISK_DRAWN UINT64_MAX

/* Operations that the kind can befall are counted from 1 from the plan on. If two errors are due,
 * the one planned first happens. */
struct disk_fault {
    enum disk_fault_kind kind;
    uint64_t at;        /* It befalls this one; */
    bool goes_on;       /* and all later ones. */
    uint32_t per_mille; /* If not 0: those of them that this is drawn for. */
    uint64_t bytes;     /* Of a write, done before the error; DISK_DRAWN: fewer than all of them. */
    uint64_t delay_ns;
};

enum disk_writes {
    DISK_WRITES_LOST,
    DISK_WRITES_KEPT,
    DISK_WRITES_FIRST,   /* The `first` oldest changes are kept, of all files together. */
    DISK_WRITES_EACH,    /* Each is kept or lost by itself. */
    DISK_WRITES_SECTORS, /* Each sector is as it was at some time since the sync. */
};

enum disk_sizes {
    DISK_SIZES_WRITTEN, /* As the changes that are kept made it. */
    DISK_SIZES_OLD,
    DISK_SIZES_NEW,  /* What was lost reads as 0. */
    DISK_SIZES_EACH, /* Of each file one of these. */
};

enum disk_names {
    DISK_NAMES_OLD,
    DISK_NAMES_NEW,
    DISK_NAMES_EACH, /* Each what it was at some time since the sync of its folder. */
};

/* What a power cut leaves of what was not synced. Changes are writes, resizes and allocations. */
struct disk_cut {
    enum disk_writes writes;
    enum disk_sizes sizes;
    enum disk_names names;
    uint64_t first;
    /* Of the last write that is kept only the first bytes are. (Not with DISK_WRITES_SECTORS.) */
    bool is_torn;
    uint64_t torn_bytes; /* DISK_DRAWN: fewer than all of them. */
    uint64_t seed;
};

struct disk_counts {
    uint64_t operations; /* The number of the last one; those of a dead process too. */
    uint64_t operations_by_kind[DISK_OPERATIONS];
    uint64_t faults_by_kind[DISK_FAULT_KINDS];
    uint64_t full; /* For real: no room, or too many files. */
    uint64_t bytes_read;
    uint64_t bytes_written;
    uint64_t processes_ended;
    uint64_t power_cuts;
    uint64_t changes_kept; /* By power cuts, in whole or in part. */
    uint64_t changes_lost;
    uint64_t writes_torn;
    uint64_t sizes_old; /* Where there was a newer one. */
    uint64_t sizes_new;
    uint64_t names_old;
    uint64_t names_new;
};

struct disk;

struct disk *disk_create(const struct disk_options *options);
void disk_destroy(struct disk *self);

/* The port, which lives as long as the disk. */
struct files disk_get_files(struct disk *lent_self);

/* kill -9: handles and locks are gone, all that was written stays. The next process may begin. */
void disk_end_process(struct disk *self);

/* The process is killed in its operation of that number (disk_counts.operations, one that is yet to
 * come), which is not done, but for the first `bytes` if it is a write. All it does from then on
 * fails with DISK_DEAD and does nothing, until disk_end_process or disk_cut_power. 0: no more. */
void disk_end_process_at(struct disk *self, uint64_t operation, uint64_t bytes);
bool disk_is_dead(const struct disk *self);

/* The power goes, the process with it, and comes back. Faults stay planned. */
void disk_cut_power(struct disk *self, const struct disk_cut *cut);

/* One of all the ways there are at this moment. */
struct disk_cut disk_draw_cut(const struct disk *self, uint64_t seed);

/* For DISK_WRITES_FIRST and torn_bytes: how many changes are not synced; the bytes of one, counted
 * from 0, oldest first (0 if it is not a write). */
uint64_t disk_count_changes(const struct disk *self);
uint64_t disk_get_change_size(const struct disk *self, uint64_t at);

/* The system forgets what it holds of the disk's content and is not waiting to be written: what a
 * failed sync lost is not read any more. */
void disk_drop_cache(struct disk *self);

void disk_plan_fault(struct disk *self, const struct disk_fault *fault);
void disk_clear_faults(struct disk *self);

/* Less than is taken: nothing more can be. */
void disk_set_capacity(struct disk *self, uint64_t capacity_bytes);

/* Bits of a byte flip, of what is read and of what is synced. False: no such byte. */
bool disk_rot(struct disk *self, const char *path, uint64_t offset, uint8_t mask);

/* The file is synced, and all from `size` on is lost. False: it has no more bytes than that. */
bool disk_truncate(struct disk *self, const char *path, uint64_t size);

/* What slow operations took since the last call. */
uint64_t disk_take_delay(struct disk *self);

/* Of all that was asked of the disk, and of its answers. */
uint64_t disk_get_hash(const struct disk *self);

/* Lives as long as the disk. */
const struct disk_counts *disk_get_counts(const struct disk *self);

#endif
