/* What happened how often: the counters and gauges of one shard, declared in one table.
 *
 * Memory: the owner's.  Threads: one writes (the shard), any reads; each value is whole, the set of
 * them is not a snapshot.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*      name                      as INFO calls it          */
#define METRICS_TABLE(X)                                                                           \
    /* Of now. */                                                                                  \
    X(METRIC_CACHED_USERS, "cached_users")                                                         \
    X(METRIC_CACHED_STATES, "cached_states")                                                       \
    X(METRIC_DIRTY_USERS, "dirty_users")                                                           \
    X(METRIC_DIRTY_BYTES, "dirty_bytes")                                                           \
    X(METRIC_WAITING_COMMANDS, "waiting_commands")                                                 \
    X(METRIC_LOADS_IN_FLIGHT, "store_loads_in_flight")                                             \
    X(METRIC_WRITES_IN_FLIGHT, "store_writes_in_flight")                                           \
    X(METRIC_BREAKERS_OPEN, "store_breakers_open")                                                 \
    X(METRIC_CACHE_USED, "used_memory_cache")                                                      \
    X(METRIC_CACHE_RESIDENT, "used_memory_cache_resident")                                         \
    X(METRIC_JOURNAL_MEMORY, "used_memory_journal")                                                \
    X(METRIC_JOURNAL_BYTES, "journal_bytes")                                                       \
    X(METRIC_JOURNAL_FILE_BYTES, "journal_file_bytes")                                             \
    X(METRIC_JOURNAL_SEGMENTS, "journal_segments")                                                 \
    X(METRIC_JOURNAL_UNSYNCED, "journal_unsynced_bytes")                                           \
    X(METRIC_CLIENTS, "connected_clients")                                                         \
    X(METRIC_CLIENT_BYTES, "used_memory_clients")                                                  \
    X(METRIC_RESTING_THREADS, "resting_threads")                                                   \
    X(METRIC_WARM_MEMORY, "used_memory_warm")                                                      \
    X(METRIC_WARM_LOADED, "warm_users_loaded")                                                     \
    X(METRIC_WARM_SKIPPED, "warm_users_skipped")                                                   \
    /* Since the start. */                                                                         \
    X(METRIC_COMMANDS, "total_commands_processed")                                                 \
    X(METRIC_CONNECTIONS, "total_connections_received")                                            \
    X(METRIC_CONNECTIONS_REFUSED, "rejected_connections")                                          \
    X(METRIC_CLIENTS_EVICTED, "evicted_clients")                                                   \
    X(METRIC_BYTES_IN, "total_net_input_bytes")                                                    \
    X(METRIC_BYTES_OUT, "total_net_output_bytes")                                                  \
    X(METRIC_HITS, "cache_hits")                                                                   \
    X(METRIC_MISSES, "cache_misses")                                                               \
    X(METRIC_EVICTED_USERS, "evicted_users")                                                       \
    X(METRIC_FORGOTTEN_USERS, "forgotten_users")                                                   \
    X(METRIC_STORE_LOADS, "store_loads")                                                           \
    X(METRIC_STORE_LOADS_FAILED, "store_loads_failed")                                             \
    X(METRIC_STORE_WRITES, "store_writes")                                                         \
    X(METRIC_STORE_WRITES_FAILED, "store_writes_failed")                                           \
    X(METRIC_JOURNAL_ENTRIES, "journal_entries")                                                   \
    X(METRIC_JOURNAL_SYNCS, "journal_syncs")                                                       \
    X(METRIC_STATE_CHANGES, "state_changes")                                                       \
    X(METRIC_BLOCKS_MOVED, "blocks_moved")

enum metric {
#define X(name, text) name,
    METRICS_TABLE(X)
#undef X
        METRICS_COUNT
};

struct metrics {
    _Atomic uint64_t values[METRICS_COUNT];
};

/* The writer's only: a plain add, no locked instruction. */
static inline void metrics_add(struct metrics *self, enum metric metric, uint64_t amount)
{
    const uint64_t value = atomic_load_explicit(&self->values[metric], memory_order_relaxed);
    atomic_store_explicit(&self->values[metric], value + amount, memory_order_relaxed);
}

static inline void metrics_set(struct metrics *self, enum metric metric, uint64_t value)
{
    atomic_store_explicit(&self->values[metric], value, memory_order_relaxed);
}

static inline uint64_t metrics_get(const struct metrics *self, enum metric metric)
{
    return atomic_load_explicit(&self->values[metric], memory_order_relaxed);
}

const char *metrics_get_name(enum metric metric);

/* Does it count since the start? Else it says what is now. */
static inline bool metrics_is_counter(enum metric metric)
{
    return metric >= METRIC_COMMANDS;
}

#endif
