/* A whole server without its sockets: shards and their logs, a data folder, a store; one thread.
 *
 *     commands ──► shards ──entries──► logs ──► disk
 *                    │ ▲                 │
 *                    ▼ │                 ▼
 *                   store              answers, once what they tell of is as safe as is asked
 *
 * What is linked is what the server links; in the place of net/ (loops, threads, rings) stands this
 * file, which does in a turn what a loop does in one. Requests to the store and tasks of a log end
 * when chance says.
 *
 * Memory: the heap.  Thread: one, the shards'.
 */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "base/failure.h"
#include "base/role.h"
#include "journal/journal.h"
#include "os/clock_fake.h"
#include "os/random_fake.h"
#include "server/datadir.h"
#include "server/history.h"
#include "server/log.h"
#include "shard/shard.h"
#include "sim/disk.h"
#include "sim/sim_store.h"
#include "sim/world.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    NODE_SHARDS_MAX = 4,
    NODE_REQUESTS_MAX = SHARD_LOADS_MAX + SHARD_SAVES_MAX + 1,
    NODE_STOP_TIMEOUT_MS = 10000,
    NODE_WARM_MAX = 1000,
};

/* What a start is given; it may change from one to the next. */
struct node_options {
    enum journal_sync sync;
    uint32_t shards;
    struct shard_limits limits; /* Of all shards together. */
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
    struct segment_boot boot;
};

/* How store and disk are at the moment. Chances are in a million. */
struct node_weather {
    uint32_t store_delay_ms_max;
    uint32_t disk_delay_ms_max;
    uint32_t store_fails;          /* An error, and nothing was done. */
    uint32_t store_fails_late;     /* An error, and it was done. */
    uint32_t store_hangs;          /* The answer takes STORE_HANG_MS longer. */
    uint32_t memory_fails;         /* A turn: there is none for more arenas. */
    uint32_t kills_while_starting; /* A millisecond of taking up the journal. */
    bool store_is_down;
    bool store_is_silent; /* Nothing ends. */
};

struct node_request {
    struct store_request request;
    uint64_t due_ms;
    bool is_shown; /* What it comes from is in the log: the store may see it. */
};

struct node;

struct node_shard {
    struct node *lent_node;
    struct shard *shard;
    struct metrics metrics;
    struct journal journal;
    bool has_journal;
    struct buffer entries;
    struct journal_task task;
    uint64_t task_due_ms;
    bool has_task;
    bool has_run;   /* The task was done, and its end is still to be seen. */
    uint64_t asked; /* The shard waits until that position is synced; 0: it does not. */
    bool is_recovered;
    struct node_request requests[NODE_REQUESTS_MAX]; /* As they were sent. */
    uint32_t requests_count;
};

struct node_held {
    bool is_message; /* Of the feed, and no answer. */
    uint64_t sequence;
    uint64_t awaited[NODE_SHARDS_MAX];
};

struct node_host {
    void (*reply)(void *lent_context, const struct reply *lent_reply);
    /* The client may have all replies of that number now. */
    void (*release)(void *lent_context, uint64_t sequence);
    /* A message of the feed: is made, the views lent for the call, and may be told, the oldest
     * first. They keep their order with the answers. */
    void (*publish)(void *lent_context, const struct publication *lent_publication);
    void (*tell)(void *lent_context);
    void *lent_context;
};

struct node_counts {
    uint64_t starts;
    uint64_t starts_failed;
    uint64_t stops;
    uint64_t stops_unwritten;
    uint64_t ends_by_itself;
    uint64_t store_failures;
    uint64_t store_failures_late;
    uint64_t store_hangs;
    uint64_t journal_tasks;
    uint64_t releases;
    uint64_t slowest_task_ms;
};

struct node {
    struct world *lent_world;
    struct disk *lent_disk;
    struct sim_store *lent_store;
    struct node_host host;
    struct node_options options;
    struct node_weather weather;
    struct node_counts counts;
    struct random_fake random;
    struct clock_fake wall; /* For the time in the log's lines. */
    struct files files;
    struct log log;
    int nowhere; /* A file descriptor for what nobody reads. */
    struct datadir datadir;
    bool has_datadir;
    struct history history;
    uint32_t generations[HASH_SLOTS];
    char epoch[DATADIR_EPOCH_SIZE];
    bool is_up;       /* It serves. */
    bool is_dead;     /* It has ended by itself, or was killed: node_end is due. */
    bool is_stopping; /* No answer is waited for by anybody. */
    struct failure failure;
    const char *breach; /* What it has done that it never may. NULL: nothing. */
    struct node_shard shards[NODE_SHARDS_MAX];
    struct node_held *held; /* Answers and messages that wait, the oldest first. */
    uint32_t held_count;
    uint32_t held_room;
    uint32_t fresh;                     /* The last so many of them are of this turn. */
    struct user_id warm[NODE_WARM_MAX]; /* Of the start's list. */
    uint32_t warm_count;
    uint32_t warm_at;
    struct hot_list hot_lists[NODE_SHARDS_MAX]; /* Of those that make some, which are made. */
    bool is_listing;
};

struct node *node_create(struct world *lent_world, struct disk *lent_disk,
                         struct sim_store *lent_store, const struct node_host *host);
void node_destroy(struct node *self);

/* STATUS_OK: it serves. Else it has ended, with a sentence in `failure`, as if killed. Time goes on
 * meanwhile. */
NODISCARD enum status node_start(struct node *self,
                                 const struct node_options *options) ON_SHARD_THREAD;

uint32_t node_find_shard(const struct node *self, struct user_id user);

/* It is up. */
void node_execute(struct node *self, uint32_t shard, const struct command *command) ON_SHARD_THREAD;

/* As CONFIG SET journal-sync: a shard sees it in one of its next turns. */
void node_set_sync(struct node *self, enum journal_sync sync);

/* The weakest of those that shards are told by now. */
enum journal_sync node_get_sync(const struct node *self);

/* A turn of all loops: what came is written, what is safe is answered. */
void node_turn(struct node *self) ON_SHARD_THREAD;

/* SIGTERM. True: it has ended well, and all that was answered is kept. */
bool node_stop(struct node *self) ON_SHARD_THREAD;

/* The process is gone, at this moment. Some of what was sent to the store may still be done there.
 */
void node_end(struct node *self) ON_SHARD_THREAD;

/* Bounds that hold at any time. False: `failure` says which does not. */
bool node_check_bounds(struct node *self);

#endif
