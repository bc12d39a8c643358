/* What may go wrong in a run, in one table: name, how often (of a million steps), and what it is.
 *
 * Memory: plain data.  Thread: any.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/*      kind                      name                        per million */
#define FAULTS_TABLE(X)                                                                            \
    X(FAULT_DISK_SYNC_ERROR,      "disk-sync-error",          300) /* The node must end itself. */ \
    X(FAULT_DISK_WRITE_ERROR,     "disk-write-error",         200)                                 \
    X(FAULT_DISK_WRITE_SHORT,     "disk-write-short",         200)                                 \
    X(FAULT_DISK_WRITE_FULL,      "disk-write-full",          100)                                 \
    X(FAULT_DISK_ALLOCATE_FULL,   "disk-allocate-full",       500)                                 \
    X(FAULT_DISK_FULL,            "disk-full",                200) /* For a while. */              \
    X(FAULT_DISK_OPEN_ERROR,      "disk-open-error",          300)                                 \
    X(FAULT_DISK_READ_ERROR,      "disk-read-error",          300)                                 \
    X(FAULT_DISK_RENAME_ERROR,    "disk-rename-error",        300)                                 \
    X(FAULT_DISK_REMOVE_ERROR,    "disk-remove-error",        300)                                 \
    X(FAULT_DISK_LIST_ERROR,      "disk-list-error",          200)                                 \
    X(FAULT_DISK_RESIZE_ERROR,    "disk-resize-error",        100)                                 \
    X(FAULT_DISK_FOLDER_ERROR,    "disk-sync-folder-error",   300)                                 \
    X(FAULT_DISK_SLOW_SYNC,       "disk-slow-sync",           800)                                 \
    X(FAULT_DISK_SLOW_TASKS,      "disk-slow-tasks",          800) /* For a while. */              \
    X(FAULT_DISK_ROT,             "disk-rot",              200000) /* Of the kills. */             \
    X(FAULT_CUT_DRAWN,            "cut-drawn",                300) /* Power cuts; each name, */    \
    X(FAULT_CUT_LOST,             "cut-lost",                 150) /* write and size is old or */  \
    X(FAULT_CUT_KEPT,             "cut-kept",                 100) /* new, as POSIX allows. */     \
    X(FAULT_CUT_REORDERED,        "cut-reordered",            150)                                 \
    X(FAULT_CUT_TORN,             "cut-torn",                 150)                                 \
    X(FAULT_CUT_SECTORS,          "cut-sectors",              150)                                 \
    X(FAULT_CUT_NAMES_LOST,       "cut-names-lost",           100)                                 \
    X(FAULT_CUT_STORE,            "cut-store",             600000) /* Of the cuts. */              \
    X(FAULT_KILL,                 "kill-between-turns",       700)                                 \
    X(FAULT_KILL_AT_IO,           "kill-at-io",               700)                                 \
    X(FAULT_KILL_WHILE_STARTING,  "kill-while-starting",   200000) /* Of the starts. */            \
    X(FAULT_PAUSE,                "pause",                    300)                                 \
    X(FAULT_STOP,                 "stop",                     300)                                 \
    X(FAULT_OTHER_SHARDS,         "other-shards",          300000) /* Of the starts. */            \
    X(FAULT_OTHER_SYNC,           "other-sync",            200000) /* Of the starts. */            \
    X(FAULT_CLOCK_FORWARD,        "clock-forward",            200)                                 \
    X(FAULT_CLOCK_STANDSTILL,     "clock-standstill",         500)                                 \
    X(FAULT_CLOCK_SET_BACK,       "clock-set-back",           300) /* That on the wall. */         \
    X(FAULT_CLOCK_SET_FORWARD,    "clock-set-forward",        300)                                 \
    X(FAULT_SYNC_CHANGES,         "sync-changes",             500) /* As by CONFIG SET. */         \
    X(FAULT_CLIENT_DISCONNECT,    "client-disconnect",       3000)                                 \
    X(FAULT_CLIENT_RETRY,         "client-retry",           30000) /* Of the commands. */          \
    X(FAULT_CLIENT_SLOW,          "client-slow",             2000)                                 \
    X(FAULT_CLIENT_BURST,         "client-burst",            2000)                                 \
    X(FAULT_STORE_ERROR,          "store-error",              800) /* For a while, all below. */   \
    X(FAULT_STORE_ERROR_WRITTEN,  "store-error-written",      800)                                 \
    X(FAULT_STORE_HANG,           "store-hang",               500)                                 \
    X(FAULT_STORE_SLOW,           "store-slow",               800)                                 \
    X(FAULT_STORE_DOWN,           "store-down",               300)                                 \
    X(FAULT_STORE_FLAPS,          "store-flaps",              300)                                 \
    X(FAULT_STORE_SILENT,         "store-silent",             200)                                 \
    X(FAULT_MEMORY_ALLOCATION,    "memory-allocation",        400) /* For a while. */              \
    X(FAULT_CACHE_SHRINKS,        "cache-shrinks",            500)
/* clang-format on */

enum fault {
#define X(kind, name, per_million) kind,
    FAULTS_TABLE(X)
#undef X
        FAULTS_COUNT
};

#define FAULTS_ALL ((UINT64_C(1) << FAULTS_COUNT) - 1)

_Static_assert((int)FAULTS_COUNT < 64, "a set of faults is 64 bits");

struct fault_kind {
    const char *name;
    uint32_t per_million;
};

struct fault_kind fault_get_kind(enum fault fault);

/* Names with commas between; "all", "none", "cut" (what begins so), and with "-" in front: without.
 * False: one of them is no fault. */
bool faults_parse(const char *text, uint64_t *out_faults);

/* With the terminator. */
enum { FAULTS_TEXT_SIZE = 1024 };

/* As faults_parse takes it. */
void faults_print(uint64_t faults, char to[static FAULTS_TEXT_SIZE]);

#endif
