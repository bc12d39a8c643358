/* What a shard answers: plain values, which the connection's shard writes in the client's protocol.
 *
 * A list of many states comes as several replies of kind REPLY_LIST; `last` stands in the last.
 *
 * Memory: the payload is lent for the call. A reply that travels owns a copy: reply_copy makes it,
 * reply_deinit frees it.
 */
#ifndef MESSAGE_REPLY_H
#define MESSAGE_REPLY_H

#include "base/attribute.h"
#include "base/status.h"
#include "message/command.h"
#include "readstate/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reply_kind {
    REPLY_STATE,  /* [version, mentions] */
    REPLY_BULK,   /* [version, changed] */
    REPLY_COUNTS, /* RS.MENTION, RS.MESSAGE, RS.UNMENTION: [risen or fallen, pending], or how many
                   * failed */
    REPLY_STATES, /* RS.GET: views, nil where not present */
    REPLY_LIST,   /* RS.LIST: a part of its views */
    REPLY_BADGES, /* RS.BADGE */
    REPLY_INTEGER,
    REPLY_SIZE, /* MEMORY USAGE: bytes, nil where there are none. */
    REPLY_DONE,
    REPLY_FAILED,
    REPLY_INSPECTED_USER,
    REPLY_INSPECTED_CHANNEL,
    REPLY_SUBSCRIBED, /* SUBSCRIBE: what is newer than this version is published from here on. */
};

struct reply_badge {
    uint32_t position;
    enum status status; /* Of this user's load. */
    uint64_t mentions;
    uint64_t states; /* With mentions. */
};

/* Of a command to several users. */
struct reply_counts {
    uint32_t risen; /* Or fallen. */
    uint32_t pending;
    uint32_t succeeded;
    uint32_t failed_position; /* Of the first that failed; UINT32_MAX: none did. */
    enum status failed_status;
};

enum inspect_wait {
    INSPECT_WAITS_FOR_NOTHING,
    INSPECT_WAITS_FOR_WRITE,
};

struct inspected_user {
    bool cached;
    bool dirty;
    enum inspect_wait waits_for;
    uint32_t slot;
    uint32_t shard;
    uint32_t states;
    uint32_t tombstones;
    uint32_t dirty_leaves; /* Pieces that must be written; a small user is one. */
    uint32_t incarnation;
    uint64_t bytes;
    uint64_t version;
    uint64_t idle_s;
    uint64_t write_in_ms;
};

struct reply {
    enum reply_kind kind;
    enum status status; /* REPLY_FAILED. */
    struct command_token token;
    uint32_t count;       /* Elements of the payload. SUBSCRIBED: the command's subscriptions. */
    uint32_t incarnation; /* LIST, SUBSCRIBED. */
    bool first;           /* REPLY_LIST, REPLY_STATES: the first part, ... */
    bool last;            /* ... and the last. */
    bool full;            /* REPLY_LIST: all states, and not only those that changed since. */
    uint64_t version;     /* STATE, BULK, LIST, SUBSCRIBED. */
    uint64_t number;      /* STATE: mentions. BULK: changed. STATES: of all parts. INTEGER, SIZE.
                            * INSPECTED_CHANNEL: is it there? SUBSCRIBED: the user.
                            * LIST: about how many there are in all. */
    union {
        const void *payload;
        const struct state_view *views;
        const struct reply_badge *badges;
        const struct reply_counts *counts;
        const struct inspected_user *user;
        const struct read_state *state; /* INSPECTED_CHANNEL. */
    };
};

/* Is the command answered with it, or do more parts come? */
bool reply_ends_command(const struct reply *self);

size_t reply_get_payload_size(const struct reply *self);

/* A reply with a payload of its own. STATUS_MEMORY leaves *out_copy alone. */
NODISCARD enum status reply_copy(const struct reply *self, struct reply *out_copy);

/* Frees the payload of a copy. */
void reply_deinit(struct reply *self);

#endif
