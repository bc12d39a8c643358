/* A link: what one shard sends to another, in order.
 *
 *     from ──commands──► to        at most commands_max without their answer
 *     from ──replies───► to        to commands that came the other way
 *     from ──texts─────► to        of the change feed; those that find the ring full are lost, and
 *                                  said to be
 *
 * Replies never wait for the other side: what the ring does not take (a list has many parts) stays
 * in a queue on the sender's side, bounded by the commands under way.
 *
 * Who owns what: a command and its list, a reply and its payload are the sender's until sent, then
 * the link's, then the receiver's.
 *
 * Memory: rings, taken at init.  Threads: of commands the sender's reserves, sends and publishes,
 * the receiver's receives. Replies and texts are sent and published by who is inside the sender's
 * shard (visit.h), and received by the receiver's thread.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "memory/ring.h"
#include "memory/vec.h"
#include "message/command.h"
#include "message/reply.h"
#include "net/feed_text.h"

enum {
    /* A link's commands_max. */
    LINK_COMMANDS_LEAST = 256,
    LINK_COMMANDS_MOST = 4096,
    /* The ring of replies takes so many times more. */
    LINK_REPLIES_A_COMMAND = 2,
    LINK_TEXTS_MAX = 1024,
};

struct link {
    uint32_t commands_max;
    struct ring commands;
    struct ring replies;
    uint32_t commands_open; /* The sender's own: taken for that shard and not answered. */
    VEC(struct reply) waiting_replies;
    struct ring texts; /* struct feed_text *; NULL: here some were lost. */
    bool has_lost_texts;
};

/* `commands_max` is a power of two, LINK_COMMANDS_LEAST to LINK_COMMANDS_MOST. */
NODISCARD enum status link_init(struct link *self, uint32_t commands_max);
void link_deinit(struct link *self);

/* Is there room for one more command? */
bool link_has_room(const struct link *self);

/* A command was taken for that shard; it is sent, or executed without. The link has room. */
void link_begin_command(struct link *self);

/* The whole answer is there. */
void link_end_command(struct link *self);

/* Sends a copy of a command that was begun. STATUS_MEMORY: nothing was sent. */
NODISCARD enum status link_send_command(struct link *self, const struct command *command);

/* The sender's: is every command that was sent received? */
bool link_is_drained(struct link *self);

/* Sends a copy. STATUS_MEMORY: nothing was sent. */
NODISCARD enum status link_send_reply(struct link *self, const struct reply *reply);

/* The text goes to the other side, or is lost. */
void link_send_text(struct link *self, struct feed_text **taken_text);

/* A text for the other side could not be made. */
void link_lose_text(struct link *self);

/* Is every reply that was sent received? For a thread that is on both sides. */
bool link_is_quiet(const struct link *self);

/* Does the other side keep up, so that more parts of lists may be sent? */
bool link_has_reply_room(struct link *self);

/* True: the other side has something new to see. */
bool link_publish_commands(struct link *self);
bool link_publish_replies(struct link *self);
bool link_publish_texts(struct link *self);

/* False: nothing waits. The caller owns what it gets. */
bool link_receive_command(struct link *self, struct command *out_command);
bool link_receive_reply(struct link *self, struct reply *out_reply);
/* *out_text NULL: some were lost. */
bool link_receive_text(struct link *self, struct feed_text **out_text);

#endif
