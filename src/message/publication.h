/* What a shard publishes: a visible change of a user, for the loops whose clients read the feed.
 *
 * A change of many states comes as several publications; `first` stands in the first, `last` in the
 * last, and nothing else is published in between.
 *
 * Memory: the views are lent for the call.
 */
#ifndef MESSAGE_PUBLICATION_H
#define MESSAGE_PUBLICATION_H

#include "base/ids.h"
#include "readstate/state.h"

#include <stdbool.h>
#include <stdint.h>

/* Which command it was (contract, section 4: the change feed). */
enum publication_cause {
    CAUSE_ACK,
    CAUSE_BULKACK,
    CAUSE_MENTION,
    CAUSE_MESSAGE,
    CAUSE_UNMENTION,
    CAUSE_PIN,
    CAUSE_JOIN,
    CAUSE_LEAVE,
    CAUSE_DELETE,
    CAUSE_FORGET, /* Drop all you have of the user, then apply the states. */
    CAUSE_MERGED, /* Of a reader who has fallen behind: the newest of all that was missed. */
};

struct publication {
    struct user_id user;
    uint32_t incarnation;
    enum publication_cause cause;
    uint64_t version; /* The user's, after the change. */
    uint64_t readers; /* The loops, a bit each. */
    bool first;
    bool last;
    uint32_t count;
    const struct state_view *views; /* In the order of the command's channels. */
};

#endif
