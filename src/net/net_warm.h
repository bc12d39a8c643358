/* Warm restart, between the thread that has the files and the loops that have the users.
 *
 *     first thread ──ids, a ring each──► loops ──► shard_warm
 *                  ◄──lists of the hottest──── loops ◄── shard_take_hot
 *
 * Memory: a list is the shard's while it is made, then the net's, then who took it.  Threads:
 * whoever made the net calls these functions, but for net_peek_warm: any.
 */
#ifndef NET_NET_WARM_H
#define NET_NET_WARM_H

#include "base/attribute.h"
#include "net/net.h"
#include "shard/hot_list.h"

#include <stdbool.h>
#include <stdint.h>

enum net_warm_state {
    NET_WARM_NONE, /* There was nothing to load. */
    NET_WARM_LOADING,
    NET_WARM_DONE,
    NET_WARM_STOPPED, /* Before it was done. */
};

/* What INFO says beside the metrics. */
struct net_warm {
    enum net_warm_state state;
    uint64_t users;       /* To be loaded by this start, in all. */
    uint64_t saved_s;     /* The last list that was saved by this process, since 1970; 0: none. */
    uint64_t saved_users; /* In it. */
    uint64_t failures;    /* Lists that could not be saved. */
};

void net_show_warm(struct net *self, const struct net_warm *figures);
struct net_warm net_peek_warm(struct net *self);

/* The user is to be loaded by its shard. False: as many are on their way there as may be; it is to
 * be tried again after net_wake_warm. */
NODISCARD bool net_warm_user(struct net *self, struct user_id user);

/* The loops see what was given to them. */
void net_wake_warm(struct net *self);

/* Each shard makes a list of its hottest users, `users_max` together at the most. */
void net_begin_hot(struct net *self, uint64_t users_max);

/* True: all are made, out_lists[0] to [threads - 1], which are the caller's. A shard without memory
 * for it gives an empty one. */
NODISCARD bool net_take_hot(struct net *self, struct hot_list *out_lists);

/* Those lists are not needed any more. */
void net_return_hot(struct net *self, struct hot_list *taken_lists);

#endif
