/* What can be set: the one table of options, and their values.
 *
 * From the table come the config file, the command line, the environment (options_read.h), CONFIG
 * GET and SET, --help, the man page and docs/options.md (options_print.h). An option is declared
 * nowhere else; a row makes its field in `struct options` as well.
 *
 * A `struct options` is plain data: it is copied by assignment, so a change of several options is
 * tried on a copy, checked, and taken whole or not at all.
 *
 * Memory: the caller's.  Threads: any, a struct one at a time.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/slice.h"
#include "base/status.h"
#include "journal/segment.h"
#include "os/machine.h"
#include "server/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_TEXT_SIZE = 1024, /* With the terminator. */
    OPTIONS_THREADS_MAX = 64,
    OPTIONS_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN. */
    OPTIONS_SOCKET_PATH_SIZE_MAX = 107,
};

#define OPTIONS_KB UINT64_C(1024)
#define OPTIONS_MB (1024 * OPTIONS_KB)
#define OPTIONS_GB (1024 * OPTIONS_MB)
#define OPTIONS_TB (1024 * OPTIONS_GB)
#define OPTIONS_SECOND_MS UINT64_C(1000)
#define OPTIONS_DAY_MS (86400 * OPTIONS_SECOND_MS)

/* Kind of value, field, name, group, whether it can be changed live, default as it would be typed
 * (NULL: taken from the machine or another option, as the help says), lowest and highest value (of
 * a text its size; of a choice its type and words, in the order of the enum), one line of help. */
