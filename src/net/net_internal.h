/* What the files of the net share: a loop, and all of them.
 *
 * Threads: a loop's fields belong to its own thread, but for those that say otherwise.
 */
#ifndef NET_NET_INTERNAL_H
#define NET_NET_INTERNAL_H

#include "base/hash.h"
#include "memory/ring.h"
#include "net/connection.h"
#include "net/dispatch.h"
#include "net/durable.h"
#include "net/errand.h"
#include "net/feed.h"
#include "net/gate.h"
#include "net/guest.h"
#include "net/latency.h"
#include "net/link.h"
#include "net/net.h"
#include "net/net_warm.h"
#include "net/rates.h"
#include "net/request.h"
#include "net/slowlog.h"
#include "net/stats.h"
#include "net/store_watch.h"
#include "net/timing.h"
#include "resp/parser.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <uv.h>

enum {
    READ_SIZE = 64 * 1024,
    LISTENERS_MAX = 17,
    EPOCH_TEXT_SIZE = 64,
};

enum stop_phase {
    STOP_NOT,
    STOP_ANSWERING, /* No new connections or commands; those in hand are answered. */
    STOP_WRITING,   /* All loops have answered: all that is dirty is written. */
    STOP_ENDING,    /* The threads end. */
};

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    bool is_unix;
    bool is_paused;  /* Without a handle: the system had no files left. */
    int kept_socket; /* What the handle listens on, by a file of its own. -1: closed. */
};

struct loop {
    struct net *lent_net;
    uint32_t number;
    pthread_t thread;
    bool has_thread;
    uv_loop_t uv;
    bool has_uv;
    uv_async_t wake; /* Any thread. */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t tick;
    struct listener listeners[LISTENERS_MAX];
    uint32_t listeners_count;

    /* Of who is inside the shard (visit.h). */
    alignas(CACHE_LINE) struct gate gate;
    bool has_asked_store;
    bool has_sent_replies;
    bool has_lost_draft;     /* There was no memory for it. */
    struct feed_draft draft; /* Of what is being published. */
    uint64_t limits_seen;    /* The shard's limits are as of these settings. */
    struct loop *lent_visitor;
    struct shard *shard;
    struct store_workers *workers;
    struct metrics shard_metrics; /* Read by any thread. */
    struct durable durable;

    alignas(CACHE_LINE) _Atomic bool sleeping; /* Others must wake it. */
    struct metrics metrics;                    /* Read by any thread. */
    struct stats *stats;                       /* Read by any thread. */
    struct timing timing;
    struct net_settings settings; /* As of settings_seen. */
    uint64_t settings_seen;
    bool more;        /* There is work that waits for nothing but the next turn. */
    bool is_kept_out; /* It could not come into its shard, and is woken when it can. */

    struct load load;
    struct guest guest;
    uint64_t guests;      /* Of loop 0: the loops that its thread runs, a bit each. */
    uint64_t guests_busy; /* Of them those whose next turn need not wait for anything. */

    /* Connections. */
    struct connection **connections; /* By number; NULL: free. */
    uint32_t connections_capacity;
    uint32_t connections_count;
    uint32_t connections_free; /* Where the search for a free number begins. */
    uint32_t generation_last;
    struct connection_list idle_order; /* The longest idle first. */
    struct connection *flush_first;    /* Have output. */
    uint32_t commands_away;            /* Taken for other shards and not answered. */
    uv_timer_t hold;                   /* Ends the waiting of outputs for other shards. */
    bool hold_is_over;
    struct connection *stalled_first; /* Wait for room in a link, or for answers. */
    uint64_t client_bytes;
    struct errand_mailbox mailbox;

    struct feed feed;

    struct batch batch; /* Of commands of all connections. */

    /* For the commands of one connection at a time. */
    char read_buffer[READ_SIZE];
    struct slice *arguments;
    uint32_t arguments_room;
    struct buffer scratch; /* The list of a command. */
    struct buffer line;    /* An inline command. */

