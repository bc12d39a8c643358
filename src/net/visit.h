/* Who is inside a shard: one thread at a time, its own loop's or another's.
 *
 *     loop 0 ──visit──► shard 0
 *          └───visit──► shard 1        when loop 1 sleeps, or is at its sockets
 *
 * Waking another thread for one command costs more than the command. So a thread that has commands
 * for a shard of another loop executes them itself, if nobody is inside; if somebody is, they go
 * through a link, and the shard's own loop executes them at its next turn. Nobody ever waits to
 * come in. Only the own loop lets time pass in a shard (shard_turn), and only it takes in what
 * links and store bring; a visitor whose commands leave something for that wakes it.
 *
 * Behind the gate stand: the shard, its store workers, its metrics, and the sending side of all
 * replies that leave it.
 *
 * Memory: none.  Thread: a loop's.
 */
#ifndef NET_VISIT_H
#define NET_VISIT_H

#include "base/attribute.h"
#include "base/role.h"
#include "message/reply.h"
#include "shard/shard.h"
#include "store/worker.h"

#include <stdbool.h>

struct loop;
struct net;

/* `self` comes into the shard of `home`. False: not now. For its own shard it is then woken when
 * who is inside leaves; another one's it may not enter as long as commands that it sent before are
 * on their way, which would be overtaken. */
NODISCARD bool visit_begin(struct loop *self, struct loop *home) ON_SHARD_THREAD;

/* Shows what the shard has sent, to store and loops, and leaves. */
void visit_end(struct loop *self, struct loop *home) ON_SHARD_THREAD;

/* Leaves, where nothing was sent. */
void visit_leave(struct loop *self, struct loop *home) ON_SHARD_THREAD;

/* A shard's share of what all of them may take. */
struct shard_limits visit_share_limits(const struct net *net, const struct shard_limits *limits);

/* The shard's effects (struct shard_port); the context is its own loop. */
void visit_reply(void *context, const struct reply *reply);
bool visit_has_reply_room(void *context, const struct command_token *token);
void visit_publish(void *context, const struct publication *publication);
void visit_send_to_store(void *context, const struct store_request *request);

/* The answer to a command of `self` that the shard of `home` executed. */
void visit_take_reply(struct loop *self, struct loop *home, const struct reply *reply);

#endif