/* clang-format off */
#define OPTIONS_TABLE(FLAG, INTEGER, SIZE, TIME, CHOICE, TEXT, ADDRESSES)                          \
    ADDRESSES(bind, "bind", NETWORK, FIXED, "127.0.0.1", 1, OPTIONS_TEXT_SIZE - 1,                 \
        "addresses to listen on, IPv4 or IPv6, with spaces between")                               \
    INTEGER(port, "port", NETWORK, FIXED, "6677", 0, 65535,                                        \
        "TCP port to listen on; 0: none")                                                          \
    TEXT(unixsocket, "unixsocket", NETWORK, FIXED, "", 0, OPTIONS_SOCKET_PATH_SIZE_MAX,            \
        "path of a Unix socket to listen on as well; empty: none")                                 \
    FLAG(allow_insecure, "allow-insecure", NETWORK, FIXED, "no", 0, 1,                             \
        "listen on addresses beyond loopback, where anyone may connect")                           \
    INTEGER(maxclients, "maxclients", NETWORK, LIVE, "10000", 1, 1000000,                          \
        "connections at the same time; the next one is refused")                                   \
    TIME(timeout_ms, "timeout", NETWORK, LIVE, "300s", 0, 365 * OPTIONS_DAY_MS,                    \
        "close a connection that was idle for so long; 0: never")                                  \
    INTEGER(max_arguments, "max-arguments", NETWORK, LIVE, "4096", 4, 1048576,                     \
        "arguments of one command, its name among them")                                           \
    SIZE(max_argument_bytes, "max-argument-bytes", NETWORK, LIVE, "4kb", 64, 512 * OPTIONS_MB,     \
        "size of one argument")                                                                    \
    SIZE(client_output_limit_bytes, "client-output-limit", NETWORK, LIVE, "32mb",                  \
        64 * OPTIONS_KB, 64 * OPTIONS_GB,                                                          \
        "replies that may wait for one connection before it is closed")                            \
    SIZE(maxmemory_clients_bytes, "maxmemory-clients", NETWORK, LIVE, NULL, OPTIONS_MB,            \
        64 * OPTIONS_TB,                                                                           \
        "all connections take before the largest is closed; a quarter of the memory unless set")   \
    TEXT(data_dir, "data-dir", STORE, FIXED, "./data", 1, OPTIONS_TEXT_SIZE - 1,                   \
        "folder of all data; made if missing, for one server at a time")                           \
    CHOICE(store, "store", STORE, FIXED, "rocksdb", enum options_store, "rocksdb|memory",          \
        "where read states are kept; memory: nowhere beyond this process")                         \
    TIME(commit_delay_ms, "commit-delay", STORE, LIVE, "30s", 10, OPTIONS_DAY_MS,                  \
        "write a changed user no later than this after the change")                                \
    CHOICE(journal_sync, "journal-sync", STORE, LIVE, "everysec", enum journal_sync,               \
        "always|everysec|no",                                                                      \
        "when an answered change is synced: before it, within a second, or not")                   \
    SIZE(journal_segment_bytes, "journal-segment", STORE, FIXED, "16mb", 64 * OPTIONS_KB,          \
        OPTIONS_GB, "size of a file of the journal; each thread has two or more")                  \
    SIZE(disk_reserve_bytes, "disk-reserve", STORE, FIXED, "64mb", 0, 64 * OPTIONS_TB,             \
        "what stays free on the disk of data-dir: with less, updates are refused")                 \
    SIZE(rocksdb_memory_bytes, "rocksdb-memory", STORE, FIXED, "64mb", 8 * OPTIONS_MB, OPTIONS_TB, \
        "RocksDB's write buffers and block cache together")                                        \
    SIZE(cache_memory_bytes, "cache-memory", CACHE, LIVE, NULL, OPTIONS_MB, 64 * OPTIONS_TB,       \
        "all that the cache takes; a quarter of the memory unless set; at least 1mb a thread")     \
    INTEGER(cache_users, "cache-users", CACHE, LIVE, "0", 0, 4000000000,                           \
        "users in the cache, at least one a thread; 0: no bound but cache-memory")                 \
    SIZE(dirty_memory_bytes, "dirty-memory", CACHE, LIVE, NULL, 64 * OPTIONS_KB, 64 * OPTIONS_TB,  \
        "unwritten changes before updates are refused; half of cache-memory unless set")           \
    TIME(warm_save_ms, "warm-save", CACHE, LIVE, "300s", 0, 365 * OPTIONS_DAY_MS,                  \
        "save the hottest users' ids so often, and at the end, for the next start; 0: never")      \
    INTEGER(warm_users, "warm-users", CACHE, LIVE, "4000000", 1, 400000000,                        \
        "users whose ids are saved so, at the most")                                               \
    INTEGER(warm_rate, "warm-rate", CACHE, LIVE, "20000", 0, 10000000,                             \
        "load so many of them a second after a start, without a client asking; 0: none")           \
    INTEGER(mention_ids_kept, "mention-ids-kept", STATES, LIVE, "16", 4, 255,                      \
        "newest unread mentions of a state that are known by id")                                  \
    INTEGER(max_channels, "max-channels", STATES, LIVE, "100000", 1, 1000000,                      \
        "read states of one user; the next one is refused")                                        \
    INTEGER(tombstones_kept, "tombstones-kept", STATES, LIVE, "1000", 1, 1000000,                  \
        "removed states of one user that are remembered; the oldest are forgotten first")          \
    INTEGER(threads, "threads", PROCESS, FIXED, "0", 0, OPTIONS_THREADS_MAX,                       \
        "threads that serve; 0: one a core")                                                       \
    INTEGER(gather_below, "gather-below", PROCESS, LIVE, "85", 0, 90,                              \
        "threads rest while all have no more to do than so many percent of one; 0: none rests")    \
    CHOICE(log_level, "log-level", PROCESS, LIVE, "info", enum log_level, "debug|info|warn|error", \
        "least weight of what is logged")                                                          \
    CHOICE(log_format, "log-format", PROCESS, FIXED, "text", enum log_format, "text|json",         \
        "form of the log's lines on stderr")                                                       \
    TIME(slowlog_log_slower_than_ms, "slowlog-log-slower-than", PROCESS, LIVE, "10ms", 0,          \
        OPTIONS_DAY_MS, "note commands that take so long in SLOWLOG; 0: all of them")              \
    INTEGER(slowlog_max_len, "slowlog-max-len", PROCESS, LIVE, "128", 0, 10000,                    \
        "commands that SLOWLOG keeps, the last ones; 0: none")                                     \
    TIME(latency_monitor_threshold_ms, "latency-monitor-threshold", PROCESS, LIVE, "100ms", 0,     \
        OPTIONS_DAY_MS, "note in LATENCY what takes so long; 0: nothing")                          \
    FLAG(enable_debug_command, "enable-debug-command", PROCESS, FIXED, "no", 0, 1,                 \
        "let clients make a thread sleep with DEBUG SLEEP, for tests")                             \
    TIME(shutdown_timeout_ms, "shutdown-timeout", PROCESS, LIVE, "10s", 0, OPTIONS_DAY_MS,         \
        "wait so long at the end for all changes to be written")