    /* Warm restart (net_warm.h). */
    struct ring warm_users; /* To be loaded, from the first thread. */
    uint64_t hot_seen;      /* The list that was asked for last, as far as this loop is. */
    bool is_making_hot;
    struct hot_list hot_list;  /* The first thread's from hot_made on. */
    _Atomic uint64_t hot_made; /* Of hot_asked. */

    /* Stopping. */
    enum stop_phase phase;
    _Atomic bool has_answered; /* Read by the thread that stops. */
    _Atomic bool has_written;
    bool flush_is_sent;
};

/* Between the first thread and the loops. */
struct warm_link {
    pthread_mutex_t lock;
    struct net_warm figures; /* Under the lock. */
    _Atomic uint64_t hot_asked;
    _Atomic uint32_t hot_share;
    _Atomic uint64_t bytes; /* Of lists that are made. */
};

struct net {
    struct net_config config; /* The lent texts are copies below. */
    char epoch[EPOCH_TEXT_SIZE];
    uint64_t started_ms; /* uv_hrtime's. */
    uint32_t threads;
    struct loop *loops;
    bool has_journal;
    struct link *links;   /* From i to j: links[i * threads + j]. */
    bool has_unix_socket; /* The socket file is ours. */

    pthread_mutex_t settings_lock;
    struct net_settings settings;     /* Under the lock. */
    _Atomic uint64_t settings_number; /* Changes with each change of them. */
    struct lending lending;
    struct slowlog slowlog;
    struct latency latency;
    struct store_watch store_watch;
    struct warm_link warm;
    struct rates rates;           /* Taken by loop 0. */
    _Atomic uint64_t memory_peak; /* The highest used_memory seen. */
    pthread_mutex_t stats_lock;
    struct stats_baseline *baseline; /* Under the lock. NULL: no reset yet. */
    _Atomic bool has_ended_history;  /* Of the logs of earlier starts. */
    _Atomic uint32_t clients;
    _Atomic uint64_t client_ids; /* The last one given. */
    _Atomic int stop_phase;
};

/* net.c: of loop 0, every few milliseconds. */
void net_take_rates(struct net *self, uint64_t now_ms);

static inline struct link *net_get_link(const struct net *self, uint32_t from, uint32_t to)
{
    return &self->links[from * self->threads + to];
}

static inline uint32_t net_find_shard(const struct net *self, uint16_t slot)
{
    return (uint32_t)slot * self->threads / HASH_SLOTS;
}

/* loop.c */
NODISCARD enum status loop_init(struct loop *self, struct net *lent_net, uint32_t number,
                                struct failure *out_failure);
NODISCARD enum status loop_begin(struct loop *self);
/* The thread must have ended. As durable_close. */
bool loop_deinit(struct loop *self);
/* Once a turn of its shard, which may go on at its own pace after it: what the store has done. */
bool loop_turn_shard(struct loop *self) ON_SHARD_THREAD;

/* net_recover.c: what earlier logs hold, into all shards at once. */
NODISCARD enum status net_recover(struct net *self, struct failure *out_failure);
void loop_wake(struct loop *self);
/* Says that it waits, and is not busy: others wake it from here on. */
void loop_rest(struct loop *self);
/* Either it sees what was published before it sleeps, or it is seen sleeping here. */
void loop_wake_if_sleeping(struct loop *self);

/* listener.c: opens every address for every loop, or none. */
NODISCARD enum status net_listen(struct net *self, char error[static NET_ERROR_SIZE]);
void net_close_listeners(struct loop *loop);
/* Once a tick. */
void net_resume_listeners(struct loop *loop);
void net_unlink_socket(const struct net *self);

/* executor.c: what commands do. */
/* All whole commands of the bytes, in order, as far as they can be executed now; returns how many
 * bytes are done with. */
size_t executor_run(struct connection *connection, char *bytes, size_t size) ON_SHARD_THREAD;

