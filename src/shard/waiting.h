/* What waits: the commands of users that cannot be served yet, a queue for each user.
 *
 *     user ──► struct waiting ─► first ─► ... ─► last      commands, in the order they came
 *                             └► flushers        RS.FLUSH user, COMMIT now: they hold up nobody
 *
 * Memory: the table and its nodes are the heap's (a miss costs a store read anyway); owned
 * here.  Thread: the shard's.
 */
#ifndef SHARD_WAITING_H
#define SHARD_WAITING_H

#include "base/attribute.h"
#include "message/command.h"
#include "message/reply.h"
#include "store/image.h"

#include <stdbool.h>

/* A command to several users of which some wait: counts until all have had their turn. */
struct gathering {
    struct command_token token;
    enum command_kind kind;
    uint32_t remaining;
    struct reply_counts counts;
    uint32_t badges_count;
    uint32_t badges_room;
    struct reply_badge badges[]; /* RS.BADGE. */
};

struct waiter {
    struct waiter *next;
    struct command command;      /* A copy of its own. */
    struct gathering *gathering; /* NULL: the command is for this user alone. */
    struct command_target target;
    bool continues; /* RS.LIST: not its first part. */
};

struct flusher {
    struct flusher *next;
    struct reply reply;  /* When it is written; without payload. */
    enum status failed;  /* When it could not be. */
    uint64_t ticket_min; /* Done when a save with this ticket or a later one is done. */
};

enum waiting_for {
    WAITING_FOR_NOTHING, /* Only flushers are there. */
    WAITING_TO_LOAD,     /* For the store to take one more read. */
    WAITING_FOR_LOAD,
    WAITING_FOR_ROOM,
    WAITING_FOR_LEAVES, /* A large user's leaves go into the cache in slices. */
    WAITING_FOR_WRITE,  /* RS.EVICT. */
    WAITING_FOR_TURN,   /* For nothing but the rest of a long queue being served in slices. */
};

/* What the journal had of a user, on its way upon what the store has: heads as in an entry, and
 * leaves one behind the other. */
struct overlay {
    uint32_t incarnation;
    uint64_t version;
    uint64_t purged_to;
    uint32_t tombstones; /* UINT32_MAX: not known. */
    uint8_t era;
    uint8_t epoch; /* Of the dirty queue. */
    uint32_t row;  /* Of the leaf at `at`: the next one. */
    size_t at;
    size_t size;
    uint8_t leaves[];
};

struct waiting {
    struct user_id user;
    enum waiting_for for_what;
    bool is_warm;  /* Loaded for the warm restart, whoever else waits. */
    uint32_t warm; /* The load's number there. */
    bool is_late;  /* WAITING_FOR_LOAD, which takes so long that nobody is to wait. */
    uint32_t load; /* WAITING_FOR_LOAD: which of those in flight. */
    uint64_t load_began_ms;
    bool absent;             /* Looked for in the store, and not there. */
    struct image *image;     /* Loaded, not yet in the cache. */
    uint32_t image_next;     /* Its next piece. */
    struct overlay *overlay; /* NULL: none. */
    uint64_t reserved_bytes; /* Of the cache, for the pieces that follow. */
    struct waiter *first;
    struct waiter *last;
    struct flusher *flushers;
    struct waiting *hash_next;
    struct waiting *write_next;   /* Of those that wait for a write, or have. */
    struct waiting **write_place; /* What points to it there; NULL: it is none of them. */
    struct waiting *queue_next;   /* Of those that wait for the same thing. */
};

/* A FIFO through queue_next. A user waits in one of them at most. */
struct waiting_queue {
    struct waiting *first;
    struct waiting *last;
};

struct waiting_table {
    struct waiting **heads;
    uint32_t heads_count; /* A power of two. */
    uint32_t users;
    uint64_t commands;
    struct waiting *writes; /* The newest first. */
};

NODISCARD enum status waiting_table_init(struct waiting_table *self);
void waiting_table_deinit(struct waiting_table *self);

/* NULL where nothing waits for the user. */
struct waiting *waiting_find(const struct waiting_table *self, struct user_id user);

/* Finds it or makes it; NULL without memory. */
struct waiting *waiting_acquire(struct waiting_table *self, struct user_id user);

/* Frees it, and its image; nothing may wait there any more, and it is in no queue. */
void waiting_release(struct waiting_table *self, struct waiting *taken_waiting);

/* It has flushers, or is WAITING_FOR_WRITE: found by waiting_pop_write, if it still is there. */
void waiting_note_write(struct waiting_table *self, struct waiting *waiting);
/* NULL: there is none. */
struct waiting *waiting_pop_write(struct waiting_table *self);

/* A copy of the command at the end of the user's queue; STATUS_MEMORY changes nothing. */
NODISCARD enum status waiting_push(struct waiting_table *self, struct waiting *waiting,
                                   const struct waiter *waiter);

/* Takes the first; the caller frees it with waiter_destroy. */
struct waiter *waiting_pop(struct waiting_table *self, struct waiting *waiting);
void waiter_destroy(struct waiter *taken_waiter);

void waiting_queue_push(struct waiting_queue *self, struct waiting *waiting);
void waiting_queue_push_first(struct waiting_queue *self, struct waiting *waiting);
struct waiting *waiting_queue_pop(struct waiting_queue *self);

#endif
