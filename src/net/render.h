/* A shard's replies in the client's protocol: the shapes of the contract's section 4.
 *
 * Memory: the writer's buffer.  Thread: the connection's.
 */
#ifndef NET_RENDER_H
#define NET_RENDER_H

#include "message/reply.h"
#include "resp/writer.h"

/* Room for an epoch's text: 16 hexadecimal digits, and "-N" after a user was forgotten N times. */
enum { EPOCH_SIZE = 32 };

/* An error, its first word from the status. */
void render_status(struct resp_writer *to, enum status status);

/* `-ERR sentence`. */
void render_error(struct resp_writer *to, const char *sentence);

/* A reply that is whole: all kinds but LIST, STATES, COUNTS and BADGES. */
void render_reply(struct resp_writer *to, const struct reply *reply);

/* The elements of RS.GET's and RS.LIST's arrays. */
void render_views(struct resp_writer *to, const struct state_view *views, uint32_t count);

/* All of RS.LIST before its states. `epoch` is the server's. */
void render_list_head(struct resp_writer *to, const char *epoch, const struct reply *reply,
                      uint64_t states);

/* A user's epoch: the server's, and the incarnation where that is not 0. */
void render_epoch(char to[static EPOCH_SIZE], const char *epoch, uint32_t incarnation);

/* What SUBSCRIBE and UNSUBSCRIBE say for one channel, with the number of those that are left.
 * User 0: there was none. */
void render_subscription(struct resp_writer *to, const char *command, struct user_id user,
                         uint64_t subscriptions);

/* Of `asked` users. */
void render_counts(struct resp_writer *to, const struct reply_counts *counts, uint32_t asked);

/* In the order of their positions; if one failed, the error instead. */
void render_badges(struct resp_writer *to, const struct reply_badge *badges,
                   const struct reply_counts *counts, uint32_t asked);

#endif
