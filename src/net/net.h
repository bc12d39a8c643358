/* The server to the outside: threads with a shard each, their sockets, the commands that come in.
 *
 *     client ──► loop 0 ─ shard 0 ◄─┐
 *     client ──► loop 1 ─ shard 1 ◄─┴─ links: a ring each way between every two
 *
 * Every loop listens on the same addresses (SO_REUSEPORT) and keeps the connections that it
 * accepts. A command for a user of another shard goes there through a link, and its reply comes
 * back through one.
 *
 * Memory: owned by struct net.  Threads: whoever made it calls these functions;
 * net_peek_settings, net_change_settings and net_peek_metric any.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/slice.h"
#include "base/status.h"
#include "journal/entry.h"
#include "journal/segment.h"
#include "metrics/metrics.h"
#include "os/files.h"
#include "os/random.h"
#include "shard/shard.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    NET_THREADS_MAX = 64,
    NET_ERROR_SIZE = 512,
    NET_RUN_ID_SIZE = 41, /* 40 hexadecimal digits. */
};

/* What may change while it runs. The shard's limits, and what all clients take, are those of all
 * threads together: shared out evenly. */
struct net_settings {
    struct shard_limits limits;
    uint64_t idle_timeout_ms;   /* 0: none. */
    uint64_t output_max;        /* Bytes that wait for one client, before it is cut off. */
    uint64_t clients_bytes_max; /* All that connections take. */
    uint32_t clients_max;
    uint32_t arguments_max;
    uint32_t argument_size_max;
    uint64_t slowlog_threshold_ms; /* Commands that took so long are noted; 0: all. */
    uint64_t latency_threshold_ms; /* Events that took so long are noted; 0: none. */
    uint32_t slowlog_entries_max;
    enum journal_sync journal_sync;
    uint32_t
        gather_below_percent; /* Threads rest while one has no more to do than this; 0: none. */
};

/* The program around it: what commands need of that. Called on the loops' threads, several at a
 * time. */
struct net_host {
    /* Gives each option whose name matches one of the patterns (as a shell's, case does not count)
     * to `take`, once. */
    void (*list_options)(void *lent_context, const struct slice *patterns, uint32_t patterns_count,
                         void (*take)(void *to, const char *name, const char *value), void *to);

    /* All of the name and value pairs, or none: then the sentence stands in `error`. Calls
     * net_change_settings. */
    bool (*change_options)(void *lent_context, const struct slice *pairs, uint32_t pairs_count,
                           char error[static NET_ERROR_SIZE]);

    /* What was changed, into the config file. False: the sentence stands in `error`. */
    bool (*rewrite_options)(void *lent_context, char error[static NET_ERROR_SIZE]);

    /* SHUTDOWN: the same as SIGTERM. Returns at once. */
    void (*request_stop)(void *lent_context);

    /* What was answered cannot be kept any more: ends the process, with that sentence. */
    void (*fail)(void *lent_context, const char *sentence);

    /* Gives every change that the journal has of users of the shard to `take`, in order, until it
     * says other than STATUS_OK; on a thread of its own for each shard. STATUS_OK: those were all.
     * Else out_failure has a sentence, but where `take` ended it. */
    enum status (*recover)(void *lent_context, uint32_t shard,
                           enum status (*take)(void *to, const struct journal_entry *entry),
                           void *to, struct failure *out_failure);

    void *lent_context;
};

/* Where the logs of the shards are. */
struct net_journal {
    struct files lent_files;
    struct random lent_random;
    const char *lent_folder; /* NULL: there is no journal. */
    uint64_t set;
    struct segment_boot boot;
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
};

struct net_config {
    const char *lent_addresses;   /* Separated by spaces. */
    const char *lent_unix_socket; /* NULL: none. */
    uint32_t port;                /* 0: no TCP. */
    uint32_t threads;             /* 1 to NET_THREADS_MAX. */
    const char *lent_version;     /* Of the program. */
    const char *lent_epoch;
    const char *lent_config_file; /* Empty: none. */
    char run_id[NET_RUN_ID_SIZE]; /* Another one each start. */
    bool allows_debug;
    struct store lent_store;
    struct net_journal journal;
    const uint32_t *lent_generations; /* The store's; for the creation only. */
    struct net_host host;
    struct net_settings settings;
};

struct net;

/* Makes the logs, and has the shards recover what earlier ones hold. Nobody is served yet. On
 * failure nothing is left but files, and out_failure has a sentence. */
NODISCARD enum status net_create(struct net **out_net, const struct net_config *config,
                                 struct failure *out_failure);

/* Listens, and starts the threads. On failure out_failure has a sentence, and the net is to be
 * destroyed. */
NODISCARD enum status net_begin(struct net *self, const char *epoch, struct failure *out_failure);

/* Is all that was recovered in the store, on its disk? */
bool net_is_recovered(const struct net *self);

/* Earlier logs count no more: those of this start may let go of what they do not need. Any thread.
 */
void net_end_history(struct net *self);

/* As they are now. Any thread. */
struct net_settings net_peek_settings(const struct net *self);

/* Takes effect at each loop's next turn. */
void net_change_settings(struct net *self, const struct net_settings *settings);

/* No new connections and commands; those in hand are answered, then all dirty is written. */
void net_begin_stop(struct net *self);

/* One step on that way, to be called every few milliseconds. True: all is written. */
bool net_turn_stop(struct net *self);

/* Users whose changes are not in the store. */
uint64_t net_count_unwritten(const struct net *self);

/* Ends the threads, whatever they do, and closes all connections. False: what the journal holds
 * could not be synced. */
bool net_destroy(struct net **taken_net);

/* Of all shards. */
uint64_t net_peek_metric(const struct net *self, enum metric metric);

#endif
