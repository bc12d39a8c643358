/* Which thread executes a command: this one, where it may come into the user's shard now, else the
 * shard's own.
 *
 *     add ─► batch of up to BATCH_MAX, of all connections ─► run: by shard, prefetched, executed
 *     now ─► what has a list of its own, which is lent for the call only
 *
 * Memory: the loop's batch.  Thread: the loop's.
 */
#ifndef NET_DISPATCH_H
#define NET_DISPATCH_H

#include "base/attribute.h"
#include "base/role.h"
#include "message/command.h"
#include "net/call.h"

#include <stdbool.h>
#include <stdint.h>

enum { BATCH_MAX = 64 };

/* Commands on one user each, without lists, taken and not yet executed, in their order. */
struct batch {
    uint32_t count;
    bool has_copied; /* One of the calls has copied arguments. */
    uint8_t shards[BATCH_MAX];
    struct call calls[BATCH_MAX];
    struct command commands[BATCH_MAX];
};

struct loop;

/* May one more command for that shard be taken? May run the batch. */
NODISCARD bool dispatch_has_room(struct loop *self, uint32_t shard) ON_SHARD_THREAD;

/* A command that was taken: it has its token. The shard has room. The call's copied arguments are
 * taken over; NULL: no client asked for it. */
void dispatch_add(struct loop *self, uint32_t shard, const struct command *command,
                  struct call *call) ON_SHARD_THREAD;

/* Executes what was added, or sends it. What stays is for the loop's own shard, and another thread
 * is inside: it goes first at the next run. */
void dispatch_run(struct loop *self) ON_SHARD_THREAD;

/* Behind all that was added, and only with the batch empty: for the own shard inside of it, for
 * another one that has room. STATUS_MEMORY: it was not sent. */
NODISCARD enum status dispatch_now(struct loop *self, uint32_t shard,
                                   const struct command *command) ON_SHARD_THREAD;

#endif
