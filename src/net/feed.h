/* The change feed of one loop: which of its connections read which users, and how far they are.
 *
 *     shard ──texts──► loop ──┬──► connection's queue ──► socket
 *                             └──► fallen behind: RS.LIST since, from the shard, when there is room
 *
 * A subscription knows the version that its client was told of last. A message that finds the
 * client's queue full is dropped, and the subscription has fallen behind: when the queue is empty
 * again, one merged message is made of all that is newer than that version, which the shard still
 * knows, since a subscribed user stays in memory. So a slow reader costs a bounded queue and two
 * numbers a subscription, however much it misses.
 *
 * Nothing depends on the order in which the shard's answers and its messages arrive here: all of
 * them carry versions, what is not newer is dropped, and what leaves a gap is caught up with.
 *
 *     asked ──► told all ◄──► has fallen behind
 *
 * A client gets messages of a user between the confirmation of its SUBSCRIBE and that of its
 * UNSUBSCRIBE, and never outside of these: in RESP2 it would take them for answers.
 *
 * The shard knows one thing of a loop: whether it reads a user. It is told so with each
 * subscription, and told that nobody does any more when the last one is dropped.
 *
 * Memory: a heap block for each subscription, each user read here and each connection that reads;
 * dropped ones are freed in slices.  Thread: the loop's.
 */
#ifndef NET_FEED_H
#define NET_FEED_H

#include "base/role.h"
#include "memory/vec.h"
#include "message/reply.h"
#include "net/feed_queue.h"
#include "net/feed_table.h"

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct loop;
struct subscription;

/* A place in a user's history. */
struct feed_mark {
    uint32_t incarnation;
    uint64_t version;
};

/* A SUBSCRIBE whose answer the client has not got. */
struct feed_question {
    uint32_t number;       /* Of the answer. */
    bool is_granted;       /* The shard has said so, ... */
    struct feed_mark from; /* ... and publishes what is newer. */
    struct subscription *subscription;
};

/* A connection that reads the feed. It outlives the connection until its subscriptions are freed.
 */
struct subscriber {
    struct connection *lent_connection;
    struct subscription *first; /* The newest. */
    uint32_t count;
    uint32_t names_done;                 /* Of the SUBSCRIBE that is being taken. */
    bool is_leaving_all;                 /* An UNSUBSCRIBE of all is being answered. */
    bool is_gone;                        /* The connection is closed, ... */
    bool is_released;                    /* ... and the system has let go of it. */
    bool is_queued;                      /* In the loop's list of those that can catch up. */
    VEC(struct feed_question) questions; /* In the order of their numbers, ... */
    uint32_t questions_first;            /* ... from here on: those before it are done with. */
    struct feed_queue queue;
    struct subscription *behind_first;
    struct subscription *behind_last;
    struct subscription *catching; /* Its list is on the way. */
    uint32_t catching_number;      /* Of that list. */
    bool is_drafting;              /* Its first part is there. */
    struct feed_draft draft;
    struct subscriber *behind_next;
    struct subscriber *gone_next;
};

struct feed {
    struct feed_table audiences;
    struct feed_table subscriptions;
    struct subscriber *behind_first; /* Have fallen behind, and room again. */
    struct subscriber *gone_first;   /* Whose subscriptions are still to be dropped. */
    struct subscription *dropped;    /* Still to be freed. */
    uint64_t lost;                   /* Shards of which messages were lost, a bit each: ... */
    uint32_t lost_bucket;            /* ... whom it concerns is looked for from here on. */
    uint64_t lost_since;             /* Since that search began: for the next one. */
};

/* The connection as a reader; it is made where it was none. NULL without memory. */
struct subscriber *feed_acquire_subscriber(struct connection *connection);

/* How many channels the connection reads, or is about to. */
uint32_t feed_count_subscriptions(const struct connection *connection);

/* SUBSCRIBEs whose answers the client has not got. */
static inline uint32_t feed_count_questions(const struct subscriber *self)
{
    return self->questions.count - self->questions_first;
}

/* A SUBSCRIBE goes to the user's shard, as the answer of that number. */
NODISCARD enum status feed_ask(struct connection *connection, struct user_id user, uint32_t number);

/* Its answer, before the client gets it. */
void feed_take_answer(struct connection *connection, uint32_t number, const struct reply *reply);

/* Answers went out: whose confirmation is among them gets messages from here on. */
void feed_note_answers(struct connection *connection);

/* A part of the list that catches up. */
void feed_take_list(struct connection *connection, const struct reply *reply);

/* False: it did not read that user. */
bool feed_unsubscribe(struct connection *connection, struct user_id user);

/* After that, before the client hears of it: drops the messages of whom it no longer reads. */
void feed_drop_texts(struct connection *connection);

/* The user of one of its subscriptions; 0: it has none. */
struct user_id feed_find_subscription(const struct connection *connection);

/* A message from the shard of that number. NULL: some were lost on the way. Returns how many read
 * the user, at least 1: the work it was. */
uint32_t feed_take_text(struct loop *loop, uint32_t shard, struct feed_text *taken_text);

/* Once a turn: lists for those who have fallen behind, and the end of what was dropped. */
void feed_turn(struct loop *loop) ON_SHARD_THREAD;

/* The queue is empty again, and nothing of it is with the system. */
void feed_note_room(struct subscriber *self);

/* The connection is closed: its subscriptions are dropped. */
void feed_leave(struct connection *connection);

/* The system has let go of the connection. */
void feed_release_subscriber(struct connection *connection);

/* No connection is left. */
void feed_deinit(struct feed *self);

/* Bytes that the connection takes as a reader. */
uint64_t feed_count_bytes(const struct connection *connection);

#endif
