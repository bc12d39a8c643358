/* A run: a node, its clients, its faults, and the checker, all from one seed.
 *
 *     step: time ─ faults ─ commands ─ a turn of the node ─ bounds
 *     end:  faults end ─ all is answered ─ all is written ─ stop ─ power cut ─ start ─ all compared
 *
 * The checker (belief.h) knows no more than a client does: what was sent, and what came back.
 *
 * Memory: the heap.  Thread: one, which is a shard's.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "base/failure.h"
#include "sim/belief.h"
#include "sim/faults.h"
#include "sim/feed_reader.h"
#include "sim/node.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RUN_USERS_MAX = 24,
    RUN_CLIENTS_MAX = 12,
    RUN_CALLS_MAX = 128, /* Open at once. */
    RUN_TARGETS_MAX = 3,
    RUN_READERS_MAX = 4, /* Of the feed: of the first users. */
};

struct run_options {
    uint64_t seed;
    uint64_t operations; /* Commands to send. */
    uint64_t faults;     /* A set of enum fault. */
    bool tells;
    int32_t sync;       /* enum journal_sync; -1: drawn. */
    uint64_t kill_at;   /* The operation of the disk at which the process ends; 0: none. */
    uint32_t kill_with; /* 0: kill -9. Else a power cut, of as many kinds. */
    uint32_t users_max; /* At most so many, of those that are drawn; 0: all. */
    uint32_t clients_max;
    uint32_t shards_max;
};

enum { RUN_CUTS = 8 }; /* For kill_with. */

/* A command, or the part of it that goes to one shard. */
struct run_call {
    uint64_t sequence;
    enum command_kind kind;
    uint32_t client;
    uint32_t targets;
    bool is_replied;
    bool has_failed;
    bool is_dropped;     /* The client has gone. */
    uint64_t subscribed; /* SUBSCRIBE: the version that is known. */
    uint64_t sent_ms;
    uint32_t users[RUN_TARGETS_MAX];
    struct belief_step *steps[RUN_TARGETS_MAX]; /* NULL: it concerns no state. */
    uint64_t versions[RUN_USERS_MAX];           /* FLUSH: what is to be in the store. */
    uint32_t forgettings[RUN_USERS_MAX];
};

struct run_user {
    struct user_id id;
    struct belief belief;
    uint32_t forgettings; /* Sent. */
    uint32_t incarnation; /* Listed last, */
    uint64_t version;     /* with it. */
};

struct run_client {
    uint32_t open;
    uint64_t rests_until_ms;
    bool has_last; /* For who sends a command again. */
    uint32_t last_user;
    struct model_operation last;
};

/* Made, and not yet told. */
struct run_message {
    struct publication publication;
    struct state_view *views;
};

/* When something that goes on for a while is over. */
struct run_spells {
    uint64_t disk_full_ms;
    uint64_t disk_slow_ms;
    uint64_t memory_ms;
    uint64_t store_ms;
    uint64_t standstill_ms;
    bool store_flaps;
};

enum renewal {
    RENEWAL_FORBIDDEN,
    RENEWAL_ALLOWED,
    RENEWAL_DUE,
};

/* Was what the journal holds synced before it was answered? */
enum keeping {
    KEEPING_ALL,
    KEEPING_UNKNOWN, /* journal-sync has changed, and when that held is not told to clients. */
    KEEPING_NOT_ALL,
};

struct run_counts {
    uint64_t operations;
    uint64_t answers;
    uint64_t refusals;
    uint64_t steps;
    uint64_t kills;
    uint64_t kills_met; /* The process ended where kill_at said. */
    uint64_t power_cuts;
    uint64_t recoveries;
    uint64_t renewals;
    uint64_t refused_starts;
    uint64_t messages;       /* Of the feed. */
    uint64_t lists_compared; /* With what the feed had told. */
    uint64_t faults[FAULTS_COUNT];
};

struct run {
    struct run_options options;
    struct world world;
    struct disk *disk;
    struct sim_store *store;
    struct node *node;
    struct node_options node_options;
    struct model_rules rules;
    uint32_t users_count;
    struct run_user users[RUN_USERS_MAX];
    uint32_t clients_count;
    uint32_t depth; /* Commands that a client has open at once. */
    /* The store fails for long, crashes are rare, and much is written: so logs get long. */
    bool is_long;
    bool is_wide; /* Few users, of many channels with mentions: their leaves are cut. */
    struct run_client clients[RUN_CLIENTS_MAX];
    struct run_call calls[RUN_CALLS_MAX];
    uint32_t calls_count;
    struct feed_reader readers[RUN_READERS_MAX];
    struct run_message *messages;
    uint32_t messages_count;
    uint32_t messages_room;
    uint64_t sequence;
    struct run_spells spells;
    struct run_counts counts;
    uint64_t down_until_ms;
    uint64_t boots;
    uint64_t awake_ms; /* Of the time that passes only while the node does its turns. */
    char epoch[DATADIR_EPOCH_SIZE]; /* The last that was served. */
    enum renewal renewal;
    enum keeping keeping;
    bool is_ending;
    uint32_t starts_failed; /* In a row. */
    bool has_rot;
    struct failure failure; /* Empty: all is well. */
};

/* True: all is well; else `failure` of the run says what is not. The hash is of the whole run. */
bool run_execute(const struct run_options *options, struct run_counts *out_counts,
                 uint64_t *out_hash, struct failure *out_failure);

#endif
