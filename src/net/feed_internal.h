/* What the files of the feed share: a subscription, and how it stands.
 *
 * Memory and thread: as in feed.h.
 */
#ifndef NET_FEED_INTERNAL_H
#define NET_FEED_INTERNAL_H

#include "net/feed.h"
#include "net/net_internal.h"

static inline bool feed_is_newer(struct feed_mark mark, struct feed_mark than)
{
    return mark.incarnation != than.incarnation ? mark.incarnation > than.incarnation
                                                : mark.version > than.version;
}

enum subscription_state {
    SUBSCRIPTION_ASKED, /* The client has no answer. */
    SUBSCRIPTION_LIVE,
    SUBSCRIPTION_BEHIND,
    SUBSCRIPTION_DROPPED,
};

/* The subscriptions of one user on this loop. */
struct audience {
    struct feed_node node;
    struct user_id user;
    struct subscription *first;
};

struct subscription {
    struct feed_node node; /* Of user and subscriber. */
    struct user_id user;
    struct subscriber *lent_subscriber;
    struct audience *lent_audience;
    struct subscription *audience_before;
    struct subscription *audience_after;
    struct subscription *own_before; /* The subscriber's others; the next that is dropped. */
    struct subscription *own_after;
    struct subscription *behind_before;
    struct subscription *behind_after;
    enum subscription_state state;
    bool has_lost;           /* Messages, since its list was asked for: it needs another one. */
    uint32_t questions;      /* Whose answers the client has not got. */
    struct feed_mark told;   /* The client knows all up to here. */
    struct feed_mark newest; /* That was heard of. */
};

static inline struct feed *feed_of(const struct connection *connection)
{
    return &connection->lent_loop->feed;
}

/* feed.c */

/* NULL: nobody on this loop reads the user. */
struct audience *feed_find_audience(const struct feed *self, struct user_id user);

/* Its list is asked for when the client's queue is empty. */
void feed_fall_behind(struct subscription *subscription);
bool feed_may_catch_up(const struct subscriber *subscriber);
void feed_remove_from_behind(struct subscriber *subscriber, struct subscription *subscription);

/* The client knows all up to there; has something newer been heard of? */
void feed_settle(struct subscription *subscription, struct feed_mark told);

/* The client no longer has it. The shard hears of that when it is freed, by feed_turn. */
void feed_drop(struct feed *self, struct subscriber *subscriber, struct subscription *subscription);
void feed_destroy_subscription(struct feed *self, struct subscription *subscription);

#endif