/* session.c: commands that the connection's own thread answers. */
enum session_outcome {
    SESSION_GOES_ON,
    SESSION_ENDS,      /* After what is in the output. */
    SESSION_CONTINUES, /* More is to be done: the command is executed again. */
};
enum session_outcome session_execute(struct connection *self, const struct command_spec *spec,
                                     const struct slice *arguments, uint32_t count) ON_SHARD_THREAD;

/* session_start.c: what a connection begins with, and where it begins anew. */
enum session_outcome session_auth(struct connection *self, const struct slice *arguments,
                                  uint32_t count);
/* Is that who may be told by HELLO and AUTH? Else it is answered with the error. */
bool session_may_be(struct connection *self, struct slice user);
enum session_outcome session_reset(struct connection *self);
enum session_outcome session_write_time(struct connection *self);
enum session_outcome session_refuse_cluster(struct connection *self);

/* session_stats.c */
enum session_outcome session_run_slowlog(struct connection *self, const struct slice *arguments,
                                         uint32_t count);
enum session_outcome session_run_latency(struct connection *self, const struct slice *arguments,
                                         uint32_t count);
enum session_outcome session_run_debug(struct connection *self, const struct slice *arguments,
                                       uint32_t count);

/* session_memory.c: all of MEMORY but USAGE, which the user's shard answers. */
enum session_outcome session_run_memory(struct connection *self, const struct slice *arguments,
                                        uint32_t count);

/* info.c: INFO's text. */
struct info_text {
    struct buffer bytes;
    bool failed;
};
void info_add(struct info_text *self, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes it as one text, and frees it. */
void info_end(struct info_text *self, struct resp_writer *to);
/* session_feed.c */
/* Some of its subscriptions, without a word. True: none is left. */
bool session_leave_some(struct connection *self);
enum session_outcome session_unsubscribe(struct connection *self, const struct slice *channels,
                                         uint32_t count);

/* Redis's own integers: with a sign where below zero. */
bool session_parse_integer(struct slice text, int64_t *out_value);

/* session_client.c */
enum session_outcome session_run_client(struct connection *self, const struct slice *arguments,
                                        uint32_t count);
/* False: it was told why not. */
bool session_set_name(struct connection *self, struct slice name);

/* session_clients.c: CLIENT's words on other connections. */
void session_client_info(struct connection *self);
enum session_outcome session_client_list(struct connection *self, const struct slice *arguments,
                                         uint32_t count);
enum session_outcome session_client_close(struct connection *self, const struct slice *arguments,
                                          uint32_t count);

/* session_command.c */
enum session_outcome session_run_command(struct connection *self, const struct slice *arguments,
                                         uint32_t count);

/* session_config.c */
enum session_outcome session_run_config(struct connection *self, const struct slice *arguments,
                                        uint32_t count);

/* info.c */
void info_write(struct connection *connection, const struct slice *sections, uint32_t count);

/* net_warm.c */
void warm_link_init(struct warm_link *self);
void warm_link_deinit(struct warm_link *self);
NODISCARD enum status loop_init_warm(struct loop *self);
void loop_deinit_warm(struct loop *self);
/* Inside the own shard, once a turn. True: something was begun that goes on at the next turn. */
bool loop_turn_warm(struct loop *self) ON_SHARD_THREAD;

/* info_warm.c: of the section about persistence, where there is a data folder. */
void info_add_warm(struct info_text *to, struct net *net);

/* info_journal.c: of the section about persistence, where there is a journal. */
void info_add_journal(struct info_text *to, struct net *net);

/* info_stats.c: the sections about commands and errors. */
void info_add_commandstats(struct info_text *to, struct net *net);
void info_add_errorstats(struct info_text *to, struct net *net);
void info_add_latencystats(struct info_text *to, struct net *net);

/* memory_report.c */
struct memory_report {
    uint64_t used; /* The five together. */
    uint64_t cache;
    uint64_t journal;
    uint64_t clients;
    uint64_t store;
    uint64_t warm;
    uint64_t peak;     /* Of `used`. */
    uint64_t resident; /* The process's. */
};
struct memory_report memory_report_take(struct net *net);

#endif
