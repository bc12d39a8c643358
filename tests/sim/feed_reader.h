/* What a client keeps of one user: it subscribes, lists, and applies what is newer, as the contract
 * tells it to (tests/feed_reader.py has the same rules, for a server with sockets).
 *
 *     subscribe ──► list ──► message ──► message ──► ...      connection lost: again, SINCE
 *
 * Lists and messages come in the order in which the shard gave them. So what it has is what a list
 * shows, at each list; and of one change there is one message, without a gap.
 *
 * Memory: plain data; what is told is lent for the call.  Thread: one.
 */
#ifndef SIM_FEED_READER_H
#define SIM_FEED_READER_H

#include "base/attribute.h"
#include "base/failure.h"
#include "message/publication.h"
#include "server/datadir.h"
#include "sim/user_model.h"

#include <stdbool.h>
#include <stdint.h>

struct feed_list {
    const char *epoch;
    uint32_t incarnation;
    uint64_t version;
    bool is_full;
    uint64_t since; /* Else all that is newer than that version, of this incarnation: */
    uint32_t since_incarnation;
    uint32_t count;
    const struct state_view *views;
};

struct feed_reader {
    bool is_subscribed;
    bool is_current;     /* It has listed since, and heard of all that came later. */
    bool has_asked;      /* For that list. */
    bool has_listed;     /* Ever: what is below is something. */
    bool may_begin_anew; /* Somebody has asked for the user to be forgotten: where that fails, what
                          * comes next has another epoch. */
    char epoch[DATADIR_EPOCH_SIZE];
    uint32_t incarnation;
    uint64_t version;
    struct state_view states[MODEL_CHANNELS_MAX]; /* By number; of a removed one the tombstone. */
};

/* STATUS_CORRUPT: no reader can be told so, and out_failure has a sentence. */
NODISCARD enum status feed_reader_subscribe(struct feed_reader *self, uint64_t version,
                                            struct failure *out_failure);

/* No more messages come, for whatever reason; what it has it keeps. */
void feed_reader_leave(struct feed_reader *self);

NODISCARD enum status feed_reader_take_list(struct feed_reader *self, const struct feed_list *list,
                                            struct failure *out_failure);

/* Or a part of one. */
NODISCARD enum status feed_reader_take_message(struct feed_reader *self,
                                               const struct publication *message,
                                               struct failure *out_failure);

#endif
