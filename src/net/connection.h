/* A connection: its input not yet a command, its output not yet sent, the answers it is owed.
 *
 *     socket ──► in ──► parser ──► shards ──► answers ──► out ──► socket
 *
 * Back pressure, both ways: when much waits to be sent, or for answers, it is stalled: nothing more
 * is read from the socket until that has gone down. What a client lets wait beyond
 * client-output-limit ends the connection.
 *
 * Memory: one heap block, and buffers while there is something in them; owned by its loop.
 * Thread: the loop's.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "base/role.h"
#include "memory/buffer.h"
#include "message/command.h"
#include "net/answers.h"
#include "resp/parser.h"
#include "resp/writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    /* Waits to be sent: above this no further command is taken. */
    CONNECTION_OUTPUT_SOFT_MAX = 256 * 1024,
    /* RS.LIST may answer much: taken only with fewer commands than this open, and only with none
     * after a list that was so long that it came in parts. */
    CONNECTION_LISTS_OPEN_MAX = 16,
    /* The lists of the commands that have no answer yet, and what their users may wait in: above
     * this none with a list is taken. */
    CONNECTION_HELD_MAX = 1024 * 1024,
    CONNECTION_NAME_SIZE = 64,
};

struct errand_findings;
struct loop;
struct subscriber;

/* Whether answers go out, as CLIENT REPLY has it. */
enum connection_mute {
    MUTE_NOT,
    MUTE_ASKED, /* From the next command on MUTE_NEXT. */
    MUTE_NEXT,  /* The answer to one command does not. */
    MUTE_ALL,
};

/* What CLIENT keeps of it; there only once asked for. */
struct connection_names {
    char name[CONNECTION_NAME_SIZE];
    char library[CONNECTION_NAME_SIZE];
    char library_version[CONNECTION_NAME_SIZE];
};

/* Of its output, from its beginning. */
struct connection_ripe {
    size_t bytes;
    uint32_t texts; /* Messages of the feed. */
};

struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct loop *lent_loop;
    struct connection *idle_older;
    struct connection *idle_newer;
    struct connection *flush_next;
    struct connection *stalled_next;
    uint64_t id; /* Of the whole server. */
    uint32_t number;
    uint32_t generation;
    bool is_open;
    bool is_reading;
    bool is_writing; /* `sending` is with the system. */
    bool is_ending;  /* Closes when all is sent. */
    bool is_at_end;  /* The client sends nothing more. */
    bool is_in_flush;
    bool is_stalled;
    bool has_learned; /* Its output tells what a shard said: it goes when that is safe. */
    bool is_no_evict; /* Both told by CLIENT; nothing here depends on the second. */
    bool is_no_touch;
    enum connection_mute mute;
    uint8_t lists_open_max; /* 1 to CONNECTION_LISTS_OPEN_MAX: doubles with each short list. */
    struct resp_parser parser;
    struct answers answers;
    struct buffer in;
    struct buffer out;
    struct buffer sending;
    struct connection_ripe ripe;     /* May go: what it tells is safe. */
    struct connection_ripe ripening; /* May go when what the loop waits for is safe. */
    uv_write_t write;
    struct resp_writer writer; /* Over `out`. */
    uint64_t began_ms;
    uint64_t active_ms;
    size_t texts_sending; /* Bytes of the feed's messages that are with the system. */
    size_t unsent_seen;   /* Of `sending`, and in the system, when last looked at. */
    uint64_t bytes_counted;
    const char *lent_command;         /* The last one, by its full name. NULL before the first. */
    struct errand_findings *findings; /* NULL: no errand of its is under way. */
    struct connection_names *names;
    struct subscriber *subscriber; /* NULL before its first SUBSCRIBE. */
};

struct connection_list {
    struct connection *oldest;
    struct connection *newest;
};

/* A client has come to the listener. */
void connection_accept(struct loop *loop, uv_stream_t *listener, bool is_unix);

/* An answer from a shard. */
void connection_take_reply(struct loop *loop, const struct reply *reply);

struct command_token connection_make_token(const struct connection *self, uint32_t number);

/* connection_mute.c */
/* May the command be taken behind those that are not answered? Which answers are muted must be
 * known when they come. */
bool connection_mute_allows(const struct connection *self, bool is_subscribe);
/* The output has grown from `size` by answers, or parts of them; a command is through or, where
 * `more` comes, is not. What tells of subscriptions is never muted, as in Redis. */
void connection_mute_output(struct connection *self, size_t size, bool is_subscription, bool more);

/* What it takes of memory, kept in the loop's sum. */
void connection_count_bytes(struct connection *self);

/* It has output: to be sent at the end of the turn. */
void connection_want_flush(struct connection *self);

/* Closes when all is sent; takes no further command. */
void connection_end(struct connection *self);

/* At once. The memory goes when the system has let go of the socket. */
void connection_close(struct connection *self);

/* Takes no further command until the next turn tries again. */
void connection_stall(struct connection *self);

/* Bytes that wait to be sent. */
uint64_t connection_count_output(const struct connection *self);

/* Once a turn. */
void connections_resume(struct loop *loop) ON_SHARD_THREAD;
void connections_flush(struct loop *loop);

/* connection_idle.c: the loop's connections, the longest idle first. */
void connection_enter_idle_order(struct connection *self);
void connection_leave_idle_order(struct connection *self);
/* It has sent something, or taken what it was sent. */
void connection_note_activity(struct connection *self);

/* Closes those that for too long have neither sent anything nor read what they were sent. */
void connections_expire(struct loop *loop, uint64_t now_ms);

/* Closes the largest while all together take more than the loop's share of maxmemory-clients, but
 * for those with CLIENT NO-EVICT; some a turn. */
void connections_evict(struct loop *loop);

/* No more reading anywhere. */
void connections_stop_reading(struct loop *loop);

/* No connection is owed an answer. */
bool connections_are_answered(const struct loop *loop);
void connections_close_all(struct loop *loop);

#endif