/* clang-format on */

enum options_store {
    OPTIONS_STORE_ROCKSDB,
    OPTIONS_STORE_MEMORY,
};

enum options_kind {
    OPTIONS_KIND_FLAG,
    OPTIONS_KIND_INTEGER,
    OPTIONS_KIND_SIZE,
    OPTIONS_KIND_TIME,
    OPTIONS_KIND_CHOICE,
    OPTIONS_KIND_TEXT,
    OPTIONS_KIND_ADDRESSES,
};

enum options_group {
    OPTIONS_GROUP_NETWORK,
    OPTIONS_GROUP_STORE,
    OPTIONS_GROUP_CACHE,
    OPTIONS_GROUP_STATES,
    OPTIONS_GROUP_PROCESS,
};

/* A byte for each option, to be counted. */
#define OPTIONS_ONE(field, ...) char field;
struct options_counted {
    OPTIONS_TABLE(OPTIONS_ONE, OPTIONS_ONE, OPTIONS_ONE, OPTIONS_ONE, OPTIONS_ONE, OPTIONS_ONE,
                  OPTIONS_ONE)
};
enum { OPTIONS_COUNT = sizeof(struct options_counted) };
#undef OPTIONS_ONE

struct option {
    const char *name;
    const char *default_text; /* NULL: not a fixed one. */
    const char *words;        /* Of a choice, `|` between. */
    const char *help;
    uint64_t low;
    uint64_t high;
    size_t offset; /* Of its field in struct options. */
    enum options_kind kind;
    enum options_group group;
    bool is_live;
};

extern const struct option options_table[OPTIONS_COUNT];

#define OPTIONS_FLAG(field, ...) bool field;
#define OPTIONS_NUMBER(field, ...) uint64_t field;
#define OPTIONS_CHOICE(field, name, group, live, default_text, type, ...) type field;
#define OPTIONS_TEXT(field, ...) char field[OPTIONS_TEXT_SIZE];
struct options {
    OPTIONS_TABLE(OPTIONS_FLAG, OPTIONS_NUMBER, OPTIONS_NUMBER, OPTIONS_NUMBER, OPTIONS_CHOICE,
                  OPTIONS_TEXT, OPTIONS_TEXT)
    struct machine machine;
    bool has_dirty_memory; /* Was set; else it follows cache-memory. */
};
#undef OPTIONS_FLAG
#undef OPTIONS_NUMBER
#undef OPTIONS_CHOICE
#undef OPTIONS_TEXT

void options_set_defaults(struct options *self, struct machine machine);

/* NULL: there is none of that name. Letters match without their case. */
const struct option *options_find(struct slice name);

/* The known name that is nearest to a wrong one; NULL: none is near. */
const char *options_find_nearest(struct slice name);

/* Not STATUS_OK: nothing is changed, and out_failure says what the value must be and what it is. */
NODISCARD enum status options_set(struct options *self, const struct option *option,
                                  struct slice value, struct failure *out_failure);

/* For CONFIG SET. STATUS_MISSING: no such option. STATUS_INVALID: a bad value, or not live.
 * The caller sets all on a copy and then asks options_check. */
NODISCARD enum status options_set_live(struct options *self, struct slice name, struct slice value,
                                       struct failure *out_failure);

/* Whether all of them go together; to be asked after the last one was set. */
NODISCARD enum status options_check(const struct options *self, struct failure *out_failure);

/* What CONFIG GET shows, terminated: sizes in bytes, times as `30s`. options_set takes it back. */
void options_print_value(const struct options *self, const struct option *option,
                         char to[static OPTIONS_TEXT_SIZE]);

/* What the value must be: "a number from 0 to 65535". Terminated. */
void options_print_range(const struct option *option, char to[static OPTIONS_TEXT_SIZE]);

/* How many threads serve, 1 to OPTIONS_THREADS_MAX. */
uint32_t options_get_threads(const struct options *self);

/* The index-th address of `bind`, terminated; false: there are not so many. */
NODISCARD bool options_find_address(const struct options *self, size_t index,
                                    char to[static OPTIONS_ADDRESS_SIZE]);

#endif
